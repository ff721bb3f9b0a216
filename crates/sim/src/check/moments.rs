//! What is always so, and what must be gone.
use super::Anomaly;
use crate::history::{Action, Event, History, Outcome};

/// The status of whoever found nothing.
const NOT_FOUND: u16 = 404;

/// Rules `moment` and `left-behind`.
pub fn check(history: &History) -> Vec<Anomaly> {
    let missed = history
        .operations()
        .filter(|o| o.action == Action::ThingSeek && o.outcome == Outcome::Refused { status: NOT_FOUND });
    let missed = missed.map(|o| Anomaly::new("moment", "what is always somewhere was nowhere".to_owned(), [o]));
    let left = history.events.iter().filter_map(|event| match event {
        Event::Settled { stray_rows, .. } if *stray_rows > 0 => {
            let what = format!("{stray_rows} rows of engines are left that are not mounted any more");
            Some(Anomaly::new("left-behind", what, []))
        }
        _ => None,
    });
    missed.chain(left).collect()
}
