//! `sys/rekey`, `sys/rekey-recovery-key`: new shares of a new unseal or recovery key, by the word of enough holders of the old ones.
use crate::kernel::Kernel;
use crate::rows::CORE;
use crate::sys::routes::{BareJson, Gate};
use crate::sys::{Call, SysRoutes};
use kw_barrier::ceremony::{
    KeyShare, NewUnsealKey, Rekey, RekeyAnswer, RekeyRequest, RekeyStatus, RekeyStep, VerifyStep,
};
use kw_barrier::seal::{KEYRING_ROW, ROOT_KEY_ROW, SHAMIR};
use kw_schema::Request;
use kw_store::StoreError;
use kw_types::{Fault, Secret};
use parking_lot::Mutex;
use serde::Serialize;

pub(super) fn routes(routes: SysRoutes) -> SysRoutes {
    let routes = by_holders(routes.at("rekey/init").read(status::<false>));
    let routes = by_holders(by_holders(routes.write(start::<false>)).delete(cancel::<false>));
    let routes = by_holders(routes.at("rekey/update").write(update::<false>));
    let routes = by_holders(routes.at("rekey/verify").read(verify_status::<false>));
    let routes = by_holders(by_holders(routes.write(verify::<false>)).delete(verify_again::<false>));
    let routes = by_holders(routes.at("rekey-recovery-key/init").read(status::<true>));
    let routes = by_holders(by_holders(routes.write(start::<true>)).delete(cancel::<true>));
    let routes = by_holders(routes.at("rekey-recovery-key/update").write(update::<true>));
    let routes = by_holders(routes.at("rekey-recovery-key/verify").read(verify_status::<true>));
    by_holders(by_holders(routes.write(verify::<true>)).delete(verify_again::<true>))
}

/// The rekeying of the unseal key, or of the recovery key. Errors: 400 where the store's seal has no such key.
async fn desk<const RECOVERY: bool>(kernel: &Kernel) -> Result<&Mutex<Rekey>, Fault> {
    let has_recovery = kernel.seal_config().await?.is_some_and(|config| config.kind != SHAMIR);
    match (RECOVERY, has_recovery) {
        (false, false) => Ok(&kernel.seal.rekey),
        (true, true) => Ok(&kernel.seal.recovery_rekey),
        (true, false) => Err(Fault::bad_request("recovery rekeying not supported")),
        (false, true) => Err(Fault::bad_request(
            "this seal has no unseal shares; to replace the recovery shares and the root key, rekey the recovery key (sys/rekey-recovery-key, operator rekey -target=recovery)",
        )),
    }
}

/// The last operation needs no token: the shares are what counts. Unless the listener wants a token besides.
fn by_holders(routes: SysRoutes) -> SysRoutes {
    routes.open().bare().gated(Gate::Rekey)
}

#[derive(Serialize)]
struct StatusAnswer {
    nonce: String,
    started: bool,
    t: u8,
    n: u8,
    progress: usize,
    required: u8,
    pgp_fingerprints: Option<Vec<String>>,
    backup: bool,
    verification_required: bool,
    #[serde(skip_serializing_if = "String::is_empty")]
    verification_nonce: String,
}

#[derive(Serialize)]
struct DoneAnswer {
    nonce: String,
    complete: bool,
    keys: Vec<Secret<String>>,
    keys_base64: Vec<Secret<String>>,
    pgp_fingerprints: Option<Vec<String>>,
    backup: bool,
    verification_required: bool,
    #[serde(skip_serializing_if = "String::is_empty")]
    verification_nonce: String,
}

#[derive(Serialize)]
struct VerifyAnswer {
    nonce: String,
    started: bool,
    t: u8,
    n: u8,
    progress: usize,
}

#[derive(Serialize)]
struct VerifiedAnswer {
    nonce: String,
    complete: bool,
}

/// An answer before the last share, and another one with it.
#[derive(Serialize)]
#[serde(untagged)]
enum Step<P, D> {
    Progress(P),
    Done(D),
}

/// How the rekeying stands.
#[derive(Request)]
struct Status {}

async fn status<const RECOVERY: bool>(call: &Call<'_>, _: Status) -> Result<BareJson<StatusAnswer>, Fault> {
    Ok(BareJson(200, now::<RECOVERY>(call.kernel).await?))
}

/// Begins a rekeying.
#[derive(Request)]
struct Start {
    /// How many new shares there are to be, 1 to 255.
    secret_shares: i64,
    /// How many of them it will take.
    secret_threshold: i64,
    /// PGP keys in base64 to encrypt the new shares to, as many as shares and in their order.
    pgp_keys: Vec<String>,
    /// Keep the encrypted shares in the store.
    backup: bool,
    /// The old shares stay in force until holders of the new ones have shown that they have them.
    require_verification: bool,
}

async fn start<const RECOVERY: bool>(call: &Call<'_>, ask: Start) -> Result<BareJson<StatusAnswer>, Fault> {
    let kernel = call.kernel;
    let request = RekeyRequest {
        secret_shares: ask.secret_shares,
        secret_threshold: ask.secret_threshold,
        pgp_keys: ask.pgp_keys,
        backup: ask.backup,
        require_verification: ask.require_verification,
    };
    desk::<RECOVERY>(kernel).await?.lock().start(&request, kernel.rng.as_ref(), kernel.now())?;
    tracing::warn!("a rekeying was begun");
    Ok(BareJson(200, now::<RECOVERY>(kernel).await?))
}

/// Ends the rekeying, if there is one.
#[derive(Request)]
struct Cancel {
    /// Of the rekeying that is meant; where it is given, no other one is ended.
    nonce: String,
}

async fn cancel<const RECOVERY: bool>(call: &Call<'_>, ask: Cancel) -> Result<(), Fault> {
    let mut desk = desk::<RECOVERY>(call.kernel).await?.lock();
    let status = desk.status(0);
    super::check_cancel(status.started, &status.nonce, &ask.nonce)?;
    desk.cancel();
    Ok(())
}

/// Gives a share of the old key; with the last one needed, the new shares are answered.
#[derive(Request)]
struct Update {
    /// The share, in hex or base64.
    key: Secret<String>,
    /// Of the rekeying.
    nonce: String,
}

async fn update<const RECOVERY: bool>(
    call: &Call<'_>,
    ask: Update,
) -> Result<BareJson<Step<StatusAnswer, DoneAnswer>>, Fault> {
    let kernel = call.kernel;
    let share = KeyShare::parse(ask.key.expose())?;
    let (desk, lock) = (desk::<RECOVERY>(kernel).await?, kernel.share_lock().await?);
    let step = desk.lock().update(&share, &ask.nonce, &lock, &kernel.barrier, kernel.rng.as_ref())?;
    let answer = match step {
        RekeyStep::Progress => Step::Progress(now::<RECOVERY>(kernel).await?),
        RekeyStep::Verify(answer) => Step::Done(DoneAnswer::from(answer)),
        RekeyStep::Replace(answer, new) => {
            put_in_force::<RECOVERY>(kernel, &new).await?;
            Step::Done(DoneAnswer::from(answer))
        }
    };
    Ok(BareJson(200, answer))
}

/// How the verification of the new shares stands.
#[derive(Request)]
struct VerifyStatus {}

async fn verify_status<const RECOVERY: bool>(
    call: &Call<'_>,
    _: VerifyStatus,
) -> Result<BareJson<VerifyAnswer>, Fault> {
    Ok(BareJson(200, verify_now::<RECOVERY>(call.kernel).await?))
}

/// Gives a share of the new key; with the last one needed, the new shares are in force.
#[derive(Request)]
struct Verify {
    /// The share, in hex or base64.
    key: Secret<String>,
    /// Of the verification.
    nonce: String,
}

async fn verify<const RECOVERY: bool>(
    call: &Call<'_>,
    ask: Verify,
) -> Result<BareJson<Step<VerifyAnswer, VerifiedAnswer>>, Fault> {
    let kernel = call.kernel;
    let share = KeyShare::parse(ask.key.expose())?;
    let step = desk::<RECOVERY>(kernel).await?.lock().verify(&share, &ask.nonce)?;
    let answer = match step {
        VerifyStep::Progress => Step::Progress(verify_now::<RECOVERY>(kernel).await?),
        VerifyStep::Replace { nonce, new } => {
            put_in_force::<RECOVERY>(kernel, &new).await?;
            Step::Done(VerifiedAnswer { nonce, complete: true })
        }
    };
    Ok(BareJson(200, answer))
}

/// Begins the verification anew, under another nonce; the new shares stay as they are.
#[derive(Request)]
struct VerifyAgain {}

async fn verify_again<const RECOVERY: bool>(call: &Call<'_>, _: VerifyAgain) -> Result<BareJson<VerifyAnswer>, Fault> {
    desk::<RECOVERY>(call.kernel).await?.lock().restart_verification(call.kernel.rng.as_ref())?;
    Ok(BareJson(200, verify_now::<RECOVERY>(call.kernel).await?))
}

/// Commits a new unseal or recovery key with a new root key and takes them over. Until then the old shares are in force.
async fn put_in_force<const RECOVERY: bool>(kernel: &Kernel, new: &NewUnsealKey) -> Result<(), Fault> {
    let (rng, shared) = (kernel.rng.as_ref(), kernel.store.is_shared());
    loop {
        let core = kernel.core_txn();
        let txn = core.scoped(CORE);
        // Reading the keyring makes the commit fail if it is rotated meanwhile; then the new one goes under the new root key.
        let keyring = txn.view().get_bytes(KEYRING_ROW).await?;
        let keyring = keyring.ok_or_else(|| Fault::internal("the store has no keyring"))?;
        let change = kernel.barrier.plan_rekey(&keyring)?;
        let rows = if RECOVERY {
            // Read, so that an entry that a seal has added meanwhile is not left under the old root key.
            txn.pin(ROOT_KEY_ROW).await?;
            let opens_store = kernel.share_lock().await?.opens_store();
            let sealing = kernel.seal.seals.wrap(change.root(), None, rng, kernel.now()).await;
            let sealing = sealing.map_err(|e| Fault::unavailable(e.to_string()))?;
            for (seal, error) in &sealing.failed {
                tracing::error!(seal, %error, "a seal has not encrypted the new root key; it is tried again");
            }
            new.recovery_rows(&change, sealing.row, opens_store, shared, rng)?
        } else {
            new.rows(&change, shared, rng)?
        };
        for (name, content) in rows {
            txn.put_bytes(name, content);
        }
        match core.commit().await {
            Ok(_) => {
                tracing::warn!(recovery = RECOVERY, "rekeyed: new shares are in force");
                return Ok(kernel.barrier.apply(change)?);
            }
            Err(StoreError::Conflict) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

async fn now<const RECOVERY: bool>(kernel: &Kernel) -> Result<StatusAnswer, Fault> {
    let required = super::config(kernel).await?.secret_threshold;
    let RekeyStatus {
        started,
        nonce,
        t,
        n,
        progress,
        required,
        pgp_fingerprints,
        backup,
        verification_required,
        verification_nonce,
    } = desk::<RECOVERY>(kernel).await?.lock().status(required);
    let pgp_fingerprints = Some(pgp_fingerprints).filter(|f| !f.is_empty());
    Ok(StatusAnswer {
        nonce,
        started,
        t,
        n,
        progress,
        required,
        pgp_fingerprints,
        backup,
        verification_required,
        verification_nonce,
    })
}

async fn verify_now<const RECOVERY: bool>(kernel: &Kernel) -> Result<VerifyAnswer, Fault> {
    let status = desk::<RECOVERY>(kernel).await?.lock().verify_status()?;
    let kw_barrier::ceremony::VerifyStatus { started, nonce, t, n, progress } = status;
    Ok(VerifyAnswer { nonce, started, t, n, progress })
}

impl From<RekeyAnswer> for DoneAnswer {
    fn from(answer: RekeyAnswer) -> Self {
        let shares = answer.shares;
        Self {
            nonce: answer.nonce,
            complete: true,
            keys: shares.keys,
            keys_base64: shares.keys_base64,
            pgp_fingerprints: Some(shares.pgp_fingerprints).filter(|f| !f.is_empty()),
            backup: answer.backup,
            verification_required: answer.verification_required,
            verification_nonce: answer.verification_nonce,
        }
    }
}
