//! The mount table: in the store row by row, in memory as one value that is read without a lock.
use crate::departures::Departure;
use crate::kernel::Kernel;
use crate::rows::{DEPARTURES, MOUNTS, MOUNTS_VERSION, SETTINGS};
use crate::staleness::Staleness;
use arc_swap::ArcSwap;
use kw_audit::MountText;
use kw_engine::{Mount, Page};
use kw_store::{Revision, Txn, View};
use kw_types::Fault;
use std::ops::Deref;
use std::sync::Arc;

/// A mount, and what every request to it needs of it ready made.
#[derive(Debug)]
pub(crate) struct Mounted {
    mount: Mount,
    /// That of the row that it was read from; 0 where it was not.
    revision: Revision,
    /// What its rows begin with.
    pub rows: String,
    /// How audit shows it.
    pub text: MountText,
}

impl From<Mount> for Mounted {
    fn from(mount: Mount) -> Self {
        let text = MountText::new(mount.path.as_str(), &mount.kind, &mount.accessor);
        Self { rows: mount.rows_prefix(), text, mount, revision: Revision(0) }
    }
}

impl Deref for Mounted {
    type Target = Mount;
    fn deref(&self) -> &Mount {
        &self.mount
    }
}

/// All mounts by path. `auth/` methods are among them under their full path.
#[derive(Debug, Default)]
pub(crate) struct MountTable {
    /// In the order of their paths.
    by_path: Vec<Arc<Mounted>>,
    /// Disabled mounts whose credentials are still being taken back. They serve nothing.
    leaving: Vec<Arc<Mounted>>,
}

impl MountTable {
    fn new(mut mounts: Vec<Arc<Mounted>>, leaving: Vec<Arc<Mounted>>) -> Self {
        mounts.sort_unstable_by(|a, b| a.path.as_str().cmp(b.path.as_str()));
        Self { by_path: mounts, leaving }
    }

    /// The mount whose path is the longest beginning of `path` (`secret` finds `secret/`), and the rest of the path.
    pub fn find<'p>(&self, path: &'p str) -> Option<(&Arc<Mounted>, &'p str)> {
        // In order, all beginnings of a path come before it; no mount lies within another, so it is the last of them or none.
        let after = self.by_path.partition_point(|mount| mount.path.as_str() <= path);
        let last = after.checked_sub(1).and_then(|at| self.by_path.get(at));
        if let Some(found) = last.and_then(|mount| Some((mount, path.strip_prefix(mount.path.as_str())?))) {
            return Some(found);
        }
        self.exact(path).map(|mount| (mount, ""))
    }

    /// The mount at this path, given with or without its trailing slash.
    pub fn exact(&self, path: &str) -> Option<&Arc<Mounted>> {
        let near = self.by_path.iter().skip(self.by_path.partition_point(|mount| mount.path.as_str() < path));
        // Before `secret/` in order there may be the likes of `secret-old/`.
        let mut near = near.take_while(|mount| mount.path.as_str().starts_with(path));
        if path.is_empty() || path.ends_with('/') {
            return near.next().filter(|mount| mount.path.as_str() == path);
        }
        near.find(|mount| mount.path.as_str().strip_suffix('/') == Some(path))
    }

    /// A mount that lies over, at or under this path, if any.
    pub fn overlap(&self, path: &str) -> Option<&Arc<Mounted>> {
        self.by_path.iter().find(|m| m.path.as_str().starts_with(path) || path.starts_with(m.path.as_str()))
    }

    pub fn by_accessor(&self, accessor: &str) -> Option<&Arc<Mounted>> {
        self.by_path.iter().find(|m| m.accessor == accessor)
    }

    pub fn by_uuid(&self, uuid: &str) -> Option<&Arc<Mounted>> {
        self.by_path.iter().find(|m| m.uuid == uuid)
    }

    /// As [`MountTable::by_uuid`], but a mount that is being disabled is found too: what revokes its credentials needs it.
    pub fn by_uuid_or_leaving(&self, uuid: &str) -> Option<&Arc<Mounted>> {
        self.by_uuid(uuid).or_else(|| self.leaving.iter().find(|m| m.uuid == uuid))
    }

    /// Reads the table from a view of the whole store.
    pub(crate) async fn read(view: View<'_>) -> Result<Self, Fault> {
        let (mounts, departures) = (view.rescoped(MOUNTS), view.rescoped(DEPARTURES));
        let (mut present, mut leaving) = (Vec::new(), Vec::new());
        for name in mounts.names("", Page::default()).await? {
            if let Some((plain, revision)) = mounts.get_row(&name).await? {
                let mount: Mount = serde_json::from_slice(&plain)
                    .map_err(|e| Fault::internal(format_args!("mount row {name:?}: {:?}", e.classify())))?;
                let mounted = Mounted { revision, ..mount.into() };
                present.push(Arc::new(mounted));
            }
        }
        for name in departures.names("", Page::default()).await? {
            if let Some(departure) = departures.get::<Departure>(&name).await?
                && departure.target.is_none()
            {
                leaving.push(Arc::new(departure.mount.into()));
            }
        }
        Ok(Self::new(present, leaving))
    }

    pub fn iter(&self) -> impl Iterator<Item = &Arc<Mounted>> {
        self.by_path.iter()
    }
}

/// The table and its staleness.
#[derive(Default)]
pub(crate) struct Mounts {
    loaded: ArcSwap<Loaded>,
    pub(crate) staleness: Arc<Staleness>,
}

/// A table, good while the generation that it was loaded under lasts.
#[derive(Default)]
struct Loaded {
    generation: u64,
    table: Arc<MountTable>,
}

impl Mounts {
    /// The table as it is in the store now. Nobody is given an older one while another request loads it.
    pub(crate) async fn current(&self, kernel: &Kernel) -> Result<Arc<MountTable>, Fault> {
        let generation = self.staleness.generation();
        let loaded = self.loaded.load();
        if loaded.generation == generation {
            return Ok(loaded.table.clone());
        }
        drop(loaded);
        Box::pin(self.load(kernel, generation)).await
    }

    /// As [`MountTable::find`] in the current table.
    pub(crate) async fn find<'p>(
        &self,
        kernel: &Kernel,
        path: &'p str,
    ) -> Result<Option<(Arc<Mounted>, &'p str)>, Fault> {
        let loaded = self.loaded.load();
        let shared = |(mount, rest): (&Arc<Mounted>, _)| (mount.clone(), rest);
        if loaded.generation == self.staleness.generation() {
            return Ok(loaded.table.find(path).map(shared));
        }
        drop(loaded);
        Ok(self.current(kernel).await?.find(path).map(shared))
    }

    async fn load(&self, kernel: &Kernel, generation: u64) -> Result<Arc<MountTable>, Fault> {
        // As one: a mount that is moved at this moment is at its old path or at its new one, never at none.
        let read = async |view: View<'_>| {
            view.rescoped(SETTINGS).revision_of(MOUNTS_VERSION).await?;
            MountTable::read(view).await
        };
        let table = Arc::new(kernel.look("", read).await?);
        self.loaded.store(Arc::new(Loaded { generation, table: table.clone() }));
        Ok(table)
    }

    pub(crate) fn forget(&self) {
        self.loaded.store(Arc::default());
        self.staleness.mark();
    }
}

/// Makes a transaction depend on a mount's being as it is. What outlives its request (a row, a token, a lease) is made under this:
/// a mount that is disabled at the same moment would otherwise leave it behind, and nobody would delete or revoke it.
///
/// Errors: 404 when the mount is gone.
pub(crate) async fn hold(txn: Txn<'_>, mount: &Mounted) -> Result<(), Fault> {
    let (mounts, path) = (txn.rescoped(MOUNTS), mount.path.as_str());
    if mount.revision > Revision(0) && mounts.view().revision_of(path).await? == Some(mount.revision) {
        return Ok(());
    }
    // It may have been tuned since.
    match mounts.view().get::<Mount>(path).await? {
        Some(row) if row.uuid == mount.uuid => Ok(()),
        _ => Err(Fault::not_found().because("the mount was disabled or moved while the request was running")),
    }
}

#[cfg(test)]
mod tests;
