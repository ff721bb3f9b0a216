//! What goes on without being asked: expiry, revocation queues, key rotation.
use crate::departures;
use crate::kernel::Kernel;
use crate::lease::expire_due;
use crate::lockout;
use crate::members;
use crate::snapshots;
use crate::token::drain_revoking;
use futures_util::future::join3;
use kw_types::Fault;
use std::sync::Arc;
use std::time::Duration;

pub use crate::seal::auto::run as keep_open;

/// How long the jobs sleep between rounds.
const PAUSE: Duration = Duration::from_millis(250);

/// Runs the jobs until the future is dropped.
pub async fn run(kernel: Arc<Kernel>) {
    join3(rounds(kernel.clone()), snapshots::run(kernel.clone()), members::run(&kernel)).await;
}

/// A round that fails is logged and the next one tries again.
async fn rounds(kernel: Arc<Kernel>) {
    let mut swept = String::new();
    loop {
        tokio::time::sleep(PAUSE).await;
        if kernel.is_sealed() {
            continue;
        }
        if let Err(fault) = round(&kernel).await {
            tracing::warn!(%fault, "a background round failed; it is tried again");
        }
        // A slow walk through all lockouts: a few rows a round, from the start again when it came to the end.
        swept = lockout::sweep(&kernel, &swept, 64).await.unwrap_or_default();
    }
}

/// One round, bounded so that it never holds up requests for long.
pub(crate) async fn round(kernel: &Kernel) -> Result<(), Fault> {
    kernel.leave_migrating().await?;
    if kernel.is_sealed() {
        return Ok(());
    }
    kernel.let_go(4096).await?;
    expire_due(kernel, 4096).await?;
    drain_revoking(kernel, 4096).await?;
    departures::carry_on(kernel, 4096).await?;
    kernel.seal_upkeep().await
}
