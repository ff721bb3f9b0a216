//! Random work on a store and on a `BTreeMap`, compared after every step.
use crate::{Batch, Key, Revision, Store, StoreError, Write};
use bytes::Bytes;
use std::collections::BTreeMap;

/// One step. Keys are numbers from a small range, so that steps meet.
#[derive(Clone, Debug)]
pub enum Step {
    /// Commits these values (`None` deletes) after having seen these keys; `stale` claims an outdated sight of the first.
    Commit { seen: Vec<u8>, writes: Vec<(u8, Option<u16>)>, stale: bool },
    /// Reads one key.
    Get(u8),
    /// Lists from one key to another (0: to the end).
    Scan { start: u8, end: u8, limit: usize },
}

#[derive(Default)]
struct Model {
    rows: BTreeMap<Key, (Bytes, Revision)>,
    newest: Revision,
}

/// Does the steps on both. The store must be empty, or hold what earlier calls on the same model keys left: it is cleared.
pub async fn compare(store: &dyn Store, steps: &[Step]) {
    let left = store.keys(b"k/", b"k0", usize::MAX).await.expect("keys");
    let writes = left.into_iter().map(|key| Write { key, value: None }).collect();
    let newest = store.commit(Batch { began: store.revision(), seen: Vec::new(), writes }).await.expect("a commit");
    let mut model = Model { rows: BTreeMap::new(), newest };
    for step in steps {
        match step {
            Step::Commit { seen, writes, stale } => commit(store, &mut model, seen, writes, *stale).await,
            Step::Get(number) => {
                let found = store.get(&key(*number)).await.expect("a read");
                let want = model.rows.get(&key(*number)).cloned();
                assert_eq!(found.map(|r| (r.value, r.revision)), want, "{step:?}");
            }
            Step::Scan { start, end, limit } => scan(store, &model, *start, *end, *limit).await,
        }
    }
    scan(store, &model, 0, 0, usize::MAX).await;
}

/// A fixed sequence, for every backend.
pub(super) async fn run(store: &dyn Store) {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = move |bound: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % bound
    };
    let mut number = move || u8::try_from(next(24)).unwrap_or(0);
    let mut steps = Vec::new();
    for i in 0_u16..300 {
        steps.push(match number() % 4 {
            0 => Step::Get(number()),
            1 => Step::Scan { start: number(), end: number(), limit: usize::from(number()) },
            _ => Step::Commit {
                seen: (0..number() % 4).map(|_| number()).collect(),
                writes: (0..number() % 5).map(|_| (number(), (number() % 3 > 0).then_some(i))).collect(),
                stale: number() % 5 == 0,
            },
        });
    }
    compare(store, &steps).await;
}

fn key(number: u8) -> Key {
    format!("k/{number:03}").into()
}

async fn commit(store: &dyn Store, model: &mut Model, seen: &[u8], writes: &[(u8, Option<u16>)], stale: bool) {
    let now = |k: &Key| model.rows.get(k).map_or(Revision(0), |(_, at)| *at);
    let mut seen: Vec<(Key, Revision)> = seen.iter().map(|n| (key(*n), now(&key(*n)))).collect();
    let mut conflict = false;
    if let (true, Some((_, at))) = (stale, seen.first_mut()) {
        // A revision that the row had before, or that it was not there.
        *at = if at.0 == 0 { model.newest } else { Revision(0) };
        conflict = now(&seen[0].0) != seen[0].1;
    }
    let writes: BTreeMap<Key, Option<Bytes>> =
        writes.iter().map(|(n, value)| (key(*n), value.map(|v| v.to_string().into()))).collect();
    let list = writes.iter().map(|(key, value)| Write { key: key.clone(), value: value.clone() }).collect();
    // What was seen before anything was committed must be checked against the rows, not taken from memory of late changes.
    let began = if stale { Revision(0) } else { store.revision() };
    match store.commit(Batch { began, seen, writes: list }).await {
        Err(StoreError::Conflict) => assert!(conflict, "a conflict without a reason"),
        Err(e) => unreachable!("a commit failed: {e}"),
        Ok(at) => {
            assert!(!conflict, "a change went unseen");
            assert!(if writes.is_empty() { at >= model.newest } else { at > model.newest }, "revisions grow");
            model.newest = at;
            for (key, value) in writes {
                match value {
                    Some(value) => model.rows.insert(key, (value, at)),
                    None => model.rows.remove(&key),
                };
            }
        }
    }
}

async fn scan(store: &dyn Store, model: &Model, start: u8, end: u8, limit: usize) {
    let from = key(start);
    let to = if end == 0 { Key::from_static(b"k0") } else { key(end) };
    let found = store.scan(&from, &to, limit).await.expect("a scan");
    let found: Vec<(Key, Bytes, Revision)> = found.into_iter().map(|(k, r)| (k, r.value, r.revision)).collect();
    let within = model.rows.iter().filter(|(k, _)| **k >= from && **k < to);
    let want: Vec<(Key, Bytes, Revision)> =
        within.take(limit).map(|(k, (value, at))| (k.clone(), value.clone(), *at)).collect();
    assert_eq!(found, want, "from {start} to {end}, limit {limit}");
}
