use super::*;
use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, ready};
use std::time::Duration;

/// One row that counts up. Reading it dawdles between taking the value and handing it out, so that a cache that keeps what
/// it got without asking whether it changed meanwhile soon holds an old one.
#[derive(Default)]
struct Dawdler {
    value: AtomicU64,
    watcher: Mutex<Option<Arc<dyn Watcher>>>,
    reads: AtomicU64,
}

impl Dawdler {
    fn read(&self) -> Row {
        let now = self.value.load(Ordering::SeqCst);
        if self.reads.fetch_add(1, Ordering::SeqCst).is_multiple_of(3) {
            std::thread::sleep(Duration::from_micros(200));
        }
        Row { value: Bytes::copy_from_slice(&now.to_be_bytes()), revision: Revision(now) }
    }

    /// Writes and tells, as a store does before the committer hears of it.
    fn write(&self) -> u64 {
        let now = self.value.fetch_add(1, Ordering::SeqCst) + 1;
        if let Some(watcher) = self.watcher.lock().as_ref() {
            watcher.changed(&[Key::from_static(b"k")], Revision(now));
        }
        now
    }
}

struct Shared(Arc<Dawdler>);

impl Store for Shared {
    fn kind(&self) -> &'static str {
        "inmem"
    }
    fn peek(&self, _: &[u8]) -> Option<Result<Option<Row>, StoreError>> {
        Some(Ok(Some(self.0.read())))
    }
    fn get<'a>(&'a self, _: &'a [u8]) -> BoxFuture<'a, Result<Option<Row>, StoreError>> {
        ready(Ok(Some(self.0.read()))).boxed()
    }
    fn scan<'a>(&'a self, _: &'a [u8], _: &'a [u8], _: usize) -> BoxFuture<'a, Result<Vec<(Key, Row)>, StoreError>> {
        ready(Ok(Vec::new())).boxed()
    }
    fn keys<'a>(&'a self, _: &'a [u8], _: &'a [u8], _: usize) -> BoxFuture<'a, Result<Vec<Key>, StoreError>> {
        ready(Ok(Vec::new())).boxed()
    }
    fn commit(&self, _: Batch) -> BoxFuture<'_, Result<Revision, StoreError>> {
        ready(Ok(self.revision())).boxed()
    }
    fn revision(&self) -> Revision {
        Revision(self.0.value.load(Ordering::SeqCst))
    }
    fn newest(&self) -> BoxFuture<'_, Result<Revision, StoreError>> {
        ready(Ok(self.revision())).boxed()
    }
    fn watch(&self, _: Key, watcher: Arc<dyn Watcher>) {
        *self.0.watcher.lock() = Some(watcher);
    }
    fn snapshot(&self, _: &mut dyn std::io::Write) -> Result<(), StoreError> {
        Ok(())
    }
    fn close(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        ready(Ok(())).boxed()
    }
}

/// Fails within a few dozen rounds if `Rows::insert` does not compare generations.
#[test]
fn a_read_is_never_older_than_a_write_that_was_over_before() {
    let inner = Arc::new(Dawdler::default());
    let cached = Arc::new(Cached::new(Shared(inner.clone()), CACHE_BYTES));
    let (newest, over) = (AtomicU64::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while !over.load(Ordering::SeqCst) {
                    let before = newest.load(Ordering::SeqCst);
                    let row = cached.peek(b"k").unwrap().unwrap().unwrap();
                    assert!(row.revision.0 >= before, "read {} after {before} was written", row.revision.0);
                }
            });
        }
        for round in 0..2000 {
            newest.store(inner.write(), Ordering::SeqCst);
            if round % 3 == 0 {
                std::thread::sleep(Duration::from_micros(100));
            }
        }
        over.store(true, Ordering::SeqCst);
    });
}

#[test]
fn rows_are_kept_and_also_that_there_is_none() {
    let inner = Arc::new(Dawdler::default());
    let cached = Cached::new(Shared(inner.clone()), CACHE_BYTES);
    for _ in 0..10 {
        cached.peek(b"k").unwrap().unwrap();
    }
    assert_eq!(inner.reads.load(Ordering::SeqCst), 1);
    if let Some(watcher) = inner.watcher.lock().as_ref() {
        watcher.lost();
    }
    cached.peek(b"k").unwrap().unwrap();
    assert_eq!(inner.reads.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn memory_is_bounded() {
    let cached = Cached::new(MemoryStore::new(), 100_000);
    let writes = (0..2000).map(|i| suite::put(&format!("{i}"), vec![0; 1000])).collect();
    suite::blind(&cached, writes).await;
    for i in 0..2000 {
        assert!(suite::value(&cached, &format!("{i}")).await.is_some());
        assert!(suite::value(&cached, &format!("no {i}")).await.is_none());
    }
    assert!(cached.weight() <= 100_000, "{}", cached.weight());
}
