use crate::*;
use kw_store::suite::shared::{count, try_increment};
use kw_store::suite::{Recorder, blind, put, value};
use kw_store::{Batch, Key, Revision};
use parking_lot::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

mod access;
mod conformance;
mod etcd;
mod founding;
mod members;
mod parts;
mod proxy;
mod restarts;
mod speed;
mod trouble;

/// Each store and each process gets another number.
struct Counting;

impl Rng for Counting {
    fn fill(&self, buffer: &mut [u8]) {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let number = NEXT.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        buffer.iter_mut().zip(number.iter().cycle()).for_each(|(to, from)| *to = *from);
    }
}

fn options(address: &str, path: &str) -> Options {
    let mut options = Options::new(Arc::new(Counting));
    options.address = address.to_owned();
    options.path = path.to_owned();
    options.request_timeout = Duration::from_secs(2);
    options.keep = None;
    options
}

async fn open_at(address: &str, path: &str) -> Arc<dyn Store> {
    open(&options(address, path)).await.unwrap_or_else(|e| unreachable!("opening the store: {e}"))
}
