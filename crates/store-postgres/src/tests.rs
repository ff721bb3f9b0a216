use crate::*;
use kw_store::suite::shared::{count, try_increment};
use kw_store::suite::{Recorder, blind, put, value};
use kw_store::{Batch, Key, Revision};
use parking_lot::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

mod cluster;
mod conformance;
mod founding;
mod parts;
mod proxy;
mod restarts;
mod speed;
mod tls;
mod trouble;

/// Each store gets another identity.
struct Counting;

impl Rng for Counting {
    fn fill(&self, buffer: &mut [u8]) {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let number = NEXT.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        buffer.iter_mut().zip(number.iter().cycle()).for_each(|(to, from)| *to = *from);
    }
}

fn options(url: &str, table: &str) -> Options {
    let mut options = Options::new(Secret::new(url.to_owned()), Arc::new(Counting));
    options.table = table.to_owned();
    options.max_parallel = 8;
    options
}

async fn open_at(url: &str, table: &str) -> Arc<dyn Store> {
    open(&options(url, table)).await.unwrap_or_else(|e| unreachable!("opening the store: {e}"))
}
