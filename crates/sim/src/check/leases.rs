//! Leases: what was lent is taken back when its time is up, or earlier when it or its token was revoked.
use super::{Anomaly, tokens};
use crate::history::{Action, Event, History, Operation, Outcome, Phase};
use std::collections::BTreeSet;

/// Rules `never-lent`, `lease-revoked` and `lease-expired`.
pub fn check(history: &History) -> Vec<Anomaly> {
    let mut found = Vec::new();
    let lent = |credential: u64| {
        history.events.iter().any(|e| matches!(e, Event::Lent { credential: c, .. } if *c == credential))
    };
    for (operation, credential) in issued(history) {
        if !lent(credential) {
            found.push(Anomaly::new("never-lent", format!("credential {credential} was never made"), [operation]));
        }
    }
    for event in &history.events {
        let Event::Settled { phase, out, lease_rows, .. } = event else { continue };
        match phase {
            Phase::Revoked => found.extend(still_out(history, out)),
            Phase::Expired => {
                found.extend(out.iter().map(|credential| {
                    let what = format!("credential {credential} is still good, and nobody will take it back");
                    Anomaly::new("lease-expired", what, of_credential(history, *credential))
                }));
                if *lease_rows > 0 {
                    let what = format!("{lease_rows} leases are left over");
                    found.push(Anomaly::new("lease-expired", what, []));
                }
            }
        }
    }
    found
}

fn issued(history: &History) -> impl Iterator<Item = (&Operation, u64)> {
    history.operations().filter_map(|operation| match (&operation.action, &operation.outcome) {
        (Action::LeaseIssue, Outcome::Ok(seen)) => Some((operation, seen.value?)),
        _ => None,
    })
}

fn of_credential(history: &History, credential: u64) -> Vec<&Operation> {
    issued(history).filter(|(_, c)| *c == credential).map(|(operation, _)| operation).collect()
}

/// Credentials that were revoked, themselves or with their token, and are good all the same.
fn still_out(history: &History, out: &[u64]) -> Vec<Anomaly> {
    let ended: BTreeSet<u32> = tokens::ended(history).into_iter().map(|(token, _)| token).collect();
    let revoked = |credential: u64| {
        let ends = |o: &Operation| o.action == Action::LeaseRevoke { credential } && o.is_ok();
        history.operations().any(ends)
    };
    let mut found = Vec::new();
    for (operation, credential) in issued(history).filter(|(_, credential)| out.contains(credential)) {
        if revoked(credential) {
            let what = format!("credential {credential} is still good, though its lease was revoked");
            found.push(Anomaly::new("lease-revoked", what, [operation]));
        } else if operation.by.is_some_and(|token| ended.contains(&token)) {
            let what = format!("credential {credential} is still good, though its token was revoked");
            found.push(Anomaly::new("lease-revoked", what, [operation]));
        }
    }
    found
}
