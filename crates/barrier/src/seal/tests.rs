use super::row::SealedRoot;
use super::*;
use crate::ceremony::{InitRequest, KeyShare, Purpose, Unseal, init, migrate_to_seals, migrate_to_shamir};
use crate::{Barrier, RootKey, SystemRng};
use futures_util::FutureExt;
use kw_types::{RngExt, Time};
use parking_lot::Mutex;
use std::sync::Arc;

/// A key service of tests: it keeps the keys itself, and answers a handle.
#[derive(Default)]
struct Service {
    keys: Mutex<Vec<UnsealKey>>,
    state: Mutex<(String, bool)>,
}

impl Service {
    fn with_key(id: &str) -> Arc<Self> {
        Arc::new(Self { keys: Mutex::default(), state: Mutex::new((id.to_owned(), true)) })
    }

    fn set(&self, id: &str, up: bool) {
        *self.state.lock() = (id.to_owned(), up);
    }
}

impl Seal for Service {
    fn kind(&self) -> &'static str {
        "service"
    }

    fn wrap<'a>(&'a self, key: &'a UnsealKey) -> BoxFuture<'a, Result<WrappedKey, SealError>> {
        let (key_id, up) = self.state.lock().clone();
        let mut keys = self.keys.lock();
        keys.push(key.clone());
        let at = u8::try_from(keys.len() - 1).unwrap();
        let done =
            if up { Ok(WrappedKey { key_id, content: vec![at] }) } else { Err(SealError::Service("away".to_owned())) };
        Box::pin(ready(done))
    }

    fn unwrap<'a>(&'a self, wrapped: &'a WrappedKey) -> BoxFuture<'a, Result<UnsealKey, SealError>> {
        let up = self.state.lock().1;
        let key = self.keys.lock().get(usize::from(wrapped.content[0])).cloned();
        Box::pin(ready(if up { key.ok_or(SealError::WrongKey) } else { Err(SealError::Service("away".to_owned())) }))
    }
}

fn set(services: &[(&str, &Arc<Service>)]) -> SealSet {
    let member = |(at, (name, service)): (usize, &(&str, &Arc<Service>))| {
        SealMember::new(*name, u32::try_from(at + 1).unwrap(), (*service).clone() as Arc<dyn Seal>)
    };
    SealSet::new(services.iter().enumerate().map(member).collect(), Vec::new())
}

fn now<T>(future: impl Future<Output = T>) -> T {
    future.now_or_never().unwrap()
}

fn wrap(seals: &SealSet, root: &RootKey, former: Option<&[u8]>) -> Sealing {
    now(seals.wrap(root, former, &SystemRng, Time::ZERO)).unwrap()
}

fn open(seals: &SealSet, row: &[u8]) -> Result<RootKey, SealError> {
    now(seals.open(row, false, Time::ZERO))
}

#[test]
fn each_of_several_seals_opens_the_root_key() {
    let (one, two) = (Service::with_key("1"), Service::with_key("1"));
    let seals = set(&[("one", &one), ("two", &two)]);
    let root = RootKey::generate(&SystemRng);
    let row = wrap(&seals, &root, None).row;
    assert_eq!(seals.kind(), "multiseal");
    for (first_up, second_up) in [(true, true), (false, true), (true, false)] {
        one.set("1", first_up);
        two.set("1", second_up);
        assert!(open(&seals, &row).unwrap().matches(&root));
    }
    one.set("1", false);
    two.set("1", false);
    assert_eq!(open(&seals, &row).unwrap_err().to_string(), "seal \"one\": away; seal \"two\": away");
    // By its name, an entry is one seal's and not another's.
    two.set("1", true);
    assert!(open(&set(&[("three", &two)]), &row).is_err());
    assert!(set(&[("two", &two)]).is_in(&row) && !set(&[("three", &two)]).is_in(&row));
}

#[test]
fn an_entry_that_was_moved_to_another_name_does_not_open() {
    let service = Service::with_key("1");
    let root = RootKey::generate(&SystemRng);
    let row = wrap(&set(&[("one", &service)]), &root, None).row;
    let moved = String::from_utf8(row).unwrap().replace("\"one\"", "\"two\"");
    assert!(open(&set(&[("two", &service)]), moved.as_bytes()).is_err());
}

#[test]
fn a_seal_that_fails_keeps_its_entry_and_is_tried_again() {
    let (one, two) = (Service::with_key("1"), Service::with_key("1"));
    let root = RootKey::generate(&SystemRng);
    let seals = set(&[("one", &one), ("two", &two)]);
    two.set("1", false);
    let first = wrap(&seals, &root, None);
    assert_eq!(first.failed.len(), 1);
    assert_eq!(seals.missing_in(&first.row), ["two"]);
    assert!(!seals.wants_rewrap(&first.row), "it has failed, and nothing is gained by trying now");
    two.set("1", true);
    now(seals.check(&SystemRng, Time::ZERO));
    assert!(seals.wants_rewrap(&first.row));
    let second = wrap(&seals, &root, Some(&first.row));
    assert!(seals.missing_in(&second.row).is_empty() && !seals.wants_rewrap(&second.row));
    // A rotated key of the service asks for a new row; what the other has wrapped stays while it is away.
    one.set("2", true);
    two.set("1", false);
    now(seals.check(&SystemRng, Time::ZERO));
    assert!(seals.wants_rewrap(&second.row));
    let third = wrap(&seals, &root, Some(&second.row));
    let entries = SealedRoot::parse(&third.row).unwrap().entries;
    assert_eq!(entries[0].key.key_id, "2");
    assert_eq!(entries[1], SealedRoot::parse(&second.row).unwrap().entries[1]);
    let status = seals.statuses();
    assert!(status[0].health.failing.is_none() && status[1].health.failing.is_some());
    // A seal that was taken out of the configuration must not go on opening the store.
    let rest = set(&[("one", &one)]);
    now(rest.check(&SystemRng, Time::ZERO));
    assert!(rest.wants_rewrap(&third.row));
    assert_eq!(SealedRoot::parse(&wrap(&rest, &root, Some(&third.row)).row).unwrap().entries.len(), 1);
}

#[test]
fn with_no_seal_at_work_nothing_is_wrapped() {
    let one = Service::with_key("1");
    one.set("1", false);
    let seals = set(&[("one", &one)]);
    assert!(now(seals.wrap(&RootKey::generate(&SystemRng), None, &SystemRng, Time::ZERO)).is_err());
}

fn share(made: &crate::ceremony::Initialised) -> KeyShare {
    KeyShare::parse(made.shares.keys[0].expose()).unwrap()
}

fn recovery_of(made: &crate::ceremony::Initialised) -> ShareLock {
    let config = serde_json::from_slice(made.row(RECOVERY_CONFIG_ROW).unwrap()).unwrap();
    ShareLock::recovery(config, made.row(RECOVERY_KEY_ROW).unwrap()).unwrap()
}

fn made(opens_nothing: bool) -> (crate::ceremony::Initialised, Barrier) {
    let request = InitRequest {
        recovery_shares: 1,
        recovery_threshold: 1,
        recovery_opens_nothing: opens_nothing,
        ..InitRequest::default()
    };
    let made = init(&request, "static", &SystemRng, Time::ZERO).unwrap();
    let barrier = Barrier::new(Arc::new(SystemRng));
    barrier.unseal(made.root.clone(), made.row(KEYRING_ROW).unwrap()).unwrap();
    (made, barrier)
}

#[test]
fn recovery_shares_open_the_store_unless_they_were_not_to() {
    for opens_nothing in [false, true] {
        let (made, barrier) = made(opens_nothing);
        let lock = recovery_of(&made);
        assert_eq!(lock.opens_store(), !opens_nothing);
        let mut unseal = Unseal::default();
        let (_, opened) = unseal.submit(&share(&made), Purpose::Recover, &lock, &SystemRng).unwrap().unwrap();
        assert!(barrier.vouches_for(&opened));
        match opened {
            Opened::Root(root) => {
                assert!(!opens_nothing && barrier.is_opened_by(&root, made.row(KEYRING_ROW).unwrap()))
            }
            Opened::Proof(_) => assert!(opens_nothing),
        }
        // What says whether they do is public, and nobody gains by changing it.
        let row = String::from_utf8(made.row(RECOVERY_KEY_ROW).unwrap().to_vec()).unwrap();
        let (is, other) = (format!("\"opens_store\":{}", !opens_nothing), format!("\"opens_store\":{opens_nothing}"));
        assert!(row.contains(&is));
        let lied = ShareLock::recovery(lock.config().clone(), row.replace(&is, &other).as_bytes()).unwrap();
        assert!(unseal.submit(&share(&made), Purpose::Recover, &lied, &SystemRng).is_err());
    }
}

#[test]
fn an_attempt_is_for_one_purpose() {
    let (made, _) = made(false);
    let config = SealConfig { secret_threshold: 2, secret_shares: 2, ..recovery_of(&made).config().clone() };
    let lock = ShareLock::recovery(config, made.row(RECOVERY_KEY_ROW).unwrap()).unwrap();
    let mut unseal = Unseal::default();
    assert!(unseal.submit(&share(&made), Purpose::Recover, &lock, &SystemRng).unwrap().is_none());
    let other = KeyShare::parse(&hex::encode(SystemRng.bytes::<33>())).unwrap();
    assert!(unseal.submit(&other, Purpose::Migrate, &lock, &SystemRng).is_err());
    assert_eq!(unseal.status().progress, 1);
}

#[test]
fn shares_stay_what_they_are_through_migrations_there_and_back() {
    let request = InitRequest { secret_shares: 1, secret_threshold: 1, ..InitRequest::default() };
    let made = init(&request, SHAMIR, &SystemRng, Time::ZERO).unwrap();
    let config: SealConfig = serde_json::from_slice(made.row(CONFIG_ROW).unwrap()).unwrap();
    let lock = ShareLock::shamir(config, made.row(ROOT_KEY_ROW).unwrap().to_vec());
    let (mut unseal, service) = (Unseal::default(), Service::with_key("1"));
    let (key, _) = unseal.submit(&share(&made), Purpose::Migrate, &lock, &SystemRng).unwrap().unwrap();
    let sealed = wrap(&set(&[("one", &service)]), &made.root, None).row;
    let there = migrate_to_seals(("service", sealed), true, &lock, &key, &made.root, &SystemRng).unwrap();
    let row = |rows: &crate::ceremony::RowChanges, wanted: &str| {
        rows.iter().find(|(name, _)| *name == wanted).and_then(|(_, content)| content.clone())
    };
    let config = serde_json::from_slice(&row(&there, RECOVERY_CONFIG_ROW).unwrap()).unwrap();
    let recovery = ShareLock::recovery(config, &row(&there, RECOVERY_KEY_ROW).unwrap()).unwrap();
    let (key, opened) = unseal.submit(&share(&made), Purpose::Migrate, &recovery, &SystemRng).unwrap().unwrap();
    assert!(matches!(&opened, Opened::Root(root) if root.matches(&made.root)));
    let back = migrate_to_shamir(&recovery, &key, &made.root, &SystemRng).unwrap();
    assert_eq!(row(&back, RECOVERY_KEY_ROW), None);
    let config: SealConfig = serde_json::from_slice(&row(&back, CONFIG_ROW).unwrap()).unwrap();
    assert_eq!(config.kind, SHAMIR);
    let lock = ShareLock::shamir(config, row(&back, ROOT_KEY_ROW).unwrap());
    assert!(unseal.submit(&share(&made), Purpose::Open, &lock, &SystemRng).unwrap().is_some());
}

#[test]
fn a_configuration_is_read_as_it_was_written() {
    let text = r#"{"type":"shamir","secret_shares":5,"secret_threshold":3}"#;
    let config: SealConfig = serde_json::from_str(text).unwrap();
    assert_eq!((config.secret_shares, config.secret_threshold, config.backup), (5, 3, false));
    let again: SealConfig = serde_json::from_slice(&serde_json::to_vec(&config).unwrap()).unwrap();
    assert_eq!(again, config);
}
