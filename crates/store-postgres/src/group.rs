//! Deciding about all batches of one database transaction: which are in, what they leave behind. No I/O.
use crate::placed::Placed;
use crate::session::to_database;
use bytes::Bytes;
use kw_store::{Batch, Key, Revision, StoreError};
use std::collections::{HashMap, HashSet};

/// What becomes of the batches of a group, which are judged one after the other as if each were committed alone.
pub(crate) struct Verdict {
    /// One for each batch, in order.
    pub outcomes: Vec<Result<Revision, StoreError>>,
    /// What each key that was written is in the end: `None` is deleted.
    pub rows: HashMap<Key, (Option<Bytes>, Revision)>,
    /// The commits, in order.
    pub changes: Vec<(Revision, Vec<Key>)>,
    /// The newest revision after the group.
    pub last: Revision,
}

/// The keys that must be looked at under the lock, each once.
pub(crate) fn seen_keys<'b>(batches: impl Iterator<Item = &'b Batch>) -> Vec<Key> {
    let all: HashSet<&Key> = batches.flat_map(|batch| batch.seen.iter().map(|(key, _)| key)).collect();
    all.into_iter().cloned().collect()
}

/// `found`: the revisions of the keys of [`seen_keys`] that are there; `last`: the newest revision before the group.
pub(crate) fn judge<'b>(
    batches: impl Iterator<Item = &'b Batch>,
    found: &HashMap<Key, Revision>,
    last: Revision,
) -> Verdict {
    let mut verdict = Verdict { outcomes: Vec::new(), rows: HashMap::new(), changes: Vec::new(), last };
    for batch in batches {
        let now = |key: &Key| match verdict.rows.get(key) {
            Some((None, _)) => Revision(0),
            Some((Some(_), at)) => *at,
            None => found.get(key).copied().unwrap_or_default(),
        };
        if batch.seen.iter().any(|(key, at)| now(key) != *at) {
            verdict.outcomes.push(Err(StoreError::Conflict));
            continue;
        }
        if !batch.writes.is_empty() {
            verdict.last = Revision(verdict.last.0 + 1);
            let at = verdict.last;
            verdict.rows.extend(batch.writes.iter().map(|w| (w.key.clone(), (w.value.clone(), at))));
            verdict.changes.push((at, batch.writes.iter().map(|w| w.key.clone()).collect()));
        }
        verdict.outcomes.push(Ok(verdict.last));
    }
    verdict
}

/// Keys as columns of an array of rows.
#[derive(Default)]
pub(crate) struct Keys<'k> {
    pub heads: Vec<&'k [u8]>,
    pub tails: Vec<&'k [u8]>,
    pub digests: Vec<Vec<u8>>,
}

impl<'k> Keys<'k> {
    pub fn of(keys: impl IntoIterator<Item = &'k Key>) -> Self {
        let mut columns = Self::default();
        keys.into_iter().for_each(|key| columns.push(key));
        columns
    }

    fn push(&mut self, key: &'k Key) {
        let placed = Placed::of(key);
        self.heads.push(placed.head);
        self.tails.push(placed.tail);
        self.digests.push(placed.tail_digest);
    }
}

/// A verdict as the parameters of statements.
#[derive(Default)]
pub(crate) struct Columns<'v> {
    pub put: Keys<'v>,
    pub values: Vec<&'v [u8]>,
    pub revisions: Vec<i64>,
    pub deleted: Keys<'v>,
    pub logged_at: Vec<i64>,
    pub logged: Vec<&'v [u8]>,
}

impl<'v> Columns<'v> {
    pub fn of(verdict: &'v Verdict) -> Self {
        let mut columns = Self::default();
        for (key, (value, at)) in &verdict.rows {
            match value {
                Some(value) => {
                    columns.put.push(key);
                    columns.values.push(value);
                    columns.revisions.push(to_database(*at));
                }
                None => columns.deleted.push(key),
            }
        }
        for (at, keys) in &verdict.changes {
            columns.logged_at.extend(keys.iter().map(|_| to_database(*at)));
            columns.logged.extend(keys.iter().map(Key::as_ref));
        }
        columns
    }
}
