//! What every backend must do. A backend's tests call [`run`] with a way to make an empty store; shared backends that keep
//! the rows of earlier cases must hand out a store with a prefix or database of its own.
#![expect(clippy::expect_used, reason = "this is test code that other crates link into their tests")]
mod dying;
pub mod model;
pub mod shared;
mod views;

pub use dying::Dying;

use crate::{
    Batch, KEY_LEN_MAX, Key, Revision, Store, StoreError, VALUE_LEN_MAX, Watcher, Write, prefix_end, snapshot,
};
use bytes::Bytes;
use futures_util::future::join_all;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Runs all cases, each on a store of its own.
pub async fn run(fresh: impl AsyncFn() -> Arc<dyn Store>) {
    prefix_ends();
    reads_what_was_written(fresh().await.as_ref()).await;
    ranges_and_limits(fresh().await.as_ref()).await;
    many_at_once(fresh().await.as_ref()).await;
    any_bytes_are_a_key(fresh().await.as_ref()).await;
    batches_are_atomic(fresh().await.as_ref()).await;
    conflicts_by_what_was_seen(fresh().await.as_ref()).await;
    blind_writes_never_conflict(fresh().await.as_ref()).await;
    batches_without_writes_only_check(fresh().await.as_ref()).await;
    revisions_grow(fresh().await.as_ref()).await;
    limits_are_kept(fresh().await.as_ref()).await;
    watchers_are_told(fresh().await.as_ref()).await;
    no_update_is_lost(fresh().await).await;
    exactly_one_wins(fresh().await.as_ref()).await;
    snapshots_come_back(fresh().await.as_ref(), fresh().await.as_ref()).await;
    views::run(&fresh).await;
    model::run(fresh().await.as_ref()).await;
    closed_is_closed(fresh().await.as_ref()).await;
}

/// A write of a value.
pub fn put(key: &str, value: impl Into<Bytes>) -> Write {
    Write { key: Key::copy_from_slice(key.as_bytes()), value: Some(value.into()) }
}

/// A deletion.
pub fn delete(key: &str) -> Write {
    Write { key: Key::copy_from_slice(key.as_bytes()), value: None }
}

/// Commits without having seen anything.
pub async fn blind(store: &dyn Store, writes: Vec<Write>) -> Revision {
    store.commit(Batch { began: store.revision(), seen: Vec::new(), writes }).await.expect("a blind commit")
}

/// The value of a key, by [`Store::get`]; [`Store::peek`], where it answers, must say the same.
pub async fn value(store: &dyn Store, key: &str) -> Option<Bytes> {
    let row = store.get(key.as_bytes()).await.expect("a read");
    if let Some(peeked) = store.peek(key.as_bytes()) {
        assert_eq!(peeked, Ok(row.clone()), "peek and get differ on {key:?}");
    }
    row.map(|r| r.value)
}

async fn revision_of(store: &dyn Store, key: &str) -> Revision {
    store.get(key.as_bytes()).await.expect("a read").map_or(Revision(0), |r| r.revision)
}

fn key(text: &str) -> Key {
    Key::copy_from_slice(text.as_bytes())
}

fn prefix_ends() {
    assert_eq!(prefix_end(b"a/"), b"a0");
    assert_eq!(prefix_end(b"a\xff"), b"b");
    assert_eq!(prefix_end(b"a\xff\xff"), b"b");
    assert_eq!(prefix_end(b"\xff\xff"), b"");
    assert_eq!(prefix_end(b""), b"");
    assert_eq!(prefix_end(b"\0"), b"\x01");
}

async fn reads_what_was_written(store: &dyn Store) {
    assert_eq!(value(store, "a").await, None);
    let first = blind(store, vec![put("a", "1"), put("empty", "")]).await;
    assert_eq!(value(store, "a").await, Some("1".into()));
    assert_eq!(value(store, "empty").await, Some(Bytes::new()), "an empty value is a value");
    assert_eq!(revision_of(store, "a").await, first);
    let second = blind(store, vec![put("a", "2")]).await;
    assert_eq!(value(store, "a").await, Some("2".into()));
    assert_eq!(revision_of(store, "a").await, second);
    assert_eq!(revision_of(store, "empty").await, first);
    blind(store, vec![delete("a"), delete("never")]).await;
    assert_eq!(value(store, "a").await, None);
    blind(store, vec![put("a", "3")]).await;
    assert_eq!(value(store, "a").await, Some("3".into()));
}

async fn ranges_and_limits(store: &dyn Store) {
    blind(store, ["b", "a/2", "a/1", "a/3", "a0", "a"].map(|k| put(k, k.to_owned())).to_vec()).await;
    blind(store, vec![delete("a/2")]).await;
    let cases: [(&str, &str, usize, &[&str]); 11] = [
        ("", "", usize::MAX, &["a", "a/1", "a/3", "a0", "b"]),
        ("", "", 2, &["a", "a/1"]),
        ("", "", 0, &[]),
        ("a/", "a0", 10, &["a/1", "a/3"]),
        ("a/1", "a/3", 10, &["a/1"]),
        ("a/1\0", "", 1, &["a/3"]),
        ("a/2", "", 2, &["a/3", "a0"]),
        ("b", "a", 10, &[]),
        ("a", "a", 10, &[]),
        ("c", "", 10, &[]),
        ("", "a", 10, &[]),
    ];
    for (start, end, limit, want) in cases {
        let rows = store.scan(start.as_bytes(), end.as_bytes(), limit).await.expect("a scan");
        let keys = store.keys(start.as_bytes(), end.as_bytes(), limit).await.expect("keys");
        assert_eq!(rows.iter().map(|(k, _)| k.clone()).collect::<Vec<_>>(), keys);
        assert_eq!(keys, want.iter().map(|k| key(k)).collect::<Vec<_>>(), "{start:?}..{end:?} limit {limit}");
        assert!(rows.iter().all(|(k, row)| *k == row.value), "each row with its own value");
    }
}

async fn many_at_once(store: &dyn Store) {
    let many = async |keys: &[&str]| {
        let keys: Vec<Key> = keys.iter().map(|k| key(k)).collect();
        let rows = store.get_many(&keys).await.expect("a read of many");
        rows.into_iter().map(|row| row.map(|row| row.value)).collect::<Vec<_>>()
    };
    assert_eq!(many(&[]).await, [] as [Option<Bytes>; 0]);
    let at = blind(store, vec![put("a", "1"), put("b", "2")]).await;
    assert_eq!(value(store, "b").await, Some("2".into()));
    assert_eq!(many(&["b", "none", "a", "b"]).await, [Some("2".into()), None, Some("1".into()), Some("2".into())]);
    assert_eq!(store.get_many(&[key("a")]).await.expect("a read")[0].as_ref().map(|row| row.revision), Some(at));
    blind(store, vec![put("a", "3"), delete("b"), put("none", "4")]).await;
    assert_eq!(many(&["b", "none", "a"]).await, [None, Some("4".into()), Some("3".into())]);
    assert_eq!((value(store, "b").await, value(store, "a").await), (None, Some("3".into())));
    let ranges = [("a", "b"), ("b", "c"), ("c", ""), ("a\0", "n"), ("n", "o"), ("b", "a")];
    let ranges = ranges.map(|(start, end)| (key(start), key(end)));
    assert_eq!(store.hold_any(&ranges).await, Ok(vec![true, false, true, false, true, false]));
}

async fn any_bytes_are_a_key(store: &dyn Store) {
    let keys: [&[u8]; 7] = [b"\0", b"\0\0", b"\x01", b"%_*?[", b"a\0b", b"\xc3\x28", b"\xff\xff"];
    let writes = keys.map(|k| Write { key: Key::from_static(k), value: Some(Bytes::from_static(k)) });
    blind(store, writes.to_vec()).await;
    for key in keys {
        assert_eq!(store.get(key).await.expect("a read").expect("a row").value, key);
    }
    assert_eq!(store.keys(b"", b"", 100).await.expect("keys"), keys, "in the order of bytes");
    assert_eq!(store.keys(b"\0\0", b"\xff", 100).await.expect("keys").len(), 5);
}

async fn batches_are_atomic(store: &dyn Store) {
    blind(store, vec![put("kept", "old"), put("seen", "1")]).await;
    let stale = revision_of(store, "seen").await;
    blind(store, vec![put("seen", "2")]).await;
    let batch = Batch {
        began: store.revision(),
        seen: vec![(key("seen"), stale)],
        writes: vec![put("kept", "new"), put("other", "new"), delete("seen")],
    };
    assert_eq!(store.commit(batch).await, Err(StoreError::Conflict));
    assert_eq!(value(store, "kept").await, Some("old".into()));
    assert_eq!(value(store, "other").await, None);
    assert_eq!(value(store, "seen").await, Some("2".into()));
    let at = blind(store, (0..100).map(|i| put(&format!("many/{i:03}"), "x")).collect()).await;
    let rows = store.scan(b"many/", b"many0", 1000).await.expect("a scan");
    assert_eq!(rows.len(), 100);
    assert!(rows.iter().all(|(_, row)| row.revision == at), "one batch, one revision");
}

async fn conflicts_by_what_was_seen(store: &dyn Store) {
    let began = store.revision();
    let absent = |writes| Batch { began, seen: vec![(key("a"), Revision(0))], writes };
    let made = store.commit(absent(vec![put("a", "1")])).await.expect("it is absent");
    assert_eq!(store.commit(absent(vec![put("a", "2")])).await, Err(StoreError::Conflict), "it is there now");
    let seen = |at, writes| Batch { began: at, seen: vec![(key("a"), at)], writes };
    let changed = store.commit(seen(made, vec![put("a", "3")])).await.expect("as it was seen");
    assert_eq!(store.commit(seen(made, vec![put("a", "4")])).await, Err(StoreError::Conflict));
    store.commit(seen(changed, vec![delete("a")])).await.expect("a deletion");
    assert_eq!(store.commit(seen(changed, vec![put("a", "5")])).await, Err(StoreError::Conflict), "it is gone");
    let again = Batch { began: store.revision(), seen: vec![(key("a"), Revision(0))], writes: vec![put("a", "6")] };
    store.commit(again).await.expect("it is absent again");
    assert_eq!(value(store, "a").await, Some("6".into()));
    let unknown =
        Batch { began: store.revision(), seen: vec![(key("z"), Revision(u64::MAX))], writes: vec![put("z", "")] };
    assert_eq!(store.commit(unknown).await, Err(StoreError::Conflict), "never had that revision");
}

async fn blind_writes_never_conflict(store: &dyn Store) {
    let batch = |v: &'static str| Batch { began: Revision(0), seen: Vec::new(), writes: vec![put("a", v)] };
    store.commit(batch("1")).await.expect("a blind write");
    store.commit(batch("2")).await.expect("a blind write over a row");
    assert_eq!(value(store, "a").await, Some("2".into()));
}

async fn batches_without_writes_only_check(store: &dyn Store) {
    let at = blind(store, vec![put("a", "1")]).await;
    let check = |seen| Batch { began: at, seen: vec![(key("a"), seen)], writes: Vec::new() };
    let before = store.newest().await.expect("the newest revision");
    assert!(store.commit(check(at)).await.is_ok());
    assert_eq!(store.commit(check(Revision(0))).await, Err(StoreError::Conflict));
    assert_eq!(store.commit(Batch::default()).await, Ok(before), "nothing to check, nothing to write");
    assert_eq!(store.newest().await, Ok(before), "no revision is used up");
}

async fn revisions_grow(store: &dyn Store) {
    let mut last = store.newest().await.expect("the newest revision");
    for i in 0..20 {
        let at = blind(store, vec![if i % 3 == 0 { delete("a") } else { put("a", "x") }]).await;
        assert!(at > last, "{at:?} after {last:?}");
        assert_eq!(store.newest().await, Ok(at));
        last = at;
    }
}

async fn limits_are_kept(store: &dyn Store) {
    let long = |len: usize| Key::from(vec![b'k'; len]);
    let commit = |key: Key, len: usize| {
        let write = Write { key, value: Some(vec![7; len].into()) };
        store.commit(Batch { began: store.revision(), seen: Vec::new(), writes: vec![write] })
    };
    commit(long(KEY_LEN_MAX), 1).await.expect("the longest key");
    commit(long(1), VALUE_LEN_MAX).await.expect("the largest value");
    assert_eq!(commit(long(KEY_LEN_MAX + 1), 1).await, Err(StoreError::TooLarge));
    assert_eq!(commit(long(1), VALUE_LEN_MAX + 1).await, Err(StoreError::TooLarge));
    let largest = store.get(&long(1)).await.expect("a read").expect("a row");
    assert_eq!(largest.value.len(), VALUE_LEN_MAX);
    assert!(store.get(&long(KEY_LEN_MAX)).await.expect("a read").is_some());
}

/// What a watcher has heard.
#[derive(Default)]
pub struct Recorder {
    /// Each commit's keys, in their order, and its revision.
    pub told: Mutex<Vec<(Vec<Key>, Revision)>>,
    /// How often news may have been missed.
    pub lost: AtomicU64,
}

impl Watcher for Recorder {
    fn changed(&self, keys: &[Key], at: Revision) {
        let mut keys = keys.to_vec();
        keys.sort();
        self.told.lock().push((keys, at));
    }

    fn lost(&self) {
        self.lost.fetch_add(1, Ordering::Relaxed);
    }
}

/// Counts what it is told of before one that was registered earlier.
struct After {
    first: Arc<Recorder>,
    early: AtomicU64,
}

impl Watcher for After {
    fn changed(&self, _: &[Key], at: Revision) {
        if !self.first.told.lock().iter().any(|(_, told)| *told == at) {
            self.early.fetch_add(1, Ordering::Relaxed);
        }
    }
    fn lost(&self) {}
}

/// A local store tells before the commit returns; a shared one may take a while, and may tell the same twice.
async fn watchers_are_told(store: &dyn Store) {
    let (all, some) = (Arc::new(Recorder::default()), Arc::new(Recorder::default()));
    store.watch(Key::new(), all.clone());
    let after = Arc::new(After { first: all.clone(), early: AtomicU64::new(0) });
    store.watch(Key::new(), after.clone());
    store.watch(key("w/"), some.clone());
    let first = blind(store, vec![put("w/a", "1"), put("x", "1")]).await;
    let second = blind(store, vec![delete("w/a")]).await;
    let third = blind(store, vec![put("x", "2")]).await;
    let conflict = Batch { began: third, seen: vec![(key("x"), Revision(0))], writes: vec![put("w/b", "1")] };
    assert_eq!(store.commit(conflict).await, Err(StoreError::Conflict));
    let local = matches!(store.kind(), "inmem" | "embedded");
    for _ in 0..if local { 0 } else { 10_000 } {
        if all.told.lock().iter().any(|(_, at)| *at >= third) {
            break;
        }
        // Gives the store's own tasks a turn without asking for a timer of some runtime.
        store.newest().await.expect("the newest revision");
    }
    assert_eq!(after.early.load(Ordering::Relaxed), 0, "who was registered later was told first");
    let mut all = std::mem::take(&mut *all.told.lock());
    all.dedup();
    let mut some = std::mem::take(&mut *some.told.lock());
    some.dedup();
    assert_eq!(all, [(vec![key("w/a"), key("x")], first), (vec![key("w/a")], second), (vec![key("x")], third)]);
    assert_eq!(some, [(vec![key("w/a")], first), (vec![key("w/a")], second)]);
}

/// Reads, adds one and commits until it works.
async fn increment(store: &dyn Store, name: &str) {
    loop {
        let began = store.revision();
        let row = store.get(name.as_bytes()).await.expect("a read");
        let count: u64 = row.as_ref().map_or(0, |r| String::from_utf8_lossy(&r.value).parse().expect("a number"));
        let seen = vec![(key(name), row.map_or(Revision(0), |r| r.revision))];
        let writes = vec![put(name, (count + 1).to_string())];
        match store.commit(Batch { began, seen, writes }).await {
            Ok(_) => return,
            Err(StoreError::Conflict) => {}
            Err(e) => unreachable!("a commit failed: {e}"),
        }
    }
}

async fn no_update_is_lost(store: Arc<dyn Store>) {
    const TASKS: usize = 16;
    const ROUNDS: usize = 20;
    let work = (0..TASKS).map(|i| {
        let store = store.clone();
        async move {
            for _ in 0..ROUNDS {
                increment(store.as_ref(), if i % 2 == 0 { "even" } else { "odd" }).await;
                increment(store.as_ref(), "all").await;
            }
        }
    });
    join_all(work).await;
    let half = (TASKS * ROUNDS / 2).to_string();
    assert_eq!(value(store.as_ref(), "even").await, Some(half.clone().into()));
    assert_eq!(value(store.as_ref(), "odd").await, Some(half.into()));
    assert_eq!(value(store.as_ref(), "all").await, Some((TASKS * ROUNDS).to_string().into()));
}

/// The pattern behind everything that can be used once.
async fn exactly_one_wins(store: &dyn Store) {
    let at = blind(store, vec![put("ticket", "1")]).await;
    let use_it = |i: usize| {
        let writes = vec![delete("ticket"), put(&format!("won/{i}"), "")];
        store.commit(Batch { began: at, seen: vec![(key("ticket"), at)], writes })
    };
    let outcomes = join_all((0..32).map(use_it)).await;
    assert_eq!(outcomes.iter().filter(|o| o.is_ok()).count(), 1);
    assert!(outcomes.iter().all(|o| o.is_ok() || *o == Err(StoreError::Conflict)));
    assert_eq!(store.keys(b"won/", b"won0", 100).await.expect("keys").len(), 1);
    assert_eq!(value(store, "ticket").await, None);
}

async fn snapshots_come_back(from: &dyn Store, to: &dyn Store) {
    let large = Bytes::from(vec![9; 200_000]);
    blind(from, (0..500).map(|i| put(&format!("row/{i:04}"), format!("value {i}"))).collect()).await;
    blind(from, vec![put("large", large), put("empty", ""), delete("row/0007")]).await;
    let mut file = Vec::new();
    from.snapshot(&mut file).expect("a snapshot");
    assert_eq!(snapshot::restore(to, &mut file.as_slice()).await, Ok(501));
    let (a, b) = (from.scan(b"", b"", 1000).await.expect("rows"), to.scan(b"", b"", 1000).await.expect("rows"));
    let bare = |rows: Vec<(Key, crate::Row)>| rows.into_iter().map(|(k, r)| (k, r.value)).collect::<Vec<_>>();
    assert_eq!(bare(a), bare(b));
    let mut again = Vec::new();
    to.snapshot(&mut again).expect("a snapshot");
    assert!(file == again, "the same rows make the same file");
    let refused = snapshot::restore(to, &mut file.as_slice()).await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "only into an empty store: {refused:?}");
}

async fn closed_is_closed(store: &dyn Store) {
    blind(store, vec![put("a", "1")]).await;
    store.close().await.expect("closing");
    if store.kind() != "inmem" {
        let late = store.commit(Batch { writes: vec![put("a", "2")], ..Batch::default() }).await;
        assert!(matches!(late, Err(StoreError::Unavailable(_))), "{late:?}");
    }
    store.close().await.expect("closing twice");
}
