//! A store whose process is killed.
use crate::{Batch, Key, Revision, Row, Store, StoreError, Watcher};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Takes so many commits of another store and then no more. What it took stays there, for whoever comes after.
pub struct Dying {
    inner: Arc<dyn Store>,
    commits_left: AtomicUsize,
    is_shared: bool,
}

impl Dying {
    /// `is_shared`: what [`Store::is_shared`] answers, whatever the other store is.
    pub fn after(commits: usize, inner: Arc<dyn Store>, is_shared: bool) -> Self {
        Self { inner, commits_left: AtomicUsize::new(commits), is_shared }
    }

    /// Takes so many commits more.
    pub fn revive(&self, commits: usize) {
        self.commits_left.store(commits, Ordering::Relaxed);
    }
}

impl Store for Dying {
    fn kind(&self) -> &'static str {
        self.inner.kind()
    }

    fn peek(&self, key: &[u8]) -> Option<Result<Option<Row>, StoreError>> {
        self.inner.peek(key)
    }

    fn get<'a>(&'a self, key: &'a [u8]) -> BoxFuture<'a, Result<Option<Row>, StoreError>> {
        self.inner.get(key)
    }

    fn scan<'a>(
        &'a self,
        start: &'a [u8],
        end: &'a [u8],
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<(Key, Row)>, StoreError>> {
        self.inner.scan(start, end, limit)
    }

    fn keys<'a>(&'a self, start: &'a [u8], end: &'a [u8], limit: usize) -> BoxFuture<'a, Result<Vec<Key>, StoreError>> {
        self.inner.keys(start, end, limit)
    }

    fn commit(&self, batch: Batch) -> BoxFuture<'_, Result<Revision, StoreError>> {
        let left = self.commits_left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        match left {
            Ok(_) => self.inner.commit(batch),
            Err(_) => async { Err(StoreError::Unavailable("killed".to_owned())) }.boxed(),
        }
    }

    fn revision(&self) -> Revision {
        self.inner.revision()
    }

    fn newest(&self) -> BoxFuture<'_, Result<Revision, StoreError>> {
        self.inner.newest()
    }

    fn is_shared(&self) -> bool {
        self.is_shared
    }

    fn watch(&self, prefix: Key, watcher: Arc<dyn Watcher>) {
        self.inner.watch(prefix, watcher);
    }

    fn snapshot(&self, out: &mut dyn std::io::Write) -> Result<(), StoreError> {
        self.inner.snapshot(out)
    }

    fn close(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        self.inner.close()
    }
}
