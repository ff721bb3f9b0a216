//! Changing the mount table.
use crate::kernel::Kernel;
use crate::mounts::MountTable;
use crate::rows::SETTINGS;
use kw_store::Txn;
use kw_types::Fault;

/// Counts the changes of the table. Whoever changes it reads and writes this row, so that of two changes that would not fit
/// together (listings are not checked at commit) the later one runs again and sees the other.
const VERSION: &str = "mounts-version";

/// Runs `work` on the table as it is now; what it writes is committed only if nobody else has changed the table meanwhile.
pub(super) async fn change<T, F>(kernel: &Kernel, work: F) -> Result<T, Fault>
where
    F: AsyncFn(Txn<'_>, &MountTable) -> Result<T, Fault>,
{
    kernel
        .transact(async |txn| {
            let settings = txn.rescoped(SETTINGS);
            let version = settings.view().get::<u64>(VERSION).await?.unwrap_or_default();
            let table = MountTable::read(txn.view()).await?;
            let done = work(txn, &table).await?;
            settings.put(VERSION, &(version + 1))?;
            Ok(done)
        })
        .await
}
