//! The storage that all nodes of a simulation share: one order of commits, and what each of them wrote.
use crate::mark::Mark;
use kw_store::{Batch, Key, Revision, Row, StoreError, Write};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Rows with their history. Linearizable by being one value behind a lock; all that goes wrong happens in [`crate::link::Link`].
#[derive(Debug)]
pub struct Ledger {
    state: Mutex<State>,
    newest: Arc<Mark>,
}

#[derive(Debug)]
struct State {
    founded: BTreeMap<Key, Row>,
    rows: BTreeMap<Key, Row>,
    first: u64,
    commits: Vec<Vec<Write>>,
    synced: u64,
}

impl State {
    fn revision(&self) -> u64 {
        self.first + self.commits.len() as u64
    }

    fn apply(&mut self, writes: &[Write]) {
        let revision = Revision(self.revision() + 1);
        for write in writes {
            match &write.value {
                Some(value) => self.rows.insert(write.key.clone(), Row { value: value.clone(), revision }),
                None => self.rows.remove(&write.key),
            };
        }
        self.commits.push(writes.to_vec());
    }
}

impl Ledger {
    /// A ledger that holds these rows already; `first` is the newest revision among them.
    pub fn new(rows: BTreeMap<Key, Row>, first: u64) -> Self {
        let state = State { founded: rows.clone(), rows, first, commits: Vec::new(), synced: first };
        Self { state: Mutex::new(state), newest: Arc::new(Mark::new(first)) }
    }

    pub fn get(&self, key: &[u8]) -> Option<Row> {
        self.state.lock().rows.get(key).cloned()
    }

    /// The rows with `start <= key < end`; an empty `end` is none.
    pub fn range(&self, start: &[u8], end: &[u8], limit: usize) -> Vec<(Key, Row)> {
        let state = self.state.lock();
        let from = state.rows.range(Key::copy_from_slice(start)..);
        let within = from.take_while(|(key, _)| end.is_empty() || key.as_ref() < end);
        within.take(limit).map(|(key, row)| (key.clone(), row.clone())).collect()
    }

    pub fn revision(&self) -> u64 {
        self.state.lock().revision()
    }

    /// Checks and applies, as [`kw_store::Store::commit`] says.
    pub fn commit(&self, batch: &Batch) -> Result<u64, StoreError> {
        kw_store::check_limits(batch)?;
        let mut state = self.state.lock();
        let now = |key: &Key| state.rows.get(key).map_or(Revision(0), |row| row.revision);
        if batch.seen.iter().any(|(key, revision)| now(key) != *revision) {
            return Err(StoreError::Conflict);
        }
        if !batch.writes.is_empty() {
            state.apply(&batch.writes);
            self.newest.raise(state.revision());
        }
        Ok(state.revision())
    }

    /// The keys that each commit after `after`, up to `to`, has changed.
    pub fn changes(&self, after: u64, to: u64) -> Vec<(Revision, Vec<Key>)> {
        let state = self.state.lock();
        let commits = (state.first + 1..).zip(&state.commits);
        let wanted = commits.filter(|(at, _)| *at > after && *at <= to);
        wanted.map(|(at, writes)| (Revision(at), writes.iter().map(|w| w.key.clone()).collect())).collect()
    }

    /// Where it is; moves with every commit.
    pub fn newest(&self) -> Arc<Mark> {
        self.newest.clone()
    }

    /// Everything up to this revision is on the disk now.
    pub fn sync(&self, revision: u64) {
        let mut state = self.state.lock();
        state.synced = state.synced.max(revision.min(state.revision()));
    }

    /// The power fails: what was not synced is gone.
    pub fn lose_unsynced(&self) {
        let mut state = self.state.lock();
        let keep = usize::try_from(state.synced.saturating_sub(state.first)).unwrap_or(0);
        if keep < state.commits.len() {
            let mut kept = std::mem::take(&mut state.commits);
            kept.truncate(keep);
            state.rows = state.founded.clone();
            for writes in kept {
                state.apply(&writes);
            }
        }
    }
}
