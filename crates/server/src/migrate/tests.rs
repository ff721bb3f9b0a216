use super::*;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use kw_kernel::{MIGRATION_ROW, MigrationMark, MigrationState};
use kw_store::suite::Dying;
use kw_store::{Batch, Key, Layer, MemoryStore, Row, Store, StoreError, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

fn dying(commits: usize) -> Dying {
    Dying::after(commits, Arc::new(MemoryStore::new()), false)
}

fn arguments() -> Arguments {
    Arguments {
        config: PathBuf::new(),
        start: String::new(),
        reset: false,
        parallel: 4,
        log_level: crate::config::LogLevel::Warn,
    }
}

/// Rows before, at and after the mark, index rows among them.
async fn fill(store: &dyn Store, rows: usize) {
    for n in 0..rows {
        let prefix = ["core/a", "core/z", "lease/", "zz"][n % 4];
        let value = if n % 5 == 0 { Bytes::new() } else { Bytes::from(vec![n as u8; n % 700]) };
        put(store, &format!("{prefix}{n:05}"), Some(value)).await;
    }
}

async fn put(store: &dyn Store, key: &str, value: Option<Bytes>) {
    let writes = vec![Write { key: Key::copy_from_slice(key.as_bytes()), value }];
    store.commit(Batch { writes, ..Batch::default() }).await.unwrap();
}

async fn rows(store: &dyn Store) -> Vec<(Key, Bytes)> {
    let all = store.scan(&[], &[], usize::MAX).await.unwrap();
    all.into_iter().filter(|(key, _)| key != MIGRATION_ROW).map(|(key, row)| (key, row.value)).collect()
}

async fn mark(store: &dyn Store) -> Option<MigrationMark> {
    let row = store.get(MIGRATION_ROW.as_bytes()).await.unwrap()?;
    Some(serde_json::from_slice(&row.value).unwrap())
}

#[tokio::test]
async fn everything_is_copied_and_the_stores_change_places() {
    let (source, destination) = (MemoryStore::new(), MemoryStore::new());
    fill(&source, 1000).await;
    let said = move_all(&source, &destination, &arguments()).await.unwrap();
    assert!(said.contains("1000 rows"), "{said}");
    assert_eq!(rows(&destination).await, rows(&source).await);
    assert_eq!(mark(&destination).await, None);
    assert_eq!(mark(&source).await.unwrap().state, MigrationState::Moved);
    let again = move_all(&source, &MemoryStore::new(), &arguments()).await.unwrap_err();
    assert!(again.contains("-reset"), "{again}");
    marks::reset(&source).await.unwrap();
    assert_eq!(mark(&source).await, None);
}

/// Wherever it stops, the next run completes it.
#[tokio::test]
async fn it_goes_on_after_a_stop_at_any_commit() {
    let source = MemoryStore::new();
    fill(&source, 500).await;
    for commits in 0..40 {
        marks::reset(&source).await.ok();
        let destination = dying(commits);
        if move_all(&source, &destination, &arguments()).await.is_ok() {
            assert!(commits > 8, "{commits}");
            return;
        }
        destination.revive(usize::MAX);
        move_all(&source, &destination, &arguments()).await.unwrap_or_else(|why| panic!("after {commits}: {why}"));
        assert_eq!(rows(&destination).await, rows(&source).await, "after {commits}");
        assert_eq!(mark(&destination).await, None);
    }
    panic!("it never came to its end");
}

#[tokio::test]
async fn it_goes_on_where_it_was() {
    let (source, destination) = (MemoryStore::new(), MemoryStore::new());
    fill(&source, 300).await;
    let ready = marks::begin(&source, &destination).await.unwrap();
    let keys: Vec<Key> = rows(&source).await.into_iter().map(|(key, _)| key).collect();
    marks::note(&destination, &ready.destination, &keys[99], 100, ready.of_revision).await.unwrap();
    let again = marks::begin(&source, &destination).await.unwrap();
    assert_eq!((again.copied.as_deref(), again.rows), (Some(keys[99].as_ref()), 100));
    assert_eq!(again.source.mark.id, ready.source.mark.id);
    // After a change of the source, all is compared anew.
    put(&source, "a", Some("new".into())).await;
    let anew = marks::begin(&source, &destination).await.unwrap();
    assert_eq!((anew.copied, anew.rows), (None, 0));
}

#[tokio::test]
async fn a_second_run_brings_changes_of_the_source() {
    let source = MemoryStore::new();
    fill(&source, 300).await;
    let destination = dying(6);
    move_all(&source, &destination, &arguments()).await.unwrap_err();
    destination.revive(usize::MAX);
    assert!(rows(&destination).await.len() > 64, "too little was copied to tell");
    let first = rows(&source).await[0].0.clone();
    put(&source, std::str::from_utf8(&first).unwrap(), None).await;
    put(&source, "core/b", Some("came".into())).await;
    put(&source, "core/a00004", Some("changed".into())).await;
    move_all(&source, &destination, &arguments()).await.unwrap();
    assert_eq!(rows(&destination).await, rows(&source).await);
}

#[tokio::test]
async fn what_holds_data_is_not_written_over() {
    let (source, other, destination) = (MemoryStore::new(), MemoryStore::new(), MemoryStore::new());
    fill(&source, 10).await;
    fill(&other, 20).await;
    put(&destination, "a", Some("kept".into())).await;
    let why = move_all(&source, &destination, &arguments()).await.unwrap_err();
    assert!(why.contains("other data"), "{why}");
    assert_eq!(rows(&destination).await.len(), 1);
    assert_eq!(mark(&source).await, None, "a source that is not copied is not marked");
    let why = move_all(&MemoryStore::new(), &MemoryStore::new(), &arguments()).await.unwrap_err();
    assert!(why.contains("holds no data"), "{why}");
    // An unfinished copy belongs to its source alone, and is nothing to copy from.
    let unfinished = MemoryStore::new();
    marks::begin(&source, &unfinished).await.unwrap();
    let why = move_all(&other, &unfinished, &arguments()).await.unwrap_err();
    assert!(why.contains("another source"), "{why}");
    let why = move_all(&unfinished, &MemoryStore::new(), &arguments()).await.unwrap_err();
    assert!(why.contains("unfinished copy"), "{why}");
    let why = marks::reset(&unfinished).await.unwrap_err();
    assert!(why.contains("unfinished copy"), "{why}");
}

/// A source that is written to during the copy, once.
struct Restless {
    inner: MemoryStore,
    scans: AtomicUsize,
}

impl Layer for Restless {
    fn inner(&self) -> &dyn Store {
        &self.inner
    }

    fn scan<'a>(
        &'a self,
        start: &'a [u8],
        end: &'a [u8],
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<(Key, Row)>, StoreError>> {
        Box::pin(async move {
            if self.scans.fetch_add(1, Ordering::Relaxed) == 2 {
                put(&self.inner, "a", Some("late".into())).await;
            }
            self.inner.scan(start, end, limit).await
        })
    }
}

#[tokio::test]
async fn a_source_that_changes_meanwhile_is_noticed() {
    let source = Restless { inner: MemoryStore::new(), scans: AtomicUsize::new(0) };
    fill(&source.inner, 300).await;
    let destination = MemoryStore::new();
    move_all(&source, &destination, &arguments()).await.unwrap_err();
    assert!(
        matches!(mark(&destination).await.unwrap().state, MigrationState::Arriving { .. }),
        "a copy that is not whole"
    );
    move_all(&source, &destination, &arguments()).await.unwrap();
    assert_eq!(rows(&destination).await, rows(&source).await);
}

#[test]
fn flags_are_read_as_vaults() {
    let parse = |words: &[&str]| Arguments::parse(&words.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>());
    let read = parse(&["-config=m.hcl", "--start", "lease/", "-max-parallel=3"]).unwrap();
    assert_eq!((read.config, read.start.as_str(), read.parallel, read.reset), ("m.hcl".into(), "lease/", 3, false));
    assert!(parse(&["-config=m.hcl", "-reset"]).unwrap().reset);
    for wrong in [&["-reset"][..], &["-config=m", "-max-parallel=0"], &["-config=m", "x"], &["-config=m", "-y"]] {
        assert!(parse(wrong).is_err(), "{wrong:?}");
    }
}
