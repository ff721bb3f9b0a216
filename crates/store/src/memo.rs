//! Rows as they were parsed.
use crate::{Key, Revision};
use hashbrown::DefaultHashBuilder;
use quick_cache::Weighter;
use quick_cache::sync::{Cache, DefaultLifecycle};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The plaintexts of what is kept, in bytes. The values that are made of them may take a few times that.
const BYTES_MAX: u64 = 1024 * 1024;

/// What an entry counts beside its plaintext, in bytes.
const ENTRY_BYTES: usize = 256;

/// Rows of one type that many requests read and few change (roles, aliases): opened and parsed once for each revision. Bounded; see
/// [`crate::View::shared`].
///
/// It holds plaintext. Whoever has one must forget it when the server is sealed, and keep no rows in it that hold secrets.
pub struct Memo<T> {
    rows: Cache<Key, Kept<T>, Weight, DefaultHashBuilder>,
    /// How often all was forgotten. What was read before that and comes in later is not used.
    epoch: AtomicU64,
}

/// A parsed row.
struct Kept<T> {
    value: Arc<T>,
    revision: Revision,
    epoch: u64,
    len: usize,
}

/// What was kept when it was asked for, and since when all that is read may be kept.
pub(crate) struct Found<T> {
    kept: Option<Kept<T>>,
    epoch: u64,
}

impl<T> Default for Memo<T> {
    fn default() -> Self {
        let (hasher, lifecycle) = (DefaultHashBuilder::default(), DefaultLifecycle::default());
        Self { rows: Cache::with(1024, BYTES_MAX, Weight, hasher, lifecycle), epoch: AtomicU64::new(0) }
    }
}

impl<T> Memo<T> {
    /// Forgets everything.
    pub fn forget(&self) {
        self.epoch.fetch_add(1, Ordering::AcqRel);
        self.rows.clear();
    }

    pub(crate) fn find(&self, key: &[u8]) -> Found<T> {
        let epoch = self.epoch.load(Ordering::Acquire);
        Found { kept: self.rows.get(key).filter(|kept| kept.epoch == epoch), epoch }
    }

    /// Keeps what was parsed of a row of `len` bytes that was read after `found`.
    pub(crate) fn keep(&self, key: Vec<u8>, found: &Found<T>, (revision, len): (Revision, usize), value: Arc<T>) {
        // A transaction's own write has no revision yet.
        if revision > Revision(0) {
            self.rows.insert(key.into(), Kept { value, revision, epoch: found.epoch, len });
        }
    }
}

impl<T> Clone for Kept<T> {
    fn clone(&self) -> Self {
        Self { value: self.value.clone(), ..*self }
    }
}

impl<T> Found<T> {
    /// Whether there is anything, of whatever revision.
    pub fn is_kept(&self) -> bool {
        self.kept.is_some()
    }

    /// What was parsed of this revision.
    pub fn of(&self, revision: Revision) -> Option<Arc<T>> {
        self.kept.as_ref().filter(|kept| kept.revision == revision).map(|kept| kept.value.clone())
    }
}

impl<T> fmt::Debug for Memo<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memo").field("rows", &self.rows.len()).finish_non_exhaustive()
    }
}

#[derive(Clone)]
struct Weight;

impl<T> Weighter<Key, Kept<T>> for Weight {
    fn weight(&self, key: &Key, kept: &Kept<T>) -> u64 {
        (key.len() + kept.len + ENTRY_BYTES) as u64
    }
}
