//! Leases: what was lent is taken back when its time is up, or earlier when it or its token was revoked; and not before.
use super::lives::Life;
use super::{Anomaly, tokens};
use crate::history::{Action, Event, History, Operation, Outcome, Phase};
use std::collections::BTreeSet;

/// Rules `never-lent`, `lease-revoked`, `lease-expired` and `lease-lost`.
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
    found.extend(lost(history));
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

/// Credentials that were renewed, and taken back all the same before that time was up.
fn lost(history: &History) -> Vec<Anomaly> {
    let mut found = Vec::new();
    for event in &history.events {
        let Event::TakenBack { at, credential, latest } = event else { continue };
        let (at, credential) = (*at, *credential);
        let mut life = Life::default();
        let mut renewed = Vec::new();
        for operation in history.operations() {
            let Action::LeaseRenew { credential: of, increment_seconds } = operation.action else { continue };
            let told = if let Outcome::Ok(seen) = &operation.outcome { seen.value } else { None };
            if of == credential {
                life.give(operation, increment_seconds, told, (i64::MAX, i64::MAX));
                renewed.push(operation);
            }
        }
        let is_renewed = renewed.iter().any(|o| o.is_ok() && o.end.is_some_and(|end| end < at));
        // Tokens end for many reasons; those of root do not.
        let is_roots = issued(history).any(|(o, c)| c == credential && o.by.is_none());
        let revoked = history.operations().any(|o| o.action == Action::LeaseRevoke { credential } && o.begin < at);
        // An unknown renewal may have come later than it could be told.
        let is_certain = renewed.iter().all(|o| !o.is_unknown());
        if is_renewed && is_roots && is_certain && !revoked && life.surely_lives(at, at, *latest) {
            let what = format!("credential {credential} was taken back, though its lease had been renewed");
            found.push(Anomaly::new("lease-lost", what, renewed));
        }
    }
    found
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
