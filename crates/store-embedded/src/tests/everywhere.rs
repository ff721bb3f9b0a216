//! Trouble at every place: the same work is done again and again, each time the next operation on the disk meets it. Whatever
//! comes of it, what was acknowledged is there afterwards, nothing is there by half, and nothing that was refused appears.
//!
//! `KW_FAULT_STRIDE=1` tries each operation; by default each ninth is tried, beginning with one that differs from run to run.
use super::*;
use bytes::Bytes;
use kw_store::{Revision, Write};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

type Rows = BTreeMap<Key, Bytes>;

/// What the writer knows.
#[derive(Clone, Default)]
struct Told {
    rows: Rows,
    /// A batch of which it was not told whether it is stored: all of it or nothing is.
    open: Option<Vec<Write>>,
    /// Commits that were acknowledged, and those that were refused.
    done: u64,
    refused: u64,
}

impl Told {
    /// What was found after a start tells how the open batch ended.
    fn settle(&mut self, found: Rows, why: &str) {
        let mut other = self.rows.clone();
        apply(&mut other, self.open.take().as_deref().unwrap_or_default());
        let (found_newest, told, or) = (newest(&found), newest(&self.rows), newest(&other));
        assert!(found == self.rows || found == other, "{why}: found {found_newest}, told {told} or {or}");
        self.rows = found;
    }
}

/// The number of the last batch.
fn newest(rows: &Rows) -> String {
    rows.get("newest".as_bytes()).map_or_else(|| "nothing".to_owned(), |n| String::from_utf8_lossy(n).into_owned())
}

/// Rows that belong together: two with a number, and the ones of four commits before go.
fn batch_of(number: u64) -> Vec<Write> {
    let key = |part: &str, number: u64| Key::from(format!("row/{part}/{number:06}"));
    let value = |part: &str| Some(Bytes::from(format!("{part} {number} {}", "x".repeat(1400))));
    let mut writes = vec![
        Write { key: key("a", number), value: value("a") },
        Write { key: key("b", number), value: value("b") },
        Write { key: Key::from("newest"), value: Some(number.to_string().into()) },
    ];
    if let Some(old) = number.checked_sub(4) {
        writes.push(Write { key: key("a", old), value: None });
        writes.push(Write { key: key("b", old), value: None });
    }
    writes
}

fn apply(rows: &mut Rows, writes: &[Write]) {
    for write in writes {
        match &write.value {
            Some(value) => rows.insert(write.key.clone(), value.clone()),
            None => rows.remove(&write.key),
        };
    }
}

async fn commit(store: &dyn Store, told: &mut Told, number: u64) -> Result<Revision, StoreError> {
    let writes = batch_of(number);
    let outcome = store.commit(Batch { writes: writes.clone(), ..Batch::default() }).await;
    match &outcome {
        Ok(_) => {
            apply(&mut told.rows, &writes);
            told.done += 1;
        }
        Err(error) => {
            told.refused += 1;
            // What was written when the store was poisoned may be there. Whatever is refused later was never written, and
            // neither was what the other errors are about.
            let is_open = matches!(error, StoreError::Poisoned(_) | StoreError::Unknown(_));
            if is_open && told.open.is_none() {
                told.open = Some(writes);
            }
        }
    }
    outcome
}

async fn rows_of(store: &dyn Store) -> Result<Rows, StoreError> {
    let rows = store.scan(b"", b"", usize::MAX).await?;
    Ok(rows.into_iter().map(|(key, row)| (key, row.value)).collect())
}

/// The work: a store is made, written until it has been folded several times, opened again, written again and closed.
/// Ends early where the store cannot be opened.
async fn work(dir: &Path, told: &mut Told) -> Option<Arc<dyn Store>> {
    let mut number = 0;
    for commits in [50, 30] {
        let store = open_patiently(dir).ok()?;
        told.settle(rows_of(store.as_ref()).await.ok()?, "opened again");
        for _ in 0..commits {
            let _ = commit(store.as_ref(), told, number).await;
            number += 1;
            // A reader in the meantime is told what is true, or that it cannot be told.
            if number.is_multiple_of(10)
                && let Ok(found) = rows_of(store.as_ref()).await
            {
                assert!(found == told.rows, "read {}, told {}", newest(&found), newest(&told.rows));
            }
        }
        if commits == 30 {
            return Some(store);
        }
        drop(store);
    }
    None
}

/// A store that could not be opened once may be opened at the second try.
fn open_patiently(dir: &Path) -> Result<Arc<dyn Store>, OpenError> {
    open(dir, &small()).or_else(|_| open(dir, &small()))
}

/// In memory where there is such a file system, since nothing here depends on a real disk.
fn fast_dir() -> TempDir {
    let memory = PathBuf::from("/dev/shm");
    if memory.is_dir() { TempDir::new_in(memory).unwrap() } else { TempDir::new().unwrap() }
}

/// After the trouble: the store opens, holds what was told, and goes on.
async fn assert_sound(dir: &Path, told: &Told, why: &str) {
    let store = open(dir, &small()).unwrap_or_else(|e| unreachable!("{why}: {e}"));
    let found = rows_of(store.as_ref()).await.unwrap();
    told.clone().settle(found.clone(), why);
    let mut now = Told { rows: found, ..Told::default() };
    for number in 1000..1030 {
        commit(store.as_ref(), &mut now, number).await.unwrap();
    }
    assert_eq!(rows_of(store.as_ref()).await.unwrap(), now.rows, "{why}");
    store.close().await.unwrap();
    drop(store);
    verify(dir).unwrap_or_else(|e| unreachable!("{why}: {e}"));
}

/// How many operations the work takes when nothing fails.
async fn operations() -> u64 {
    let dir = fast_dir();
    let path = dir.path().join("store");
    faults::meet(&path, u64::MAX, Mode::Dead, false);
    let mut told = Told::default();
    let store = work(&path, &mut told).await.unwrap();
    assert_eq!((told.done, told.refused), (80, 0));
    store.close().await.unwrap();
    drop(store);
    faults::clear(&path)
}

/// The places that are tried.
#[expect(clippy::disallowed_methods, reason = "a test is told by its caller how much to try")]
async fn places() -> impl Iterator<Item = u64> {
    let all = operations().await;
    assert!(all > 300, "the work does too little: {all}");
    let stride: u64 = std::env::var("KW_FAULT_STRIDE").ok().and_then(|s| s.parse().ok()).unwrap_or(9);
    (u64::from(std::process::id()) % stride..all).step_by(usize::try_from(stride).unwrap())
}

/// Each place in turn. Returns how many commits were refused in all.
async fn meet_everywhere(mode: Mode, power: bool) -> u64 {
    let mut refused = 0;
    for place in places().await {
        let dir = fast_dir();
        let path = dir.path().join("store");
        let why = format!("{mode:?} at {place}, power lost: {power}");
        faults::meet(&path, place, mode, power);
        let mut told = Told::default();
        let store = work(&path, &mut told).await;
        if let Some(store) = store {
            if place.is_multiple_of(2) {
                let _ = store.close().await;
            }
            drop(store);
        }
        if power {
            faults::lose_power(&path, place);
        } else {
            faults::clear(&path);
        }
        assert_sound(&path, &told, &why).await;
        refused += told.refused;
    }
    refused
}

#[tokio::test]
async fn an_error_at_any_place() {
    assert!(meet_everywhere(Mode::Once(ErrorKind::Other), false).await > 0);
}

#[tokio::test]
async fn no_room_at_any_place_once() {
    assert!(meet_everywhere(Mode::Once(ErrorKind::StorageFull), false).await > 0);
}

#[tokio::test]
async fn a_write_cut_short_at_any_place() {
    assert!(meet_everywhere(Mode::Short(ErrorKind::Other), false).await > 0);
    assert!(meet_everywhere(Mode::Short(ErrorKind::StorageFull), false).await > 0);
}

#[tokio::test]
async fn the_end_of_the_process_at_any_place() {
    assert!(meet_everywhere(Mode::Dead, false).await > 0);
}

#[tokio::test]
async fn a_loss_of_power_at_any_place() {
    assert!(meet_everywhere(Mode::Dead, true).await > 0);
}

/// No restart is needed when there is room again, wherever it ended.
#[tokio::test]
async fn a_full_disk_from_any_place_on() {
    let mut refused = 0;
    for place in places().await {
        let dir = fast_dir();
        let path = dir.path().join("store");
        faults::meet(&path, place, Mode::Full, false);
        let mut told = Told::default();
        let store = work(&path, &mut told).await;
        assert!(told.open.is_none(), "at {place}: a full disk has poisoned the store");
        refused += told.refused;
        if let Some(store) = store {
            assert_eq!(rows_of(store.as_ref()).await.unwrap(), told.rows, "at {place}: reads go on");
            faults::clear(&path);
            let mut number = 500;
            while let Err(error) = commit(store.as_ref(), &mut told, number).await {
                assert_eq!(error, StoreError::NoSpace, "at {place}");
                number += 1;
                assert!(number < 700, "at {place}: nothing is written although there is room");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            assert_eq!(rows_of(store.as_ref()).await.unwrap(), told.rows, "at {place}");
            if place.is_multiple_of(2) {
                store.close().await.unwrap();
            }
        }
        faults::clear(&path);
        assert_sound(&path, &told, &format!("full from {place} on")).await;
    }
    assert!(refused > 0);
}
