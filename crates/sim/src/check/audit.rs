//! Audit: when an answer leaves, the log has its request and itself.
use super::Anomaly;
use crate::history::{History, Outcome};

/// Rule `audit`. Answers of a server that could not do its work (5xx) are left out: it may not have been able to write either.
pub fn check(history: &History) -> Vec<Anomaly> {
    let answered = history.operations().filter(|o| matches!(o.outcome, Outcome::Ok(_) | Outcome::Refused { .. }));
    let silent = answered.filter_map(|o| {
        let audited = o.audited?;
        let missing = match (audited.request, audited.response) {
            (true, true) => return None,
            (true, false) => "entry of the answer",
            (false, true) => "entry of the request",
            (false, false) => "entries",
        };
        Some(Anomaly::new("audit", format!("the answer left before its {missing}"), [o]))
    });
    silent.collect()
}
