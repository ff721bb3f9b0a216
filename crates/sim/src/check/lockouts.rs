//! Lockout: whoever guesses passwords learns of no more than so many that they were wrong.
use super::Anomaly;
use crate::history::{Action, History, Operation, Outcome, Tick};
use std::collections::BTreeMap;

/// The status of a guess that was judged. A user who is locked out gets another.
const JUDGED: u16 = 400;

/// Rules `lockout` and `locked-in`. Locks must last longer than the history.
pub fn check(history: &History, failures_max: usize) -> Vec<Anomaly> {
    let mut users: BTreeMap<&str, Vec<&Operation>> = BTreeMap::new();
    for operation in history.operations() {
        if let Action::Login { user, .. } = &operation.action {
            users.entry(user).or_default().push(operation);
        }
    }
    users.into_iter().flat_map(|(user, logins)| of_user(user, &logins, failures_max)).collect()
}

fn of_user(user: &str, logins: &[&Operation], failures_max: usize) -> Vec<Anomaly> {
    let mut found = Vec::new();
    let guesses: Vec<&Operation> = logins.iter().copied().filter(|o| is_judged_wrong(o)).collect();
    // The count begins anew with a success: at some point between its begin and its end.
    let resets: Vec<(Tick, Tick)> = logins.iter().filter(|o| may_reset(o)).map(|o| (o.begin, end(o))).collect();
    for first in &guesses {
        let next_reset = resets.iter().filter(|(_, to)| *to > first.begin).map(|(from, _)| *from).min();
        let until = next_reset.unwrap_or(Tick::MAX);
        let series: Vec<&Operation> =
            guesses.iter().copied().filter(|o| o.begin >= first.begin && end(o) < until).collect();
        if series.len() > failures_max {
            let what = format!("{user} was told of {} wrong passwords instead of {failures_max}", series.len());
            found.push(Anomaly::new("lockout", what, series));
            break;
        }
    }
    for success in logins.iter().filter(|o| o.is_ok()) {
        let others = resets.iter().filter(|(from, to)| (*from, *to) != (success.begin, end(success)));
        let last_reset = others.filter(|(from, _)| *from < end(success)).map(|(_, to)| *to).max().unwrap_or(0);
        let before = guesses.iter().filter(|o| o.begin > last_reset && o.precedes(success)).count();
        if before >= failures_max {
            let what = format!("{user} logged in after {before} wrong passwords, so while locked out");
            found.push(Anomaly::new("locked-in", what, [*success]));
        }
    }
    found
}

fn is_judged_wrong(operation: &Operation) -> bool {
    operation.outcome == Outcome::Refused { status: JUDGED }
}

fn may_reset(operation: &Operation) -> bool {
    matches!(operation.action, Action::Login { right: true, .. }) && (operation.is_ok() || operation.is_unknown())
}

/// What has no known end may go on for ever.
fn end(operation: &Operation) -> Tick {
    operation.end.filter(|_| !operation.is_unknown()).unwrap_or(Tick::MAX)
}
