//! Whether what is remembered of rows is still so.
use foldhash::fast::FixedState;
use kw_store::{Key, Revision, Watcher};
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counts changes of rows. What is in memory is good under the generation that it was loaded under; the next request after a
/// change loads it anew before it goes on: so no answer is older than its request.
#[derive(Debug, Default)]
pub(crate) struct Staleness(AtomicU64);

impl Watcher for Staleness {
    fn changed(&self, _: &[Key], _: Revision) {
        self.mark();
    }
    fn lost(&self) {
        self.mark();
    }
}

impl Staleness {
    pub(crate) fn mark(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }

    /// Grows with each change: a value computed under a generation is good while it lasts.
    pub(crate) fn generation(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}

/// The same for many rows, of which each matters to few: changes are counted by shards of their keys.
#[derive(Debug)]
pub(crate) struct ShardedStaleness {
    /// They begin with 1, so that 0 is the generation of what was never looked at.
    generations: Vec<AtomicU64>,
    /// Without a seed, so that a simulation can repeat which rows share a shard. Whoever finds such rows makes others be looked
    /// at again, no more.
    hasher: FixedState,
}

/// So many, that a node which changes thirty thousand rows a second changes one of the same shard every 30 ms.
const SHARDS: usize = 1024;

/// The shard of a key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shard(usize);

impl Default for ShardedStaleness {
    fn default() -> Self {
        Self { generations: (0..SHARDS).map(|_| AtomicU64::new(1)).collect(), hasher: FixedState::default() }
    }
}

impl ShardedStaleness {
    pub(crate) fn shard(&self, prefix: &str, name: &str) -> Shard {
        self.shard_of(&[prefix.as_bytes(), name.as_bytes()].concat())
    }

    /// As [`Staleness::generation`] for the rows of a shard.
    pub(crate) fn generation(&self, shard: Shard) -> u64 {
        self.generations.get(shard.0).map_or(0, |generation| generation.load(Ordering::SeqCst))
    }

    fn shard_of(&self, key: &[u8]) -> Shard {
        Shard(usize::try_from(self.hasher.hash_one(key) % SHARDS as u64).unwrap_or(0))
    }
}

impl Watcher for ShardedStaleness {
    fn changed(&self, keys: &[Key], _: Revision) {
        for generation in keys.iter().filter_map(|key| self.generations.get(self.shard_of(key).0)) {
            generation.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn lost(&self) {
        self.generations.iter().for_each(|generation| {
            generation.fetch_add(1, Ordering::SeqCst);
        });
    }
}
