//! `sys/rekey/backup`, `sys/rekey/recovery-key-backup`: the encrypted shares of the last rekeying that was to keep them.
use crate::rows::CORE;
use crate::sys::routes::Flat;
use crate::sys::{Call, SysRoutes};
use kw_barrier::seal::{BACKUP_ROW, Backup, RECOVERY_BACKUP_ROW};
use kw_engine::Data;
use kw_schema::{Request, Response};
use kw_types::Fault;
use serde::Serialize;
use std::collections::BTreeMap;

pub(super) fn routes(routes: SysRoutes) -> SysRoutes {
    let routes = routes.at("rekey/backup").read(read::<false>).delete(delete::<false>);
    routes.at("rekey/recovery-key-backup").read(read::<true>).delete(delete::<true>)
}

#[derive(Serialize, Response)]
struct BackupAnswer {
    /// Of the rekeying that made the shares.
    nonce: String,
    /// Encrypted shares in hex, by the fingerprint of the key that they are encrypted to.
    keys: BTreeMap<String, Vec<String>>,
    /// The same in base64.
    keys_base64: BTreeMap<String, Vec<String>>,
}

/// Shows the encrypted shares that are kept.
#[derive(Request)]
struct ReadBackup {}

async fn read<const RECOVERY: bool>(call: &Call<'_>, _: ReadBackup) -> Result<Flat<Data<BackupAnswer>>, Fault> {
    let Some(Backup { nonce, keys, keys_base64 }) = call.kernel.core_view().get(row(RECOVERY)).await? else {
        return Err(none_found());
    };
    Ok(Flat(Data(BackupAnswer { nonce, keys, keys_base64 })))
}

/// Deletes the encrypted shares that are kept.
#[derive(Request)]
struct DeleteBackup {}

async fn delete<const RECOVERY: bool>(call: &Call<'_>, _: DeleteBackup) -> Result<(), Fault> {
    let core = call.kernel.core_txn();
    core.scoped(CORE).delete(row(RECOVERY));
    core.commit().await?;
    Ok(())
}

fn row(of_recovery: bool) -> &'static str {
    if of_recovery { RECOVERY_BACKUP_ROW } else { BACKUP_ROW }
}

fn none_found() -> Fault {
    Fault::bad_request("no backed-up keys found")
}
