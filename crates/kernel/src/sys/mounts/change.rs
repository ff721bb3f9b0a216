//! Changing the mount table.
use crate::kernel::Kernel;
use crate::mounts::MountTable;
use crate::rows::{MOUNTS_VERSION, SETTINGS};
use kw_store::Txn;
use kw_types::Fault;

/// Runs `work` on the table as it is now; what it writes is committed only if nobody else has changed the table meanwhile.
pub(super) async fn change<T, F>(kernel: &Kernel, work: F) -> Result<T, Fault>
where
    F: AsyncFn(Txn<'_>, &MountTable) -> Result<T, Fault>,
{
    kernel
        .transact(async |txn| {
            let settings = txn.rescoped(SETTINGS);
            let version = settings.view().get::<u64>(MOUNTS_VERSION).await?.unwrap_or_default();
            let table = MountTable::read(txn.view()).await?;
            let done = work(txn, &table).await?;
            settings.put(MOUNTS_VERSION, &(version + 1))?;
            Ok(done)
        })
        .await
}
