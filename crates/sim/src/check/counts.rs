//! Things that are good for so many successes: wrapping tokens (one), secret ids.
use super::Anomaly;
use crate::history::{Action, History, Operation, Outcome};
use std::collections::BTreeMap;

/// Rules `overused` and `lost-use`.
pub fn check(history: &History) -> Vec<Anomaly> {
    let mut uses: BTreeMap<(&str, u32), Vec<&Operation>> = BTreeMap::new();
    for operation in history.operations() {
        if let Action::CountedUse { kind, number } = &operation.action {
            uses.entry((kind, *number)).or_default().push(operation);
        }
    }
    let mut found = Vec::new();
    for operation in history.operations() {
        let Action::CountedCreate { kind, number, uses: allowed } = &operation.action else { continue };
        let tries = uses.remove(&(kind.as_str(), *number)).unwrap_or_default();
        let allowed = usize::try_from(*allowed).unwrap_or(usize::MAX);
        let went_well: Vec<&Operation> = tries.iter().copied().filter(|o| o.is_ok()).collect();
        if went_well.len() > allowed {
            let what = format!("{kind} {number} was good {} times instead of {allowed}", went_well.len());
            found.push(Anomaly::new("overused", what, went_well));
        }
        found.extend(tries.iter().filter(|o| is_wrongly_refused(o, &tries, allowed)).map(|o| {
            let what = format!("{kind} {number} was refused, although it had uses left");
            Anomaly::new("lost-use", what, [*o])
        }));
    }
    found
}

/// Refused, although those who were there before, all together, could not have used it up.
fn is_wrongly_refused(refused: &Operation, tries: &[&Operation], allowed: usize) -> bool {
    matches!(refused.outcome, Outcome::Refused { .. })
        && tries.iter().filter(|o| refused.end.is_some_and(|end| o.begin < end)).count() <= allowed
}
