//! The mount table: in the store row by row, in memory as one value that is read without a lock.
use crate::kernel::Kernel;
use crate::rows::MOUNTS;
use arc_swap::ArcSwap;
use kw_engine::{Mount, Page};
use kw_store::{Key, Revision, Watcher};
use kw_types::Fault;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// All mounts by path. `auth/` methods are among them under their full path.
#[derive(Debug, Default)]
pub struct MountTable {
    by_path: BTreeMap<String, Arc<Mount>>,
}

impl MountTable {
    /// The mount whose path is the longest beginning of `path` (`secret` finds `secret/`), and the rest of the path.
    pub fn find<'p>(&self, path: &'p str) -> Option<(&Arc<Mount>, &'p str)> {
        let mut end = path.len();
        loop {
            let head = path.get(..end)?;
            if let Some(mount) = self.exact(head) {
                return Some((mount, path.get(end..).unwrap_or_default().trim_start_matches('/')));
            }
            end = head.trim_end_matches('/').rfind('/')? + 1;
        }
    }

    /// The mount at this path, given with or without its trailing slash.
    pub fn exact(&self, path: &str) -> Option<&Arc<Mount>> {
        if path.ends_with('/') {
            return self.by_path.get(path);
        }
        self.by_path.get(format!("{path}/").as_str())
    }

    /// A mount that lies over, at or under this path, if any.
    pub fn overlap(&self, path: &str) -> Option<&Arc<Mount>> {
        self.by_path.values().find(|m| m.path.as_str().starts_with(path) || path.starts_with(m.path.as_str()))
    }

    pub fn by_accessor(&self, accessor: &str) -> Option<&Arc<Mount>> {
        self.by_path.values().find(|m| m.accessor == accessor)
    }

    pub fn by_uuid(&self, uuid: &str) -> Option<&Arc<Mount>> {
        self.by_path.values().find(|m| m.uuid == uuid)
    }

    pub fn iter(&self) -> impl Iterator<Item = &Arc<Mount>> {
        self.by_path.values()
    }
}

/// Marks what is in memory as out of date when rows change. The next request loads it anew before it goes on: so no answer is
/// older than its request.
#[derive(Debug, Default)]
pub(crate) struct Staleness {
    stale: AtomicBool,
    generation: AtomicU64,
}

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
        self.generation.fetch_add(1, Ordering::SeqCst);
        self.stale.store(true, Ordering::SeqCst);
    }

    /// Grows with each change: a value computed under a generation is good while it lasts.
    pub(crate) fn generation(&self) -> u64 {
        self.generation.load(Ordering::SeqCst)
    }

    pub(crate) fn take(&self) -> bool {
        self.stale.load(Ordering::SeqCst) && self.stale.swap(false, Ordering::SeqCst)
    }
}

/// The table and its staleness.
#[derive(Default)]
pub(crate) struct Mounts {
    table: ArcSwap<MountTable>,
    pub(crate) staleness: Arc<Staleness>,
}

impl Mounts {
    /// The table as it is in the store now.
    pub(crate) async fn current(&self, kernel: &Kernel) -> Result<Arc<MountTable>, Fault> {
        if self.staleness.take() {
            if let Err(fault) = self.load(kernel).await {
                self.staleness.mark();
                return Err(fault);
            }
        }
        Ok(self.table.load_full())
    }

    pub(crate) fn forget(&self) {
        self.table.store(Arc::default());
        self.staleness.mark();
    }

    async fn load(&self, kernel: &Kernel) -> Result<(), Fault> {
        let view = kernel.view(MOUNTS);
        let mut by_path = BTreeMap::new();
        for name in view.names("", Page::default()).await? {
            if let Some(mount) = view.get::<Mount>(&name).await? {
                by_path.insert(mount.path.as_str().to_owned(), Arc::new(mount));
            }
        }
        self.table.store(Arc::new(MountTable { by_path }));
        Ok(())
    }
}
