//! Which versions of the server have opened this store, and which may.
//!
//! The row [`FORMAT_ROW`] says which format the newest of them has written, and the oldest format whose versions can read that.
//! A version opens every store that it can read: older ones, which it brings up to its own format as it writes, and newer ones
//! that still suit it. A release that raises the format leaves `min_reader` where it was before, and only the next one raises
//! that: so it is always possible to go one step back.
use crate::kernel::Kernel;
use crate::rows::{CORE, SETTINGS};
use kw_store::{Page, StoreError, View};
use kw_types::{Fault, Time};
use serde::{Deserialize, Serialize};

/// The format of the stores that this version writes.
pub const STORE_FORMAT: u32 = 1;

/// The oldest format whose versions can read what this version writes.
const MIN_READER: u32 = 1;

/// The row under `core/` that holds a [`StoreFormat`]. It is not encrypted, since it is read before the barrier is open.
pub(crate) const FORMAT_ROW: &str = "format";

const FOLDER: &str = "version/";

/// The row `sys/setting/version/<version>`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct VersionRow {
    /// When this version first opened the store.
    pub installed: Time,
    /// The version that had opened it last before.
    pub previous: Option<String>,
    pub built: String,
}

/// What a store is written in; zeros for one that nobody has opened since it was made. Fields that a newer version may add are
/// not looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StoreFormat {
    /// The newest format that was ever written.
    pub format: u32,
    /// The oldest format whose versions can read it.
    pub min_reader: u32,
}

impl StoreFormat {
    /// Errors: 503 when only a newer version can read it.
    pub fn check(self) -> Result<(), Fault> {
        let Self { format, min_reader } = self;
        if min_reader <= STORE_FORMAT {
            return Ok(());
        }
        Err(Fault::unavailable(format!(
            "this store was written by a newer Keywright (format {format}, to be read from format {min_reader} on); this version knows formats up to {STORE_FORMAT}: start a newer one"
        )))
    }

    /// After this version has opened it; `None` when that changes nothing.
    fn opened(self) -> Option<Self> {
        let after = Self { format: self.format.max(STORE_FORMAT), min_reader: self.min_reader.max(MIN_READER) };
        (self.format < STORE_FORMAT && after != self).then_some(after)
    }
}

impl Kernel {
    /// Makes sure that the store may be opened, and finishes a restore that was begun. To be done before anything is read.
    ///
    /// Errors: 503 when it is being migrated or was, or was written by a newer version.
    pub(crate) async fn prepare_store(&self) -> Result<(), Fault> {
        self.refuse_migrating().await?;
        self.finish_restore().await?;
        self.store_format().await?.check()?;
        if let Some(since) = self.held_since().await? {
            tracing::warn!(
                %since,
                "this is a restored copy: it revokes no credential of before until it is released (operator release)"
            );
        }
        Ok(())
    }

    async fn store_format(&self) -> Result<StoreFormat, Fault> {
        Ok(self.core_view().get(FORMAT_ROW).await?.unwrap_or_default())
    }

    /// Notes our own version and format when it opens the store for the first time.
    pub(crate) async fn note_version(&self) -> Result<(), Fault> {
        self.note_format().await?;
        let name = format!("{FOLDER}{}", self.settings.version);
        if self.view(SETTINGS).exists(&name).await? {
            return Ok(());
        }
        self.transact(async |txn| {
            let rows = txn.rescoped(SETTINGS);
            let former = versions(rows.view()).await?;
            let row = VersionRow {
                installed: self.now(),
                previous: former.last().map(|(version, _)| version.clone()),
                built: self.settings.build_date.clone(),
            };
            rows.put(&name, &row)
        })
        .await
    }

    async fn note_format(&self) -> Result<(), Fault> {
        loop {
            let core = self.core_txn();
            let txn = core.scoped(CORE);
            let found = txn.view().get::<StoreFormat>(FORMAT_ROW).await?.unwrap_or_default();
            found.check()?;
            let Some(after) = found.opened() else { return Ok(()) };
            txn.put(FORMAT_ROW, &after)?;
            match core.commit().await {
                Ok(_) => {
                    tracing::info!(from = found.format, to = after.format, "the store has a new format");
                    return Ok(());
                }
                // Another node was first; it may be of another version.
                Err(StoreError::Conflict) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// All versions, the oldest first.
    pub(crate) async fn versions(&self) -> Result<Vec<(String, VersionRow)>, Fault> {
        versions(self.view(SETTINGS)).await
    }
}

async fn versions(settings: View<'_>) -> Result<Vec<(String, VersionRow)>, Fault> {
    let mut all = Vec::new();
    for version in settings.names(FOLDER, Page::default()).await? {
        if let Some(row) = settings.get::<VersionRow>(&format!("{FOLDER}{version}")).await? {
            all.push((version, row));
        }
    }
    all.sort_by_key(|(_, row)| row.installed);
    Ok(all)
}
