//! When snapshots are taken, and by whom.
use super::plan::{Plan, PlanState};
use super::take::take;
use crate::claims::Claim;
use crate::kernel::Kernel;
use crate::rows::{SNAPSHOT_PLANS, SNAPSHOT_STATES};
use kw_store::Page;
use kw_types::{Fault, Time, Ttl};
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

/// How long to sleep between looks at the plans.
const PAUSE: Duration = Duration::from_secs(1);

/// How long another node waits for one that does not answer any more.
const CLAIM: Ttl = Ttl::from_seconds(60);
/// How often the claim is renewed meanwhile.
const RENEWAL: Duration = Duration::from_secs(15);

/// The first try after a failure comes so soon; each further one waits twice as long, up to the plan's interval.
const RETRY: Ttl = Ttl::from_seconds(60);

/// By how much clocks of nodes may differ, and none takes a snapshot again that another has just taken.
const CLOCKS_DIFFER: Ttl = Ttl::from_seconds(60);

/// Takes snapshots as they are due, until the future is dropped.
pub(crate) async fn run(kernel: Arc<Kernel>) {
    loop {
        tokio::time::sleep(PAUSE).await;
        if kernel.is_sealed() {
            continue;
        }
        if let Err(fault) = round(&kernel).await {
            tracing::warn!(%fault, "the plans for snapshots could not be looked at; they are again in a second");
        }
    }
}

/// Takes all that are due now, one after the other. A restored copy takes none before it is released: what it removes, and
/// where it sends to, is the original's.
pub(crate) async fn round(kernel: &Kernel) -> Result<(), Fault> {
    if kernel.held_since().await?.is_some() {
        return Ok(());
    }
    for name in kernel.view(SNAPSHOT_PLANS).names("", Page::default()).await? {
        if !is_due(kernel, &name).await? {
            continue;
        }
        let claim = Claim::take(kernel, &format!("snapshot/{name}"), &kernel.node, CLAIM).await?;
        let Some(claim) = claim else { continue };
        // Somebody else may just have done it.
        if is_due(kernel, &name).await?
            && let Err(fault) = one(kernel, &name, &claim).await
        {
            tracing::warn!(plan = name, %fault, "how a snapshot went could not be recorded");
        }
        if let Err(fault) = claim.release(kernel).await {
            tracing::debug!(plan = name, %fault, "the claim was not given back; it ends by itself");
        }
    }
    Ok(())
}

async fn is_due(kernel: &Kernel, name: &str) -> Result<bool, Fault> {
    let Some(plan) = kernel.view(SNAPSHOT_PLANS).get::<Plan>(name).await? else { return Ok(false) };
    let (state, now) = (kernel.view(SNAPSHOT_STATES).get::<PlanState>(name).await?, kernel.now());
    // No plan waits for longer than its interval: what seems to was noted by a clock that was far ahead.
    let latest = now.plus(plan.interval).plus(CLOCKS_DIFFER);
    Ok(state.is_none_or(|state| state.next <= now || state.next > latest))
}

async fn one(kernel: &Kernel, name: &str, claim: &Claim) -> Result<(), Fault> {
    let Some(plan) = kernel.view(SNAPSHOT_PLANS).get::<Plan>(name).await? else { return Ok(()) };
    let started = kernel.now();
    let before = record(kernel, name, claim, |state| state.started = started).await?;
    let done = while_held(kernel, claim, take(kernel, &plan, &before.kept)).await;
    let ended = kernel.now();
    match &done {
        Ok((taken, _)) => {
            tracing::info!(plan = name, url = taken.url, rows = taken.rows, "a snapshot was taken and rehearsed")
        }
        Err(fault) => tracing::error!(plan = name, %fault, "a snapshot failed; older ones are all still there"),
    }
    record(kernel, name, claim, |state| {
        state.ended = ended;
        match &done {
            Ok((taken, kept)) => {
                (state.error, state.errors, state.next) = (String::new(), 0, started.plus(plan.interval));
                (state.last, state.kept) = (Some(taken.clone()), kept.clone());
            }
            Err(fault) => {
                state.error = fault.public().join("; ");
                state.errors += 1;
                state.next = ended.plus(pause(&plan, state.errors));
            }
        }
    })
    .await
    .map(drop)
}

fn pause(plan: &Plan, errors: u32) -> Ttl {
    let seconds = RETRY.seconds() << errors.saturating_sub(1).min(16);
    Ttl::from_seconds(seconds).capped(plan.interval)
}

/// Changes the state, if the claim is still ours. Gives what it is then.
async fn record(
    kernel: &Kernel,
    name: &str,
    claim: &Claim,
    change: impl Fn(&mut PlanState),
) -> Result<PlanState, Fault> {
    kernel
        .transact(async |txn| {
            claim.check(txn).await?;
            let rows = txn.rescoped(SNAPSHOT_STATES);
            let mut state = rows.view().get::<PlanState>(name).await?.unwrap_or_default();
            change(&mut state);
            // A plan that was deleted meanwhile leaves nothing behind.
            if txn.rescoped(SNAPSHOT_PLANS).pin(name).await? {
                rows.put(name, &state)?;
            }
            Ok(state)
        })
        .await
}

/// Renews the claim while the work goes on, and gives the work up when it is lost.
async fn while_held<T>(
    kernel: &Kernel,
    claim: &Claim,
    work: impl Future<Output = Result<T, Fault>>,
) -> Result<T, Fault> {
    let mut work = pin!(work);
    loop {
        match tokio::time::timeout(RENEWAL, work.as_mut()).await {
            Ok(done) => return done,
            Err(_) => claim.keep(kernel, CLAIM).await?,
        }
    }
}

/// The state of a plan that is new or was changed: due at once.
pub(crate) fn at_once(state: Option<PlanState>, now: Time) -> PlanState {
    PlanState { next: now, ..state.unwrap_or_default() }
}
