//! The store that forgets: everything in memory. For `-dev`, tests and the simulation.
use crate::{Batch, Key, Revision, Row, Store, StoreError, Watcher};
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, ready};
use parking_lot::RwLock;
use std::collections::BTreeMap;
use std::sync::Arc;

/// An ordered map behind a lock.
#[derive(Default)]
pub struct MemoryStore {
    inner: RwLock<Inner>,
    watchers: RwLock<Vec<(Key, Arc<dyn Watcher>)>>,
}

#[derive(Default)]
struct Inner {
    rows: BTreeMap<Key, Row>,
    revision: Revision,
}

impl MemoryStore {
    pub fn new() -> Self {
        Self::default()
    }

    fn range(&self, start: &[u8], end: &[u8], limit: usize) -> Vec<(Key, Row)> {
        let inner = self.inner.read();
        let from = inner.rows.range(Key::copy_from_slice(start)..);
        let within = from.take_while(|(k, _)| end.is_empty() || k.as_ref() < end);
        within.take(limit).map(|(k, r)| (k.clone(), r.clone())).collect()
    }

    fn apply(&self, batch: &Batch) -> Result<Revision, StoreError> {
        let mut inner = self.inner.write();
        let now = |key: &Key| inner.rows.get(key).map_or(Revision(0), |r| r.revision);
        if batch.seen.iter().any(|(key, revision)| now(key) != *revision) {
            return Err(StoreError::Conflict);
        }
        if batch.writes.is_empty() {
            return Ok(inner.revision);
        }
        let revision = Revision(inner.revision.0 + 1);
        inner.revision = revision;
        for write in &batch.writes {
            match &write.value {
                Some(value) => inner.rows.insert(write.key.clone(), Row { value: value.clone(), revision }),
                None => inner.rows.remove(&write.key),
            };
        }
        Ok(revision)
    }

    fn tell(&self, batch: &Batch, at: Revision) {
        for (prefix, watcher) in self.watchers.read().iter() {
            let keys: Vec<Key> = batch.writes.iter().map(|w| w.key.clone()).filter(|k| k.starts_with(prefix)).collect();
            if !keys.is_empty() {
                watcher.changed(&keys, at);
            }
        }
    }
}

impl Store for MemoryStore {
    fn kind(&self) -> &'static str {
        "inmem"
    }

    fn peek(&self, key: &[u8]) -> Option<Result<Option<Row>, StoreError>> {
        Some(Ok(self.inner.read().rows.get(key).cloned()))
    }

    fn get<'a>(&'a self, key: &'a [u8]) -> BoxFuture<'a, Result<Option<Row>, StoreError>> {
        ready(Ok(self.inner.read().rows.get(key).cloned())).boxed()
    }

    fn scan<'a>(
        &'a self,
        start: &'a [u8],
        end: &'a [u8],
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<(Key, Row)>, StoreError>> {
        ready(Ok(self.range(start, end, limit))).boxed()
    }

    fn keys<'a>(&'a self, start: &'a [u8], end: &'a [u8], limit: usize) -> BoxFuture<'a, Result<Vec<Key>, StoreError>> {
        ready(Ok(self.range(start, end, limit).into_iter().map(|(k, _)| k).collect())).boxed()
    }

    fn commit(&self, batch: Batch) -> BoxFuture<'_, Result<Revision, StoreError>> {
        let result = crate::check_limits(&batch).and_then(|()| self.apply(&batch));
        if let Ok(at) = result {
            self.tell(&batch, at);
        }
        ready(result).boxed()
    }

    fn revision(&self) -> Revision {
        self.inner.read().revision
    }

    fn newest(&self) -> BoxFuture<'_, Result<Revision, StoreError>> {
        ready(Ok(self.revision())).boxed()
    }

    fn watch(&self, prefix: Key, watcher: Arc<dyn Watcher>) {
        self.watchers.write().push((prefix, watcher));
    }

    fn snapshot(&self, out: &mut dyn std::io::Write) -> Result<(), StoreError> {
        let rows = self.inner.read().rows.clone();
        crate::snapshot::write(out, rows.into_iter().map(|(k, r)| Ok((k, r.value))))
    }

    fn close(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        ready(Ok(())).boxed()
    }
}
