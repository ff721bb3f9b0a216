//! The seal and the keys behind it: first keys, opening and closing, ceremonies of share holders, rotation, snapshots.
mod backends;
mod backup;
mod drill;
mod generate_root;
mod init;
mod keys;
mod open;
mod rekey;
mod snapshot;
#[cfg(test)]
mod tests;

use super::SysRoutes;
use crate::kernel::Kernel;
use crate::snapshots::archive;
use kw_barrier::seal::SealConfig;
use kw_types::Fault;

pub(super) fn routes(routes: SysRoutes) -> SysRoutes {
    let routes = open::routes(init::routes(routes));
    let routes = backup::routes(rekey::routes(generate_root::routes(routes)));
    let routes = drill::routes(backends::routes(routes));
    snapshot::routes(keys::routes(routes))
}

/// How the key is split that people have shares of. Where this is asked the barrier is open, so there is a row.
async fn config(kernel: &Kernel) -> Result<SealConfig, Fault> {
    kernel.share_config().await?.ok_or_else(|| Fault::internal("the store has no seal configuration"))
}

/// Whoever names the ceremony that is to be ended does not end another one by mistake.
fn check_cancel(started: bool, running: &str, named: &str) -> Result<(), Fault> {
    if started && !named.is_empty() && named != running {
        return Err(Fault::bad_request("the nonce is not that of the operation in progress; nothing was cancelled"));
    }
    Ok(())
}
