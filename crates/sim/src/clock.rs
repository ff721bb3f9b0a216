//! The clocks of the nodes: each runs with the simulation's time, and jumps when the seed says so.
use kw_types::{Clock, Time};
use std::sync::atomic::{AtomicI64, Ordering};
use tokio::time::Instant;

/// 2026-01-01T00:00:00Z: when every simulation begins.
const BEGIN_SECONDS: i64 = 1_767_225_600;

/// The wall clock of one node.
#[derive(Debug)]
pub struct NodeClock {
    began: Instant,
    offset_nanos: AtomicI64,
    furthest_nanos: AtomicI64,
}

impl NodeClock {
    /// A clock that shows `offset_nanos` more than the simulation's time, which is taken to begin now.
    pub fn new(offset_nanos: i64) -> Self {
        Self {
            began: Instant::now(),
            offset_nanos: AtomicI64::new(offset_nanos),
            furthest_nanos: AtomicI64::new(offset_nanos),
        }
    }

    /// Jumps, forwards or back.
    pub fn jump(&self, by_nanos: i64) {
        let before = self.offset_nanos.fetch_add(by_nanos, Ordering::Relaxed);
        self.furthest_nanos.fetch_max(before + by_nanos, Ordering::Relaxed);
    }

    /// By how much this clock has been ahead of the simulation's time at most.
    pub fn furthest_nanos(&self) -> i64 {
        self.furthest_nanos.load(Ordering::Relaxed)
    }

    /// By how much this clock is ahead of the simulation's time.
    pub fn offset_nanos(&self) -> i64 {
        self.offset_nanos.load(Ordering::Relaxed)
    }
}

impl Clock for NodeClock {
    fn now(&self) -> Time {
        let since = i64::try_from(self.began.elapsed().as_nanos()).unwrap_or(i64::MAX);
        Time::from_nanos(Time::from_seconds(BEGIN_SECONDS).nanos() + since + self.offset_nanos())
    }
}
