//! Opening by seals that need no people, and looking after them.
use crate::kernel::Kernel;
use crate::received::Method;
use kw_barrier::seal::ROOT_KEY_ROW;
use kw_store::StoreError;
use kw_types::Fault;
use std::sync::Arc;
use std::time::Duration;

/// How often it is looked whether there is something to do.
const PAUSE: Duration = Duration::from_millis(250);
/// The first and the longest wait after a key service that did not answer.
const RETRY_MIN: Duration = Duration::from_secs(1);
const RETRY_MAX: Duration = Duration::from_secs(30);
/// How often the seals are tended, and asked while one of them fails.
const TEND_EVERY: Duration = Duration::from_secs(60);
/// How often they are asked when all is well: every so many rounds of [`TEND_EVERY`].
const CHECK_ROUNDS: u32 = 10;
/// How often the rollback mark is advanced.
const MARK_EVERY: Duration = Duration::from_secs(2);

/// Opens a sealed server by its seals as long as it should be open, looks after the seals, follows the keys of other nodes and
/// advances the rollback mark. Runs until the future is dropped.
pub async fn run(kernel: Arc<Kernel>) {
    let (mut retry, mut retry_in) = (RETRY_MIN, Duration::ZERO);
    let (mut tend_in, mut rounds, mut mark_in) = (Duration::ZERO, 0, MARK_EVERY);
    loop {
        if kernel.is_sealed() {
            (tend_in, rounds) = (Duration::ZERO, 0);
            if kernel.seal.take_call() {
                (retry, retry_in) = (RETRY_MIN, Duration::ZERO);
            }
            if retry_in.is_zero() && kernel.seal.is_wanted_open() {
                retry_in = retry;
                match kernel.open_by_seals().await {
                    Ok(_) => retry = RETRY_MIN,
                    Err(fault) => {
                        retry = (retry * 2).min(RETRY_MAX);
                        tracing::error!(%fault, again_in_seconds = retry_in.as_secs(), "the server stays sealed: its seal does not open it");
                    }
                }
            }
        } else {
            (retry, retry_in) = (RETRY_MIN, Duration::ZERO);
            if tend_in.is_zero() {
                tend_in = TEND_EVERY;
                kernel.tend_seals(rounds % CHECK_ROUNDS == 0).await;
                rounds = rounds.wrapping_add(1);
            }
            if mark_in.is_zero() {
                mark_in = MARK_EVERY;
                if let Err(fault) = kernel.advance_mark().await {
                    tracing::error!(%fault, "the rollback mark could not be advanced");
                }
            }
            // Where reads may be answered by a proof of freshness that is not their own, this renews it.
            if let Err(fault) = kernel.catch_up(Method::Other).await {
                tracing::warn!(%fault, "the keys of other nodes could not be read");
            }
        }
        tokio::time::sleep(PAUSE).await;
        for left in [&mut retry_in, &mut tend_in, &mut mark_in] {
            *left = left.saturating_sub(PAUSE);
        }
    }
}

impl Kernel {
    /// Opens a sealed server by its seals. Answers whether it is open now; `false` where the store is not initialised, or people
    /// have to give shares first.
    ///
    /// Errors: when no seal opens it, or the store is not as it should be; [`crate::seal::SealDesk::why_sealed`] tells.
    pub async fn open_by_seals(&self) -> Result<bool, Fault> {
        if !self.is_sealed() {
            return Ok(true);
        }
        if !self.seal.seals.opens_by_itself() {
            return Ok(false);
        }
        let opened = self.try_seals().await;
        match &opened {
            Ok(true) => tracing::info!(seal = self.seal.seals.kind(), "unsealed by the seal"),
            Ok(false) => {}
            Err(fault) => self.seal.note_trouble(fault),
        }
        opened
    }

    async fn try_seals(&self) -> Result<bool, Fault> {
        self.prepare_store().await?;
        if !self.seal_state().await?.is_ready_for_seals() {
            return Ok(false);
        }
        let row = self.wrapped_root().await?;
        let root = self.seal.seals.open(&row, false, self.now()).await;
        let root = root.map_err(|e| Fault::unavailable(e.to_string()))?;
        let _alone = self.seal.opening.lock().await;
        // The seal may have taken its time, and somebody has opened the server otherwise.
        if self.is_sealed() {
            self.open_with(root).await?;
        }
        Ok(true)
    }

    /// Lets the seals keep themselves alive, asks them whether they work where that is due, and encrypts the root key anew where
    /// one of them wants it.
    async fn tend_seals(&self, check_is_due: bool) {
        let seals = &self.seal.seals;
        for (name, error) in seals.tend().await {
            tracing::warn!(seal = name, %error, "a seal could not be tended");
        }
        let failing = |seals: &kw_barrier::seal::SealSet| {
            let all = seals.statuses().into_iter();
            all.filter_map(|status| Some((status.name, status.health.failing?.1))).collect::<Vec<_>>()
        };
        if check_is_due || !failing(seals).is_empty() {
            seals.check(self.rng.as_ref(), self.now()).await;
        }
        for (name, why) in failing(seals) {
            tracing::warn!(seal = name, why, "a seal does not work: it would not open this server");
        }
        if let Err(fault) = self.rewrap().await {
            tracing::warn!(%fault, "the root key could not be encrypted anew by the seals");
        }
    }

    /// Encrypts the root key anew, if a seal has another key now, came new, or is gone.
    pub(crate) async fn rewrap(&self) -> Result<(), Fault> {
        if !self.seal.seals.opens_by_itself() || !self.seal_state().await?.is_ready_for_seals() {
            return Ok(());
        }
        let core = self.core_txn();
        let txn = core.scoped(crate::rows::CORE);
        let Some(row) = txn.view().get_bytes(ROOT_KEY_ROW).await? else { return Ok(()) };
        let Some(root) = self.barrier.root() else { return Ok(()) };
        if !self.seal.seals.wants_rewrap(&row) {
            return Ok(());
        }
        let sealing = self.seal.seals.wrap(&root, Some(&row), self.rng.as_ref(), self.now()).await;
        let sealing = sealing.map_err(|e| Fault::unavailable(e.to_string()))?;
        txn.put_bytes(ROOT_KEY_ROW, sealing.row);
        match core.commit().await {
            Ok(_) => tracing::info!(failed = sealing.failed.len(), "the root key was encrypted anew by the seals"),
            // Somebody else did so, or replaced the root key: the next round looks again.
            Err(StoreError::Conflict) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }
}
