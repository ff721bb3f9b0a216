//! A cache in front of any store.
use crate::{Key, Layer, Revision, Row, Store, StoreError, Watcher};
use bytes::Bytes;
use foldhash::fast::FixedState;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use hashbrown::DefaultHashBuilder;
use parking_lot::{Mutex, MutexGuard};
use quick_cache::Weighter;
use quick_cache::sync::{Cache, DefaultLifecycle};
use std::hash::BuildHasher;
use std::sync::Arc;

/// Memory for rows, in bytes, where nothing else is said.
pub const CACHE_BYTES: usize = 16 * 1024 * 1024;

/// Enough that the writes to other keys seldom keep a row out of the cache.
const SHARDS: usize = 256;

/// What an entry takes beside key and value, in bytes: two reference-counted buffers and its place in the table.
const ENTRY_BYTES: usize = 192;

/// Remembers rows that were read, also that there was none, in a bounded number of bytes; forgets them when they change.
///
/// It is as fresh as the watch of the inner store: a row is forgotten before its committer hears of it where the inner store
/// is local.
pub struct Cached<S> {
    inner: S,
    rows: Arc<Rows>,
}

impl<S: Store> Cached<S> {
    /// At most about so many bytes.
    pub fn new(inner: S, bytes: usize) -> Self {
        let rows = Arc::new(Rows::new(bytes));
        inner.watch(Key::new(), rows.clone());
        Self { inner, rows }
    }

    /// How many bytes it holds at this moment.
    pub fn weight(&self) -> u64 {
        self.rows.cache.weight()
    }
}

impl<S: Store> Layer for Cached<S> {
    fn inner(&self) -> &dyn Store {
        &self.inner
    }

    fn peek(&self, key: &[u8]) -> Option<Result<Option<Row>, StoreError>> {
        if let Some(row) = self.rows.cache.get(key) {
            return Some(Ok(row));
        }
        let ticket = self.rows.ticket(key);
        let found = self.inner.peek(key)?;
        if let Ok(row) = &found {
            self.rows.insert(key, row, ticket);
        }
        Some(found)
    }

    fn get<'a>(&'a self, key: &'a [u8]) -> BoxFuture<'a, Result<Option<Row>, StoreError>> {
        async move {
            if let Some(row) = self.rows.cache.get(key) {
                return Ok(row);
            }
            let ticket = self.rows.ticket(key);
            let row = self.inner.get(key).await?;
            self.rows.insert(key, &row, ticket);
            Ok(row)
        }
        .boxed()
    }

    fn get_many<'a>(&'a self, keys: &'a [Key]) -> BoxFuture<'a, Result<Vec<Option<Row>>, StoreError>> {
        async move {
            let mut found: Vec<Option<Option<Row>>> = keys.iter().map(|key| self.rows.cache.get(key)).collect();
            let known = keys.iter().zip(&found);
            let missing: Vec<Key> = known.filter(|(_, row)| row.is_none()).map(|(key, _)| key.clone()).collect();
            if !missing.is_empty() {
                let tickets: Vec<Ticket> = missing.iter().map(|key| self.rows.ticket(key)).collect();
                let rows = self.inner.get_many(&missing).await?;
                for ((key, row), ticket) in missing.iter().zip(&rows).zip(tickets) {
                    self.rows.insert(key, row, ticket);
                }
                for (place, row) in found.iter_mut().filter(|row| row.is_none()).zip(rows) {
                    *place = Some(row);
                }
            }
            Ok(found.into_iter().map(Option::flatten).collect())
        }
        .boxed()
    }

    fn close(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        self.rows.lost();
        self.inner.close()
    }
}

/// The rows, and for each shard how often something in it was forgotten.
///
/// A reader notes the count before it asks the inner store, and keeps what it got only if the count is still the same: else
/// the row may be the one that was just forgotten.
struct Rows {
    cache: Cache<Key, Option<Row>, Weight, DefaultHashBuilder>,
    generations: Vec<Mutex<u64>>,
    /// Without a seed: which keys share a shard decides what is read anew, and a simulation must be able to repeat that. Whoever
    /// finds keys of one shard only makes the cache forget a little more.
    hasher: FixedState,
}

/// The shard of a key and its generation before the read.
struct Ticket {
    shard: usize,
    generation: u64,
}

impl Rows {
    fn new(bytes: usize) -> Self {
        Self {
            cache: Cache::with(
                bytes / 1024,
                bytes as u64,
                Weight,
                DefaultHashBuilder::default(),
                DefaultLifecycle::default(),
            ),
            generations: (0..SHARDS).map(|_| Mutex::new(0)).collect(),
            hasher: FixedState::default(),
        }
    }

    fn shard(&self, key: &[u8]) -> usize {
        usize::try_from(self.hasher.hash_one(key) % SHARDS as u64).unwrap_or(0)
    }

    fn generation(&self, shard: usize) -> Option<MutexGuard<'_, u64>> {
        self.generations.get(shard).map(Mutex::lock)
    }

    fn ticket(&self, key: &[u8]) -> Ticket {
        let shard = self.shard(key);
        Ticket { shard, generation: self.generation(shard).map_or(0, |g| *g) }
    }

    fn insert(&self, key: &[u8], row: &Option<Row>, ticket: Ticket) {
        // Copied, since a row may be a part of a much larger buffer that it would keep alive.
        let copy = |r: &Row| Row { value: Bytes::copy_from_slice(&r.value), revision: r.revision };
        let (key, row) = (Key::copy_from_slice(key), row.as_ref().map(copy));
        // The lock is held over the insertion: a change that comes now waits, and then forgets what is inserted here.
        let Some(generation) = self.generation(ticket.shard) else { return };
        if *generation == ticket.generation {
            self.cache.insert(key, row);
        }
    }
}

impl Watcher for Rows {
    fn changed(&self, keys: &[Key], _at: Revision) {
        for key in keys {
            if let Some(mut generation) = self.generation(self.shard(key)) {
                *generation += 1;
                self.cache.remove(key);
            }
        }
    }

    fn lost(&self) {
        // All shards are held until the cache is empty, so that no reader inserts behind its back.
        let mut held: Vec<MutexGuard<'_, u64>> = self.generations.iter().map(Mutex::lock).collect();
        held.iter_mut().for_each(|generation| **generation += 1);
        self.cache.clear();
    }
}

#[derive(Clone)]
struct Weight;

impl Weighter<Key, Option<Row>> for Weight {
    fn weight(&self, key: &Key, row: &Option<Row>) -> u64 {
        (key.len() + row.as_ref().map_or(0, |r| r.value.len()) + ENTRY_BYTES) as u64
    }
}
