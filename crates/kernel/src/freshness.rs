//! How old an answer may be where several nodes share a store.
//!
//! A node answers from what it remembers, and that is only as new as the news that it has heard. So it asks the store how far it has
//! come and waits until it has heard of all that: from then on nothing here is older than the question. The answer is a proof of
//! freshness, and this is the one place that says how old a proof may be, and how long a request waits for one.
use crate::kernel::Kernel;
use crate::received::Method;
use kw_store::ANSWER_TIME_MAX;
use kw_types::{Fault, Time};
use parking_lot::Mutex;
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// The oldest proof that a read is answered by, where the operator allows any.
const AGE_MAX: Duration = Duration::from_secs(1);

/// How old answers may be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Consistency {
    /// No answer is older than its request: the store is asked for each, once for all that wait at that moment.
    #[default]
    Strict,
    /// A read may be answered by what was true up to one second before it came. Whatever may change something is as strict as ever.
    Bounded,
}

#[derive(Debug, Default)]
pub(crate) struct Freshness {
    pub consistency: Consistency,
    newest: Mutex<Option<Proof>>,
}

/// When the store was asked, by two clocks: one never jumps, the other goes on while the machine is suspended.
#[derive(Clone, Copy, Debug)]
struct Proof {
    since: Instant,
    at: Time,
}

impl Proof {
    fn begin(kernel: &Kernel) -> Self {
        Self { since: Instant::now(), at: kernel.now() }
    }

    /// Whether it is no older than [`AGE_MAX`], as far as either clock can tell.
    fn holds(&self, now: &Self) -> bool {
        let passed = u64::try_from(now.at.nanos().saturating_sub(self.at.nanos())).map(Duration::from_nanos);
        now.since.duration_since(self.since) <= AGE_MAX && passed.is_ok_and(|passed| passed <= AGE_MAX)
    }
}

impl Kernel {
    /// How old answers may be. Only where the store is shared does it make a difference.
    pub fn set_consistency(&mut self, consistency: Consistency) {
        self.freshness.consistency = consistency;
    }

    /// Makes sure that what is remembered here is new enough for a request of this method.
    ///
    /// Errors: 503 when the store cannot be asked, or does not answer in time.
    pub(crate) async fn be_fresh(&self, method: Method) -> Result<(), Fault> {
        let (freshness, now) = (&self.freshness, Proof::begin(self));
        let is_bounded = freshness.consistency == Consistency::Bounded && is_read(method);
        if is_bounded && freshness.newest.lock().is_some_and(|proof| proof.holds(&now)) {
            return Ok(());
        }
        let patience = if is_bounded { AGE_MAX } else { ANSWER_TIME_MAX };
        let silent = |_| Fault::unavailable("the store does not answer; try again");
        timeout(patience, self.store.newest()).await.map_err(silent)??;
        if freshness.consistency == Consistency::Bounded {
            let mut newest = freshness.newest.lock();
            // Whoever asked later may have heard sooner.
            if newest.is_none_or(|known| known.since <= now.since) {
                *newest = Some(now);
            }
        }
        Ok(())
    }
}

/// Whether nobody asks for a change in this way. A read may still lead to one, which is then a conditional commit like any other.
fn is_read(method: Method) -> bool {
    matches!(method, Method::Get | Method::Head | Method::List | Method::Scan)
}

#[cfg(test)]
mod tests;
