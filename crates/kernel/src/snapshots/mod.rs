//! Snapshots on a schedule.
//!
//! One node takes each of them, under a claim. The rows are streamed to a file, which is synced and gets its name only then; the
//! file is read again and restored into a scratch store, where every row must decrypt; only after that is it sent away, if it is
//! to be, and older ones make room for it. All that blocks runs on threads of its own.
pub(crate) mod archive;
mod folder;
mod plan;
mod rehearsal;
mod remote;
mod round;
mod take;

pub(crate) use plan::{Plan, PlanState, Target};
pub(crate) use remote::check as check_remote;
pub(crate) use round::{at_once, run};

use kw_store::{MemoryStore, Store};
use kw_types::Fault;
use std::path::Path;
use std::sync::{Arc, OnceLock};

/// Opens an empty store in an empty directory, to rehearse a restore in. It is closed and its directory removed afterwards.
pub type OpenScratch = Box<dyn Fn(&Path) -> Result<Arc<dyn Store>, String> + Send + Sync>;

/// What this node needs for it.
#[derive(Default)]
pub(crate) struct SnapshotDesk {
    scratch: OnceLock<Arc<OpenScratch>>,
}

impl SnapshotDesk {
    /// Sets where restores are rehearsed. Only the first call counts; without any it is in memory.
    pub fn rehearse_in(&self, open: OpenScratch) {
        // A second one has nobody to call it.
        let _kept = self.scratch.set(Arc::new(open));
    }

    fn scratch(&self) -> Arc<OpenScratch> {
        let in_memory =
            || Arc::new(Box::new(|_: &Path| Ok(Arc::new(MemoryStore::new()) as Arc<dyn Store>)) as OpenScratch);
        self.scratch.get_or_init(in_memory).clone()
    }
}

impl crate::Kernel {
    /// Sets where the restores of scheduled snapshots are rehearsed: in memory, where this is never called.
    pub fn rehearse_snapshots_in(&self, open: OpenScratch) {
        self.snapshots.rehearse_in(open);
    }
}

/// Runs what blocks on a thread that may. Errors: those of the work; 500 when it ended in a panic.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, Fault> + Send + 'static) -> Result<T, Fault> {
    tokio::task::spawn_blocking(work).await.map_err(Fault::internal)?
}

/// What went wrong with a file or a peer, for the operator who asks for the plan's status.
fn failed(what: impl std::fmt::Display) -> impl FnOnce(std::io::Error) -> Fault {
    move |error| Fault::unavailable(format!("{what}: {error}"))
}

#[cfg(test)]
mod tests;
