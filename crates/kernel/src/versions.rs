//! Which versions of the server have opened this store, and since when.
use crate::kernel::Kernel;
use crate::rows::SETTINGS;
use kw_store::{Page, View};
use kw_types::{Fault, Time};
use serde::{Deserialize, Serialize};

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

impl Kernel {
    /// Notes our own version when it opens the store for the first time.
    pub(crate) async fn note_version(&self) -> Result<(), Fault> {
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
