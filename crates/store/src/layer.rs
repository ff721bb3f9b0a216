//! Stores in front of others.
use crate::{Batch, Key, Revision, Row, Store, StoreError, Watcher};
use futures_util::future::BoxFuture;
use std::sync::Arc;

/// A store in front of another one. What it does not do in its own way is done by the inner one, so that nothing of that is lost
/// which [`Store`] learns later.
pub trait Layer: Send + Sync + 'static {
    fn inner(&self) -> &dyn Store;

    fn kind(&self) -> &'static str {
        self.inner().kind()
    }

    fn peek(&self, key: &[u8]) -> Option<Result<Option<Row>, StoreError>> {
        self.inner().peek(key)
    }

    fn get<'a>(&'a self, key: &'a [u8]) -> BoxFuture<'a, Result<Option<Row>, StoreError>> {
        self.inner().get(key)
    }

    fn get_many<'a>(&'a self, keys: &'a [Key]) -> BoxFuture<'a, Result<Vec<Option<Row>>, StoreError>> {
        self.inner().get_many(keys)
    }

    fn scan<'a>(
        &'a self,
        start: &'a [u8],
        end: &'a [u8],
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<(Key, Row)>, StoreError>> {
        self.inner().scan(start, end, limit)
    }

    fn keys<'a>(&'a self, start: &'a [u8], end: &'a [u8], limit: usize) -> BoxFuture<'a, Result<Vec<Key>, StoreError>> {
        self.inner().keys(start, end, limit)
    }

    fn hold_any<'a>(&'a self, ranges: &'a [(Key, Key)]) -> BoxFuture<'a, Result<Vec<bool>, StoreError>> {
        self.inner().hold_any(ranges)
    }

    fn commit(&self, batch: Batch) -> BoxFuture<'_, Result<Revision, StoreError>> {
        self.inner().commit(batch)
    }

    fn revision(&self) -> Revision {
        self.inner().revision()
    }

    fn newest(&self) -> BoxFuture<'_, Result<Revision, StoreError>> {
        self.inner().newest()
    }

    fn is_shared(&self) -> bool {
        self.inner().is_shared()
    }

    fn trouble(&self) -> Option<StoreError> {
        self.inner().trouble()
    }

    fn watch(&self, prefix: Key, watcher: Arc<dyn Watcher>) {
        self.inner().watch(prefix, watcher);
    }

    fn snapshot(&self, out: &mut dyn std::io::Write) -> Result<(), StoreError> {
        self.inner().snapshot(out)
    }

    fn close(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        self.inner().close()
    }
}

impl<L: Layer> Store for L {
    fn kind(&self) -> &'static str {
        Layer::kind(self)
    }

    fn peek(&self, key: &[u8]) -> Option<Result<Option<Row>, StoreError>> {
        Layer::peek(self, key)
    }

    fn get<'a>(&'a self, key: &'a [u8]) -> BoxFuture<'a, Result<Option<Row>, StoreError>> {
        Layer::get(self, key)
    }

    fn get_many<'a>(&'a self, keys: &'a [Key]) -> BoxFuture<'a, Result<Vec<Option<Row>>, StoreError>> {
        Layer::get_many(self, keys)
    }

    fn scan<'a>(
        &'a self,
        start: &'a [u8],
        end: &'a [u8],
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<(Key, Row)>, StoreError>> {
        Layer::scan(self, start, end, limit)
    }

    fn keys<'a>(&'a self, start: &'a [u8], end: &'a [u8], limit: usize) -> BoxFuture<'a, Result<Vec<Key>, StoreError>> {
        Layer::keys(self, start, end, limit)
    }

    fn hold_any<'a>(&'a self, ranges: &'a [(Key, Key)]) -> BoxFuture<'a, Result<Vec<bool>, StoreError>> {
        Layer::hold_any(self, ranges)
    }

    fn commit(&self, batch: Batch) -> BoxFuture<'_, Result<Revision, StoreError>> {
        Layer::commit(self, batch)
    }

    fn revision(&self) -> Revision {
        Layer::revision(self)
    }

    fn newest(&self) -> BoxFuture<'_, Result<Revision, StoreError>> {
        Layer::newest(self)
    }

    fn is_shared(&self) -> bool {
        Layer::is_shared(self)
    }

    fn trouble(&self) -> Option<StoreError> {
        Layer::trouble(self)
    }

    fn watch(&self, prefix: Key, watcher: Arc<dyn Watcher>) {
        Layer::watch(self, prefix, watcher);
    }

    fn snapshot(&self, out: &mut dyn std::io::Write) -> Result<(), StoreError> {
        Layer::snapshot(self, out)
    }

    fn close(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        Layer::close(self)
    }
}
