//! What a storage backend is (`Store`), and the two doors through which everything above it reads and writes (`View`, `Txn`).
//!
//! Invariant: nothing above this crate holds a `Store` and a plaintext at once. `View` and `Txn` are scoped to a prefix and
//! encrypt; a backend sees ciphertext only.
mod cached;
mod cipher;
mod layer;
mod memo;
mod memory;
mod sight;
pub mod snapshot;
#[cfg(feature = "suite")]
pub mod suite;
mod txn;
mod view;

pub use cached::{CACHE_BYTES, Cached};
pub use cipher::{Clear, RowCipher};
pub use layer::Layer;
pub use memo::Memo;
pub use memory::MemoryStore;
pub use sight::Sight;
pub use txn::{Txn, TxnCore};
pub use view::{Page, View};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream;
use futures_util::{FutureExt, StreamExt, TryFutureExt, TryStreamExt};
use kw_types::{Fault, FaultKind};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// The position of a commit in the order of all commits of one store. The first commit has revision 1; 0 is "never".
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Revision(pub u64);

/// A key: any bytes, ordered bytewise, at most [`KEY_LEN_MAX`] long.
pub type Key = Bytes;

/// The longest key, in bytes.
pub const KEY_LEN_MAX: usize = 16 * 1024;

/// The largest value, in bytes: what etcd takes by default, less room for keys.
pub const VALUE_LEN_MAX: usize = 1024 * 1024;

/// How many questions of one caller a store in another process is asked at once, so that other callers have their turn.
const AT_ONCE: usize = 16;

/// How long a store in another process may leave a question without an answer, unless its options say otherwise. Who swallows
/// what is sent to it is as good as gone, and whoever waits must hear of it.
pub const ANSWER_TIME_MAX: Duration = Duration::from_secs(5);

/// A stored value and the revision of the commit that wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    pub value: Bytes,
    pub revision: Revision,
}

/// One change: a new value, or `None` to delete. Deleting what is not there is no error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Write {
    pub key: Key,
    pub value: Option<Bytes>,
}

/// What is to be committed as one.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// The newest revision of the store that was known when the first row was read: a row that has not changed since needs
    /// no second look. Backends may use this instead of `seen` where that is cheaper.
    pub began: Revision,
    /// Rows that were read, with the revision found (0: it was not there). Any that is different now is a conflict.
    pub seen: Vec<(Key, Revision)>,
    /// Changes, at most one a key, in any order.
    pub writes: Vec<Write>,
}

/// Told of every change after it is durable and before its committer hears of it (a local store), or as soon as the news
/// arrives (a shared one). Must not block.
pub trait Watcher: Send + Sync {
    /// These keys were changed by the commit `at`.
    fn changed(&self, keys: &[Key], at: Revision);
    /// News may have been missed: whatever is remembered of the store must be forgotten.
    fn lost(&self);
}

/// An ordered map of bytes with atomic, conditional commits. All backends pass `suite`.
pub trait Store: Send + Sync + 'static {
    /// The backend's word in configuration and `sys/seal-status`: `inmem`, `embedded`, `etcd`, `postgresql`.
    fn kind(&self) -> &'static str;

    /// The row, if the answer is at hand without waiting: `None` means "ask [`Store::get`]", `Some(Ok(None))` "no such row".
    fn peek(&self, key: &[u8]) -> Option<Result<Option<Row>, StoreError>>;

    /// The newest committed row of this key.
    fn get<'a>(&'a self, key: &'a [u8]) -> BoxFuture<'a, Result<Option<Row>, StoreError>>;

    /// The newest rows of these keys, each as [`Store::get`] gives it; not necessarily of one moment. For work on many rows: the waits
    /// for them are one.
    fn get_many<'a>(&'a self, keys: &'a [Key]) -> BoxFuture<'a, Result<Vec<Option<Row>>, StoreError>> {
        stream::iter(keys).map(|key| self.get(key)).buffered(AT_ONCE).try_collect().boxed()
    }

    /// The rows with `start <= key < end`, in order, `limit` at most.
    fn scan<'a>(
        &'a self,
        start: &'a [u8],
        end: &'a [u8],
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<(Key, Row)>, StoreError>>;

    /// The same, keys alone.
    fn keys<'a>(&'a self, start: &'a [u8], end: &'a [u8], limit: usize) -> BoxFuture<'a, Result<Vec<Key>, StoreError>>;

    /// For each of these ranges (`start <= key < end`), whether it holds any row; not necessarily of one moment.
    fn hold_any<'a>(&'a self, ranges: &'a [(Key, Key)]) -> BoxFuture<'a, Result<Vec<bool>, StoreError>> {
        let holds = |(start, end): &'a (Key, Key)| self.keys(start, end, 1).map_ok(|keys| !keys.is_empty());
        stream::iter(ranges).map(holds).buffered(AT_ONCE).try_collect().boxed()
    }

    /// Checks what was seen and applies the writes, all or nothing. `Ok` means durable: it survives `kill -9` and power loss.
    /// A batch without writes checks only.
    fn commit(&self, batch: Batch) -> BoxFuture<'_, Result<Revision, StoreError>>;

    /// The newest revision that this process knows of, without waiting.
    fn revision(&self) -> Revision;

    /// The store's newest revision, asked of the store itself: an answer that is not older than this call.
    fn newest(&self) -> BoxFuture<'_, Result<Revision, StoreError>>;

    /// Whether other processes write to the same store. Then [`Store::newest`] is awaited before a request reads anything that
    /// this process remembers: when it returns, all watchers have been told of everything up to that revision.
    fn is_shared(&self) -> bool {
        false
    }

    /// What keeps this store from taking writes at this moment, if it knows of anything: told to whoever asks how the server is.
    fn trouble(&self) -> Option<StoreError> {
        None
    }

    /// Registers a watcher for keys that begin with `prefix`, for as long as the store lives. Of each change the watchers are told
    /// in the order in which they were registered: a cache of rows comes before whoever looks into it when told.
    fn watch(&self, prefix: Key, watcher: Arc<dyn Watcher>);

    /// Writes a consistent copy of all rows to `out` (a blocking writer); see `docs/storage.md` for the format.
    fn snapshot(&self, out: &mut dyn std::io::Write) -> Result<(), StoreError>;

    /// Waits until nothing is in flight and lets go of files and connections.
    fn close(&self) -> BoxFuture<'_, Result<(), StoreError>>;
}

/// Why the store did not do it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreError {
    /// A row that the batch had seen has changed. Nothing was written; run the transaction again.
    Conflict,
    /// Nothing was written; the store cannot be reached or is closing.
    Unavailable(String),
    /// Whether it was written is not known. Never retry blindly: read first.
    Unknown(String),
    /// A record does not check; names the place.
    Corrupt(String),
    /// The disk is full. Nothing was written; reads go on.
    NoSpace,
    /// A write to the disk failed and what is there now is not known: this process must not write any more.
    Poisoned(String),
    /// A key or value is over its limit.
    TooLarge,
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Conflict => f.write_str("a row changed under the transaction"),
            Self::Unavailable(why) => write!(f, "the store cannot be reached: {why}"),
            Self::Unknown(why) => write!(f, "whether the commit took place is not known: {why}"),
            Self::Corrupt(place) => write!(f, "the store is damaged: {place}"),
            Self::NoSpace => f.write_str("the store has no room left"),
            Self::Poisoned(why) => write!(f, "the store takes no more writes after a failed one: {why}"),
            Self::TooLarge => f.write_str("a key or value is too large"),
        }
    }
}

impl std::error::Error for StoreError {}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        let kind = match &error {
            StoreError::Conflict | StoreError::Unavailable(_) => FaultKind::Unavailable,
            StoreError::NoSpace => FaultKind::NoSpace,
            StoreError::TooLarge => FaultKind::TooLarge,
            StoreError::Unknown(_) | StoreError::Corrupt(_) | StoreError::Poisoned(_) => FaultKind::Internal,
        };
        let public = match &error {
            StoreError::Conflict => "too many requests change this at the same time; try again",
            StoreError::Unavailable(_) => "the store cannot be reached; try again",
            StoreError::Unknown(_) => "whether this was done is not known; read before you try again",
            StoreError::Corrupt(_) => "the store is damaged; see the server's log",
            StoreError::NoSpace => {
                "the store has no room left: free some on its disk; reads go on, and writes will when there is room"
            }
            StoreError::Poisoned(_) => {
                "the store takes no more writes, since its disk has failed: see the server's log, check the disk, then restart the server"
            }
            StoreError::TooLarge => "too large to be stored; the limit is 1 MiB",
        };
        Fault::new(kind, public).because(&error)
    }
}

/// The end of the range of all keys that begin with `prefix`; empty when there is none (all bytes 0xff).
pub fn prefix_end(prefix: &[u8]) -> Vec<u8> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.last_mut() {
        if *last < 0xff {
            *last += 1;
            return end;
        }
        end.pop();
    }
    end
}

/// Refuses a batch with a key or value over its limit; every backend calls it first.
pub fn check_limits(batch: &Batch) -> Result<(), StoreError> {
    let fits = |w: &Write| w.key.len() <= KEY_LEN_MAX && w.value.as_ref().is_none_or(|v| v.len() <= VALUE_LEN_MAX);
    if batch.writes.iter().all(fits) { Ok(()) } else { Err(StoreError::TooLarge) }
}

#[cfg(test)]
mod tests;
