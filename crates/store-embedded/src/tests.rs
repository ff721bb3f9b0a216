use crate::*;
use faults::{Mode, Op};
use kw_store::suite::{self, blind, put, value};
use kw_store::{Batch, Key};
use std::io::ErrorKind;
use std::sync::atomic::{AtomicU8, Ordering};
use tempfile::TempDir;

mod damage;
mod everywhere;
pub(crate) mod faults;
mod trouble;

struct Counting(AtomicU8);

impl Rng for Counting {
    fn fill(&self, buffer: &mut [u8]) {
        buffer.fill_with(|| self.0.fetch_add(1, Ordering::Relaxed));
    }
}

/// Small segments, so that rotating and folding happen all the time.
fn small() -> Options {
    Options { segment_bytes: 64 * 1024, ..normal() }
}

fn normal() -> Options {
    Options::new(Arc::new(Counting(AtomicU8::new(1))))
}

fn open_small(dir: &TempDir) -> Arc<dyn Store> {
    open(dir.path(), &small()).unwrap()
}

async fn fill(store: &dyn Store, from: usize, to: usize) {
    for i in from..to {
        blind(store, vec![put(&format!("row/{i:06}"), format!("value {i} {}", "x".repeat(300)))]).await;
    }
}

async fn expect_rows(store: &dyn Store, count: usize) {
    let rows = store.scan(b"row/", b"row0", usize::MAX).await.unwrap();
    assert_eq!(rows.len(), count);
    for (i, (key, row)) in rows.iter().enumerate() {
        assert_eq!(*key, format!("row/{i:06}"));
        assert!(row.value.starts_with(format!("value {i} ").as_bytes()));
        assert_eq!(value(store, &format!("row/{i:06}")).await.as_ref(), Some(&row.value));
    }
}

#[tokio::test]
async fn passes_the_suite() {
    let dir = TempDir::new().unwrap();
    let next = AtomicU8::new(0);
    let fresh = async || {
        let path = dir.path().join(next.fetch_add(1, Ordering::Relaxed).to_string());
        // The largest batch of the suite is a value of 1 MiB.
        open(&path, &Options { segment_bytes: 1 << 21, ..normal() }).unwrap()
    };
    suite::run(fresh).await;
}

#[tokio::test]
async fn passes_the_suite_without_caches() {
    let dir = TempDir::new().unwrap();
    let next = AtomicU8::new(0);
    let options = Options { row_cache_bytes: 0, base_cache_bytes: 0, segment_bytes: 1 << 21, ..normal() };
    let fresh = async || open(&dir.path().join(next.fetch_add(1, Ordering::Relaxed).to_string()), &options).unwrap();
    suite::run(fresh).await;
}

#[test]
fn passes_the_suite_without_a_runtime() {
    let dir = TempDir::new().unwrap();
    let next = AtomicU8::new(0);
    let fresh = async || open(&dir.path().join(next.fetch_add(1, Ordering::Relaxed).to_string()), &normal()).unwrap();
    wait(suite::run(fresh));
}

#[tokio::test]
async fn everything_is_there_after_reopening() {
    let dir = TempDir::new().unwrap();
    for round in 0..6 {
        let store = open_small(&dir);
        expect_rows(store.as_ref(), round * 300).await;
        fill(store.as_ref(), round * 300, (round + 1) * 300).await;
        expect_rows(store.as_ref(), (round + 1) * 300).await;
        let revision = store.revision();
        assert_eq!(revision.0, (round as u64 + 1) * 300);
        // Closed in order, or dropped with a log that is not folded.
        if round % 2 == 0 {
            store.close().await.unwrap();
        }
        drop(store);
        assert_eq!(verify(dir.path()).unwrap().revision, revision);
    }
}

#[tokio::test]
async fn deletions_hide_rows_that_are_folded() {
    let dir = TempDir::new().unwrap();
    let store = open_small(&dir);
    fill(store.as_ref(), 0, 1000).await;
    for i in (0..1000).step_by(2) {
        blind(store.as_ref(), vec![suite::delete(&format!("row/{i:06}"))]).await;
    }
    let check = async |store: &dyn Store| {
        assert_eq!(store.keys(b"", b"", usize::MAX).await.unwrap().len(), 500);
        assert_eq!(store.keys(b"row/000100", b"", 3).await.unwrap(), ["row/000101", "row/000103", "row/000105"]);
        assert!(store.get(b"row/000500").await.unwrap().is_none());
    };
    check(store.as_ref()).await;
    drop(store);
    check(open_small(&dir).as_ref()).await;
}

#[tokio::test]
async fn conflicts_are_found_in_folded_rows() {
    let dir = TempDir::new().unwrap();
    let store = open_small(&dir);
    let old = blind(store.as_ref(), vec![put("counter", "1")]).await;
    let newer = blind(store.as_ref(), vec![put("counter", "2")]).await;
    fill(store.as_ref(), 0, 1000).await;
    let batch = |seen| Batch { began: old, seen: vec![(Key::from("counter"), seen)], writes: vec![put("x", "1")] };
    assert_eq!(store.commit(batch(old)).await, Err(StoreError::Conflict));
    store.commit(batch(newer)).await.unwrap();
}

#[tokio::test]
async fn a_snapshot_is_of_one_moment() {
    let dir = TempDir::new().unwrap();
    let store = open_small(&dir);
    blind(store.as_ref(), vec![put("a", "0"), put("z", "0")]).await;
    let writer = store.clone();
    let work = tokio::spawn(async move {
        for i in 0..2000 {
            let text = format!("{i} {}", "x".repeat(200));
            blind(writer.as_ref(), vec![put("a", text.clone()), put(&format!("m/{i}"), "1"), put("z", text)]).await;
        }
    });
    for _ in 0..20 {
        let reader = store.clone();
        let file = tokio::task::spawn_blocking(move || {
            let mut file = Vec::new();
            reader.snapshot(&mut file).map(|()| file)
        });
        let file = file.await.unwrap().unwrap();
        let mut rows = std::collections::BTreeMap::new();
        kw_store::snapshot::read(&mut file.as_slice(), |k, v| {
            rows.insert(k, v);
            Ok(())
        })
        .unwrap();
        assert_eq!(rows.get("a".as_bytes()), rows.get("z".as_bytes()));
    }
    work.await.unwrap();
}

#[tokio::test]
async fn the_largest_batch_is_a_segment() {
    let dir = TempDir::new().unwrap();
    let store = open_small(&dir);
    let batch = |len: usize| Batch { writes: vec![put("k", vec![1; len])], ..Batch::default() };
    assert_eq!(store.commit(batch(64 * 1024)).await, Err(StoreError::TooLarge));
    for _ in 0..10 {
        store.commit(batch(64 * 1024 - 1024)).await.unwrap();
    }
    assert_eq!(value(store.as_ref(), "k").await.unwrap().len(), 63 * 1024);
}

/// Commits outside of any runtime, from plain threads.
#[test]
fn no_runtime_is_needed() {
    let dir = TempDir::new().unwrap();
    let store = open_small(&dir);
    std::thread::scope(|scope| {
        for i in 0..4 {
            let store = store.clone();
            scope.spawn(move || {
                for j in 0..50 {
                    wait(store.commit(Batch { writes: vec![put(&format!("{i}/{j}"), "1")], ..Batch::default() }))
                        .unwrap();
                }
            });
        }
    });
    assert_eq!(wait(store.keys(b"", b"", 1000)).unwrap().len(), 200);
}

fn wait<T>(future: impl Future<Output = T>) -> T {
    struct Unpark(std::thread::Thread);
    impl std::task::Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Arc::new(Unpark(std::thread::current())).into();
    let mut future = std::pin::pin!(future);
    loop {
        if let std::task::Poll::Ready(out) = future.as_mut().poll(&mut std::task::Context::from_waker(&waker)) {
            return out;
        }
        std::thread::park();
    }
}

/// Threads that read through the cache and add one, while everything is folded all the time: what was seen may have been
/// folded since, and a cached row may be older than the transaction thinks.
#[test]
fn no_update_is_lost_between_threads() {
    const ROUNDS: u64 = 300;
    let dir = TempDir::new().unwrap();
    let store = open_small(&dir);
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let store = store.clone();
            scope.spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
                for round in 0..ROUNDS {
                    runtime.block_on(async {
                        while add_one(store.as_ref(), &format!("filler/{thread}/{round}")).await.is_err() {}
                    });
                }
            });
        }
    });
    assert_eq!(wait(value(store.as_ref(), "counter")), Some((4 * ROUNDS).to_string().into()));
    drop(store);
    assert_eq!(wait(value(open_small(&dir).as_ref(), "counter")), Some((4 * ROUNDS).to_string().into()));
}

async fn add_one(store: &dyn Store, filler: &str) -> Result<(), StoreError> {
    let core = kw_store::TxnCore::new(store, &kw_store::Clear);
    let txn = core.scoped("");
    let count: u64 = txn.view().get("counter").await.unwrap().unwrap_or(0);
    txn.put("counter", &(count + 1)).unwrap();
    txn.put_bytes(filler, vec![b'x'; 500]);
    match core.commit().await {
        Err(e) if e != StoreError::Conflict => unreachable!("{e}"),
        outcome => outcome.map(|_| ()),
    }
}

/// A runtime that ends takes its hand-over along; the commits of others go on, and what was left is still committed.
#[test]
fn runtimes_come_and_go() {
    let dir = TempDir::new().unwrap();
    let store = open_small(&dir);
    for i in 0..20 {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let handle = store.clone();
        let _abandoned = runtime.spawn(async move { blind(handle.as_ref(), vec![put("abandoned", "1")]).await });
        runtime.block_on(async { blind(store.as_ref(), vec![put(&format!("{i}"), "1")]).await });
        drop(runtime);
    }
    assert!(wait(store.keys(b"", b"", 1000)).unwrap().len() >= 20);
    wait(store.close()).unwrap();
}

#[tokio::test]
async fn files_are_for_the_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let parent = TempDir::new().unwrap();
    let dir = parent.path().join("deep/er");
    let store = open(&dir, &small()).unwrap();
    fill(store.as_ref(), 0, 500).await;
    assert_eq!(std::fs::metadata(&dir).unwrap().permissions().mode() & 0o777, 0o700);
    for entry in std::fs::read_dir(&dir).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", entry.path());
    }
}
