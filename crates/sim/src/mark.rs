//! A number that only grows, and that tasks wait for in the order in which they came.
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::Notify;

/// Like `tokio::sync::watch`, which wakes those who wait in an order that no seed decides.
#[derive(Debug)]
pub struct Mark {
    at: AtomicU64,
    moved: Notify,
}

impl Mark {
    pub fn new(at: u64) -> Self {
        Self { at: AtomicU64::new(at), moved: Notify::new() }
    }

    pub fn get(&self) -> u64 {
        self.at.load(Ordering::Acquire)
    }

    /// Moves the mark and wakes all who wait.
    pub fn raise(&self, to: u64) {
        self.at.fetch_max(to, Ordering::AcqRel);
        self.moved.notify_waiters();
    }

    /// Waits until the mark is at least there; gives where it is then.
    pub async fn reaches(&self, wanted: u64) -> u64 {
        loop {
            let mut moved = std::pin::pin!(self.moved.notified());
            moved.as_mut().enable();
            let at = self.get();
            if at >= wanted {
                return at;
            }
            moved.await;
        }
    }
}
