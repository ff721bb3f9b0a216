//! What goes on without being asked: expiry, revocation queues, key rotation.
use crate::claims::Claim;
use crate::departures;
use crate::kernel::Kernel;
use crate::lease::{self, Walk};
use crate::lockout;
use crate::members;
use crate::snapshots;
use crate::token::Clearing;
use futures_util::future::{join4, select};
use kw_types::{Fault, Ttl};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

pub use crate::seal::auto::run as keep_open;

/// How long the jobs sleep between rounds.
const PAUSE: Duration = Duration::from_millis(250);

/// How long a node that stopped keeps others from taking leases back, and how often one that goes on says so.
const TURN: Ttl = Ttl::from_seconds(15);
const TURN_RENEWAL: Duration = Duration::from_secs(5);

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
    loop {
        tokio::time::sleep(PAUSE).await;
        let done = if kernel.store.is_shared() { in_turn(kernel).await } else { take_back(kernel).await };
        if let Err(fault) = done {
            tracing::warn!(%fault, "a round of revocations failed; it is tried again");
        }
    }
}

/// Where many nodes share the store, one at a time takes leases back. All of them might: what is recorded is recorded once. But
/// each would ask the peers, who need not be asked again.
async fn in_turn(kernel: &Kernel) -> Result<(), Fault> {
    if kernel.is_sealed() {
        return Ok(());
    }
    let Some(claim) = Claim::take(kernel, "ends-of-leases", &kernel.node, TURN).await? else { return Ok(()) };
    // Whoever loses the turn in the middle stops, as if the process had ended; the next one finds the same leases.
    select(pin!(keep_turn(kernel, &claim)), pin!(take_back(kernel))).await.factor_first().0
}

/// Returns when the turn is another's.
async fn keep_turn(kernel: &Kernel, claim: &Claim) -> Result<(), Fault> {
    loop {
        tokio::time::sleep(TURN_RENEWAL).await;
        claim.keep(kernel, TURN).await?;
    }
}

/// Takes back what is due, until the server is sealed.
async fn take_back(kernel: &Kernel) -> Result<(), Fault> {
    let mut walk = Walk::default();
    while !kernel.is_sealed() {
        lease::revoke_due(kernel, &mut walk, usize::MAX).await?;
        tokio::time::sleep(PAUSE).await;
    }
    Ok(())
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

#[cfg(test)]
mod tests;
