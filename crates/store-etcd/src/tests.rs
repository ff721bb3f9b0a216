use crate::*;
use kw_store::suite::{blind, put, value};
use kw_store::{Batch, Key, Revision, Watcher};
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
mod two_nodes;

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

/// What a watcher has heard.
#[derive(Default)]
struct Recorder {
    told: Mutex<Vec<(Vec<Key>, Revision)>>,
    lost: AtomicU64,
}

impl Watcher for Recorder {
    fn changed(&self, keys: &[Key], at: Revision) {
        self.told.lock().push((keys.to_vec(), at));
    }

    fn lost(&self) {
        self.lost.fetch_add(1, Ordering::Relaxed);
    }
}

/// Reads, adds one, commits once.
async fn try_increment(store: &dyn Store, name: &str) -> Result<Revision, StoreError> {
    let row = store.get(name.as_bytes()).await?;
    let count: u64 = row.as_ref().map_or(0, |r| String::from_utf8_lossy(&r.value).parse().unwrap());
    let seen = vec![(Key::copy_from_slice(name.as_bytes()), row.map_or(Revision(0), |r| r.revision))];
    store.commit(Batch { began: store.revision(), seen, writes: vec![put(name, (count + 1).to_string())] }).await
}

async fn count(store: &dyn Store, name: &str) -> u64 {
    store.newest().await.unwrap();
    let value = value(store, name).await.unwrap_or_default();
    String::from_utf8_lossy(&value).parse().unwrap_or(0)
}
