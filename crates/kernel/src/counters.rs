//! What this node has counted since it was started; `sys/metrics` shows it.
use std::sync::atomic::{AtomicU64, Ordering};

/// Counts that only grow. They are this node's alone and begin anew with each start.
#[derive(Default)]
pub(crate) struct Counters {
    /// Answers by the first digit of their status, 1 to 5.
    answers: [AtomicU64; 5],
    pub tokens_made: Counter,
    pub leases_issued: Counter,
    /// Tokens and leases whose time was up.
    pub expired: Counter,
}

/// One such count.
#[derive(Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub fn add(&self, n: usize) {
        // No other memory depends on a count, so no order is needed.
        self.0.fetch_add(n as u64, Ordering::Relaxed);
    }

    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Counters {
    pub fn answered(&self, status: u16) {
        if let Some(count) = self.answers.get(usize::from(status / 100).wrapping_sub(1)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Answers by class of status, as `("2xx", 5)`.
    pub fn answers(&self) -> impl Iterator<Item = (&'static str, u64)> {
        ["1xx", "2xx", "3xx", "4xx", "5xx"].into_iter().zip(self.answers.iter().map(|n| n.load(Ordering::Relaxed)))
    }
}
