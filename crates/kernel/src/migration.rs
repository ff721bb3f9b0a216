//! The mark of a migration: which store is being left, and which one is not complete yet.
//!
//! `operator migrate` writes the row into both stores. Whoever opens a store looks for it first, and every running node looks
//! for it once in a while: so a store that is being left is served by nobody, and a copy is served only when it is whole.
use crate::kernel::Kernel;
use kw_types::{Fault, Time};
use serde::{Deserialize, Serialize};

/// The key of the row. It is not encrypted, since it is read before the barrier is open, and is never copied.
pub const MIGRATION_ROW: &str = "core/migration";

/// The name of the row under `core/`.
const NAME: &str = "migration";

/// The format of [`MigrationMark`] that this version writes.
pub const MIGRATION_FORMAT: u32 = 1;

/// The content of [`MIGRATION_ROW`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MigrationMark {
    /// [`MIGRATION_FORMAT`].
    pub format: u32,
    /// The same in both stores, and in no others.
    pub id: String,
    /// When the migration was begun.
    pub since: Time,
    /// The kind of the other store.
    pub other: String,
    #[serde(flatten)]
    pub state: MigrationState,
}

/// What a store is in a migration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "lowercase")]
pub enum MigrationState {
    /// Rows are being copied out of it.
    Leaving,
    /// The copy is whole and takes its place.
    Moved,
    /// Rows are being copied into it.
    Arriving {
        /// The last key, in hexadecimal, up to which all is copied; empty at the beginning.
        copied: String,
        /// How many rows that are.
        rows: u64,
        /// The source's revision when it had come to rest. If it is another one later, all rows are compared anew.
        of_revision: u64,
    },
}

impl MigrationMark {
    /// Why a store with this mark is not to be served, and what to do.
    pub fn refusal(&self) -> String {
        let Self { since, other, .. } = self;
        let since = since.rfc3339();
        match self.state {
            MigrationState::Leaving => format!(
                "this store is being migrated to {other} since {since}: let `operator migrate` finish, or give it up with `operator migrate -reset`"
            ),
            MigrationState::Moved => format!(
                "this store was migrated to {other} ({since}): start the server on that one, or take this one back with `operator migrate -reset`"
            ),
            MigrationState::Arriving { .. } => format!(
                "this store is an unfinished copy of one of kind {other}, begun {since}: run `operator migrate` again to complete it"
            ),
        }
    }
}

impl Kernel {
    /// Errors: 503 when the store is being migrated, or was.
    pub(crate) async fn refuse_migrating(&self) -> Result<(), Fault> {
        match self.core_view().get::<MigrationMark>(NAME).await? {
            None => Ok(()),
            Some(mark) => Err(Fault::unavailable(mark.refusal())),
        }
    }

    /// Seals a node that runs on a store which is being left.
    pub(crate) async fn leave_migrating(&self) -> Result<(), Fault> {
        let Some(mark) = self.core_view().get::<MigrationMark>(NAME).await? else { return Ok(()) };
        tracing::error!("sealing: {}", mark.refusal());
        self.close().await
    }
}
