use super::{Rules, check};
use crate::history::{Action, Audited, Event, History, Operation, Outcome, Phase, Seen, Tick};

const SECOND: i64 = 1_000_000_000;

/// Operations one after the other, each with its begin and its end.
struct Told(History);

impl Told {
    fn new() -> Self {
        Self(History::default())
    }

    fn then(self, begin: Tick, end: Tick, action: Action, outcome: Outcome) -> Self {
        self.by(None, begin, end, action, outcome)
    }

    fn by(mut self, by: Option<u32>, begin: Tick, end: Tick, action: Action, outcome: Outcome) -> Self {
        let clock = (begin as i64 * SECOND, end as i64 * SECOND);
        let (id, audited) = (self.0.events.len() as u64, Some(Audited { request: true, response: true }));
        let end = Some(end);
        let operation = Operation { id, client: 1, node: 1, begin, end, clock, by, action, outcome, audited };
        self.0.events.push(Event::Operation(operation));
        self
    }

    fn event(mut self, event: Event) -> Self {
        self.0.events.push(event);
        self
    }

    /// The rules that it breaks.
    fn breaks(&self) -> Vec<&'static str> {
        let mut rules: Vec<_> = check(&self.0, Rules { failures_max: 2 }).into_iter().map(|a| a.rule).collect();
        rules.dedup();
        rules
    }
}

const OK: Outcome = Outcome::Ok(Seen { version: None, value: None });
const DENIED: Outcome = Outcome::Refused { status: 403 };
const WRONG: Outcome = Outcome::Refused { status: 400 };

fn unknown() -> Outcome {
    Outcome::Unknown { why: String::new() }
}

fn made(token: u32, parent: Option<u32>, uses: u64, ttl_seconds: u64) -> Action {
    Action::TokenCreate { token, parent, uses, ttl_seconds }
}

fn read(version: u64, value: u64) -> Outcome {
    Outcome::Ok(Seen { version: Some(version), value: Some(value) })
}

fn written(version: u64) -> Outcome {
    Outcome::Ok(Seen { version: Some(version), value: None })
}

fn write(cas: u64, value: u64) -> Action {
    Action::KvWrite { key: "k".to_owned(), cas: Some(cas), value }
}

fn look() -> Action {
    Action::KvRead { key: "k".to_owned() }
}

#[test]
fn a_token_is_good_for_its_uses_and_no_more() {
    let twice = || {
        let told = Told::new().then(1, 2, made(1, None, 2, 90_000), OK);
        told.by(Some(1), 3, 9, Action::TokenUse, OK).by(Some(1), 4, 8, Action::TokenUse, OK)
    };
    assert!(twice().breaks().is_empty());
    assert!(twice().by(Some(1), 10, 11, Action::TokenUse, DENIED).breaks().is_empty());
    assert_eq!(twice().by(Some(1), 5, 6, Action::TokenUse, OK).breaks(), ["overused-token"]);
    assert_eq!(twice().by(Some(1), 10, 11, Action::TokenUse, OK).breaks(), ["overused-token", "dead-token"]);
}

#[test]
fn what_is_revoked_stays_revoked_with_all_below_it() {
    let tree = || {
        let told = Told::new().then(1, 2, made(1, None, 0, 90_000), OK);
        told.then(3, 4, made(2, Some(1), 0, 90_000), OK).then(5, 8, Action::TokenRevoke { token: 1 }, OK)
    };
    assert!(tree().by(Some(2), 7, 9, Action::TokenUse, OK).breaks().is_empty(), "they met");
    assert_eq!(tree().by(Some(2), 9, 10, Action::TokenUse, OK).breaks(), ["dead-token"]);
    assert!(tree().by(Some(2), 9, 10, Action::TokenUse, DENIED).breaks().is_empty());
}

#[test]
fn a_token_ends_with_its_time_and_not_before_without_a_reason() {
    let told = || Told::new().then(1, 2, made(1, None, 0, 100), OK);
    assert!(told().by(Some(1), 102, 103, Action::TokenUse, OK).breaks().is_empty());
    assert_eq!(told().by(Some(1), 103, 104, Action::TokenUse, OK).breaks(), ["expired-token"]);
    let long = Told::new().then(1, 2, made(1, None, 0, 90_000), OK);
    assert_eq!(long.by(Some(1), 3, 4, Action::TokenUse, DENIED).breaks(), ["lost-token"]);
}

#[test]
fn a_document_is_one_value() {
    let first = || Told::new().then(1, 2, write(0, 7), written(1));
    assert!(first().then(3, 4, look(), read(1, 7)).breaks().is_empty());
    assert_eq!(first().then(3, 4, look(), Outcome::Refused { status: 404 }).breaks(), ["document"]);
    let both = first().then(3, 9, write(1, 8), written(2)).then(4, 8, write(1, 9), written(2));
    assert_eq!(both.breaks(), ["document"]);
    let new_then_old = first().then(3, 9, write(1, 8), written(2)).then(4, 5, look(), read(2, 8));
    assert_eq!(new_then_old.then(6, 7, look(), read(1, 7)).breaks(), ["document"]);
}

#[test]
fn what_is_unknown_may_happen_later_or_never_but_once() {
    let told = || Told::new().then(1, 2, write(0, 7), unknown()).then(3, 4, look(), Outcome::Refused { status: 404 });
    assert!(told().breaks().is_empty());
    assert!(told().then(5, 6, look(), read(1, 7)).breaks().is_empty());
    let gone = told().then(5, 6, look(), read(1, 7)).then(7, 8, look(), Outcome::Refused { status: 404 });
    assert_eq!(gone.breaks(), ["document"]);
}

#[test]
fn a_policy_is_in_force_when_it_was_acknowledged() {
    let forbid = || {
        let policy = Action::PolicyWrite { policy: "p".to_owned(), allows: false };
        Told::new().then(1, 4, policy, OK)
    };
    let used = || Action::PolicyUse { policy: "p".to_owned() };
    assert!(forbid().then(3, 5, used(), OK).breaks().is_empty());
    assert_eq!(forbid().then(5, 6, used(), OK).breaks(), ["policy"]);
}

#[test]
fn counted_things_are_good_so_many_times() {
    let wrapped = || {
        let action = Action::CountedCreate { kind: "wrap".to_owned(), number: 1, uses: 1 };
        Told::new().then(1, 2, action, OK)
    };
    let opened = || Action::CountedUse { kind: "wrap".to_owned(), number: 1 };
    assert!(wrapped().then(3, 4, opened(), OK).then(5, 6, opened(), WRONG).breaks().is_empty());
    assert_eq!(wrapped().then(3, 4, opened(), OK).then(3, 6, opened(), OK).breaks(), ["overused"]);
    assert_eq!(wrapped().then(3, 4, opened(), WRONG).breaks(), ["lost-use"]);
    assert!(wrapped().then(3, 4, opened(), unknown()).then(5, 6, opened(), WRONG).breaks().is_empty());
}

#[test]
fn guesses_are_counted_and_lock_out() {
    let login = |right| Action::Login { user: "ann".to_owned(), right };
    let two = || Told::new().then(1, 2, login(false), WRONG).then(3, 4, login(false), WRONG);
    assert!(two().then(5, 6, login(false), DENIED).breaks().is_empty());
    assert_eq!(two().then(5, 6, login(false), WRONG).breaks(), ["lockout"]);
    assert_eq!(two().then(5, 6, login(true), OK).breaks(), ["locked-in"]);
    let between = Told::new().then(1, 2, login(false), WRONG).then(3, 4, login(true), OK);
    assert!(between.then(5, 6, login(false), WRONG).then(7, 8, login(false), WRONG).breaks().is_empty());
}

#[test]
fn what_was_lent_is_taken_back() {
    let lent = || {
        let told = Told::new().event(Event::Lent { at: 2, credential: 5 });
        told.then(1, 3, Action::LeaseIssue, Outcome::Ok(Seen { version: None, value: Some(5) }))
    };
    let settled =
        |phase, out: &[u64]| Event::Settled { at: 99, phase, out: out.to_vec(), lease_rows: 0, stray_rows: 0 };
    assert!(lent().event(settled(Phase::Revoked, &[5])).event(settled(Phase::Expired, &[])).breaks().is_empty());
    assert_eq!(lent().event(settled(Phase::Expired, &[5])).breaks(), ["lease-expired"]);
    let revoked = lent().then(4, 5, Action::LeaseRevoke { credential: 5 }, OK);
    assert_eq!(revoked.event(settled(Phase::Revoked, &[5])).breaks(), ["lease-revoked"]);
}

#[test]
fn no_answer_leaves_before_its_entry() {
    let mut told = Told::new().then(1, 2, look(), Outcome::Refused { status: 404 });
    assert!(told.breaks().is_empty());
    if let Some(Event::Operation(operation)) = told.0.events.last_mut() {
        operation.audited = Some(Audited { request: true, response: false });
    }
    assert_eq!(told.breaks(), ["audit"]);
}

const HOUR: u64 = 3600;

fn granted(seconds: u64) -> Outcome {
    Outcome::Ok(Seen { version: None, value: Some(seconds) })
}

fn renewed(increment_seconds: u64) -> Action {
    Action::TokenRenew { token: 1, increment_seconds, max_seconds: 15 * HOUR }
}

#[test]
fn a_renewed_token_lives_on_but_no_longer_than_it_may() {
    let told = || Told::new().then(1, 2, made(1, None, 0, 5 * HOUR), OK);
    let renewed = || told().then(3, 4, renewed(12 * HOUR), granted(12 * HOUR));
    let at = |told: Told, hour: u64, outcome| {
        let at = hour * HOUR;
        told.by(Some(1), at, at + 1, Action::TokenUse, outcome).breaks()
    };
    assert!(at(renewed(), 8, OK).is_empty());
    assert_eq!(at(renewed(), 8, DENIED), ["lost-token"]);
    assert!(at(renewed(), 11, DENIED).is_empty(), "another node's clock may have been ahead");
    assert!(at(told(), 8, DENIED).is_empty());
    assert_eq!(at(told(), 8, OK), ["expired-token"]);
    assert_eq!(at(renewed(), 13, OK), ["expired-token"]);
    let beyond = || told().then(3, 4, self::renewed(40 * HOUR), granted(40 * HOUR));
    assert!(at(beyond(), 14, OK).is_empty());
    assert_eq!(at(beyond(), 16, OK), ["expired-token"], "no renewal goes beyond the most it may have");
}

#[test]
fn a_renewal_without_an_answer_may_have_happened() {
    let told = || Told::new().then(1, 2, made(1, None, 0, 5 * HOUR), OK).then(3, 4, renewed(12 * HOUR), unknown());
    for outcome in [OK, DENIED] {
        assert!(told().by(Some(1), 8 * HOUR, 8 * HOUR + 1, Action::TokenUse, outcome).breaks().is_empty());
    }
}

#[test]
fn a_renewed_lease_is_not_taken_back_before_its_time() {
    let told = || {
        let told = Told::new().event(Event::Lent { at: 2, credential: 5 });
        let told = told.then(1, 3, Action::LeaseIssue, Outcome::Ok(Seen { version: None, value: Some(5) }));
        let renew = Action::LeaseRenew { credential: 5, increment_seconds: 12 * HOUR };
        told.then(4, 5, renew, granted(12 * HOUR))
    };
    let taken = |hour: i64| Event::TakenBack { at: 9, credential: 5, latest: hour * HOUR as i64 * SECOND };
    assert_eq!(told().event(taken(7)).breaks(), ["lease-lost"]);
    assert!(told().event(taken(13)).breaks().is_empty());
    let revoked = told().then(6, 7, Action::LeaseRevoke { credential: 5 }, OK);
    assert!(revoked.event(taken(7)).breaks().is_empty());
}

#[test]
fn mounts_come_go_and_move_with_what_they_hold() {
    let (enable, disable) = (|| Action::MountEnable { place: 0 }, || Action::MountDisable { place: 0 });
    let (write, look) = (|| Action::MountWrite { place: 0, value: 7 }, |place| Action::MountRead { place });
    let gone = || Outcome::Refused { status: 404 };
    let written = || Told::new().then(1, 2, enable(), OK).then(3, 4, write(), OK);
    assert!(written().then(5, 6, look(0), granted(7)).breaks().is_empty());
    assert_eq!(written().then(5, 6, look(0), gone()).breaks(), ["mount"]);
    let moved = || written().then(5, 6, Action::MountMove { from: 0, to: 1 }, OK);
    assert!(moved().then(7, 8, look(1), granted(7)).then(9, 10, look(0), gone()).breaks().is_empty());
    assert_eq!(moved().then(7, 8, look(0), granted(7)).breaks(), ["mount"]);
    let taken = || written().then(5, 6, disable(), OK);
    assert_eq!(taken().then(7, 8, write(), OK).breaks(), ["mount"], "a write into what is not mounted");
    let again = || taken().then(7, 8, enable(), OK);
    assert!(again().then(9, 10, look(0), gone()).breaks().is_empty());
    assert_eq!(again().then(9, 10, look(0), granted(7)).breaks(), ["mount"], "a new engine holds nothing");
    assert_eq!(again().then(9, 10, enable(), OK).breaks(), ["mount"]);
}

#[test]
fn one_share_opens_the_store_and_it_is_the_one_in_force() {
    let open = |share| Action::Unseal { share };
    let rekeyed = |outcome| Told::new().then(1, 2, open(0), OK).then(3, 4, Action::Rekey { share: 1 }, outcome);
    assert!(rekeyed(OK).then(5, 6, open(1), OK).breaks().is_empty());
    assert_eq!(rekeyed(OK).then(5, 6, open(0), OK).breaks(), ["shares"]);
    assert!(rekeyed(unknown()).then(5, 6, open(1), WRONG).then(7, 8, open(0), OK).breaks().is_empty());
    assert!(rekeyed(unknown()).then(5, 6, open(1), OK).then(7, 8, open(0), WRONG).breaks().is_empty());
    assert_eq!(rekeyed(OK).then(5, 6, open(1), WRONG).then(7, 8, open(0), WRONG).breaks(), ["shares"]);
}

#[test]
fn what_is_always_somewhere_is_found_and_what_was_unmounted_is_gone() {
    let seek = |status| Told::new().then(1, 2, Action::ThingSeek, Outcome::Refused { status });
    assert_eq!(seek(404).breaks(), ["moment"]);
    assert!(seek(403).breaks().is_empty());
    let settled =
        |stray_rows| Event::Settled { at: 9, phase: Phase::Expired, out: Vec::new(), lease_rows: 0, stray_rows };
    assert!(Told::new().event(settled(0)).breaks().is_empty());
    assert_eq!(Told::new().event(settled(1)).breaks(), ["left-behind"]);
}
