//! Deliberate mistakes of what lies around the kernel, each of which the checkers must find. The product has no switch for
//! them: they are in the simulation's own store, disk and log.
use crate::ledger::Ledger;
use kw_store::{Batch, Key};

/// What is wrong in a run. The controls of the checkers: a checker that does not find its flaw finds nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Flaw {
    #[default]
    None,
    /// Rows below this prefix are read, then written without a look whether they have changed: two who count at once count one.
    ReadThenWrite(&'static str),
    /// A transaction that began long ago is not compared with what was committed since, as under a lock without a fence.
    NoFence,
    /// The cache of rows is never told of changes.
    CacheNeverDropped,
    /// `newest` returns before the watchers have been told.
    NewestBeforeNews,
    /// A commit of unknown outcome is sent again as it is, whatever has happened since.
    BlindRetry,
    /// Commits are acknowledged before they are on the disk.
    NoSync,
    /// Commits that only check are taken without a look.
    NothingChecked,
    /// Rows below this prefix that are there already stay as they are: what changes them is acknowledged and lost.
    FirstStays(&'static str),
    /// No node is ever told of changes of rows below this prefix.
    DeafTo(&'static str),
    /// Lines are in the audit log some time after the device has said so.
    AuditAfterAnswer,
}

/// How many commits a transaction may be behind before [`Flaw::NoFence`] lets it pass.
const FAR_BEHIND: u64 = 2;

impl Flaw {
    /// The batch as a store with this flaw takes it.
    pub fn spoil(self, mut batch: Batch, ledger: &Ledger) -> Batch {
        let is_far_behind = ledger.revision().saturating_sub(batch.began.0) >= FAR_BEHIND;
        match self {
            Self::ReadThenWrite(prefix) => {
                let is_below = |key: &Key| key.starts_with(prefix.as_bytes());
                batch.seen.retain(|(key, _)| !is_below(key));
            }
            Self::NoFence if is_far_behind => batch.seen.clear(),
            Self::NothingChecked if batch.writes.is_empty() => batch.seen.clear(),
            Self::FirstStays(prefix) => batch.writes.retain(|write| {
                let is_change = write.value.is_some() && ledger.get(&write.key).is_some();
                !(is_change && write.key.starts_with(prefix.as_bytes()))
            }),
            _ => {}
        }
        batch
    }
}
