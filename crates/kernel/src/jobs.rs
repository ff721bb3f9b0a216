//! What goes on without being asked: expiry, revocation queues, key rotation.
use crate::departures;
use crate::kernel::Kernel;
use crate::lease::{self, Walk};
use crate::lockout;
use crate::members;
use crate::snapshots;
use crate::token::Clearing;
use futures_util::future::join4;
use kw_types::Fault;
use std::sync::Arc;
use std::time::Duration;

pub use crate::seal::auto::run as keep_open;

/// How long the jobs sleep between rounds.
const PAUSE: Duration = Duration::from_millis(250);

/// How long somebody who asks for a round waits for it.
const TIDY_MAX: Duration = Duration::from_secs(10);

/// How much of each sort a round does: a step is a token, a lease or a row.
const STEPS: usize = 4096;

/// Runs the jobs until the future is dropped.
pub async fn run(kernel: Arc<Kernel>) {
    join4(rounds(&kernel), ends_of_leases(&kernel), snapshots::run(kernel.clone()), members::run(&kernel)).await;
}

/// A round that fails is logged and the next one tries again.
async fn rounds(kernel: &Kernel) {
    let (mut swept, mut progress) = (String::new(), Progress::default());
    loop {
        tokio::time::sleep(PAUSE).await;
        if kernel.is_sealed() {
            continue;
        }
        let done = async {
            kernel.keep_up_with_keys().await?;
            chores(kernel, &mut progress).await
        };
        if let Err(fault) = done.await {
            tracing::warn!(%fault, "a background round failed; it is tried again");
        }
        // A slow walk through all lockouts: a few rows a round, from the start again when it came to the end.
        swept = lockout::sweep(kernel, &swept, 64).await.unwrap_or_default();
    }
}

/// Leases apart from all others, since taking a credential back may have to wait for a peer.
async fn ends_of_leases(kernel: &Kernel) {
    let mut walk = Walk::default();
    loop {
        tokio::time::sleep(PAUSE).await;
        if kernel.is_sealed() {
            continue;
        }
        if let Err(fault) = lease::revoke_due(kernel, &mut walk, usize::MAX).await {
            tracing::warn!(%fault, "a round of revocations failed; it is tried again");
        }
    }
}

/// How far the jobs have come that go on from round to round.
#[derive(Default)]
struct Progress {
    tokens: Walk,
    clearing: Clearing,
}

/// One round for a caller, who does not wait for peers that do not answer: the jobs come to what is left.
pub(crate) async fn tidy(kernel: &Kernel) -> Result<(), Fault> {
    tokio::time::timeout(TIDY_MAX, round(kernel)).await.unwrap_or(Ok(()))
}

/// One round of everything from its beginning, bounded, and in steps that let requests go on.
pub(crate) async fn round(kernel: &Kernel) -> Result<(), Fault> {
    chores(kernel, &mut Progress::default()).await?;
    if kernel.is_sealed() { Ok(()) } else { lease::revoke_due(kernel, &mut Walk::default(), STEPS).await }
}

/// What needs nobody but the store.
async fn chores(kernel: &Kernel, progress: &mut Progress) -> Result<(), Fault> {
    kernel.leave_migrating().await?;
    if kernel.is_sealed() {
        return Ok(());
    }
    kernel.let_go(STEPS).await?;
    lease::expire_tokens(kernel, &mut progress.tokens, STEPS).await?;
    progress.clearing.go_on(kernel, STEPS).await?;
    departures::carry_on(kernel, STEPS).await?;
    kernel.seal_upkeep().await
}
