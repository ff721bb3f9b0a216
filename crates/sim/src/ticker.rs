//! The one order of everything in a run.
use crate::history::Tick;
use std::cell::Cell;
use tokio::time::Instant;

/// Gives every event its place.
pub struct Ticker {
    began: Instant,
    last: Cell<Tick>,
    next_id: Cell<u64>,
}

impl Ticker {
    /// One that begins now.
    pub fn new() -> Self {
        Self { began: Instant::now(), last: Cell::new(0), next_id: Cell::new(1) }
    }

    /// Microseconds of the simulation's time, moved up where two things happen in the same one.
    pub fn tick(&self) -> Tick {
        let now = u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX);
        let tick = now.max(self.last.get() + 1);
        self.last.set(tick);
        tick
    }

    /// The number of the next operation.
    pub fn id(&self) -> u64 {
        let id = self.next_id.get();
        self.next_id.set(id + 1);
        id
    }
}
