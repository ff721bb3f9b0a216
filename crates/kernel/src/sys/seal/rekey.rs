//! `sys/rekey`: new shares of a new unseal key, by the word of enough holders of the old ones.
use crate::kernel::Kernel;
use crate::rows::CORE;
use crate::sys::routes::{BareJson, Gate};
use crate::sys::{Call, SysRoutes};
use kw_barrier::ceremony::{KeyShare, NewUnsealKey, RekeyAnswer, RekeyRequest, RekeyStatus, RekeyStep, VerifyStep};
use kw_barrier::seal::KEYRING_ROW;
use kw_schema::Request;
use kw_store::StoreError;
use kw_types::{Fault, Secret};
use serde::Serialize;

pub(super) fn routes(routes: SysRoutes) -> SysRoutes {
    let routes = by_holders(routes.at("rekey/init").read(status));
    let routes = by_holders(by_holders(routes.write(start)).delete(cancel));
    let routes = by_holders(routes.at("rekey/update").write(update));
    let routes = by_holders(routes.at("rekey/verify").read(verify_status));
    let routes = by_holders(by_holders(routes.write(verify)).delete(verify_again));
    recovery(routes)
}

/// Recovery keys belong to seals that open by themselves.
fn recovery(routes: SysRoutes) -> SysRoutes {
    let routes = by_holders(routes.at("rekey-recovery-key/init").read(no_recovery));
    let routes = by_holders(by_holders(routes.write(no_recovery)).delete(no_recovery));
    let routes = by_holders(routes.at("rekey-recovery-key/update").write(no_recovery));
    let routes = by_holders(routes.at("rekey-recovery-key/verify").read(no_recovery));
    by_holders(by_holders(routes.write(no_recovery)).delete(no_recovery))
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

async fn status(call: &Call<'_>, _: Status) -> Result<BareJson<StatusAnswer>, Fault> {
    Ok(BareJson(200, now(call.kernel).await?))
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

async fn start(call: &Call<'_>, ask: Start) -> Result<BareJson<StatusAnswer>, Fault> {
    let kernel = call.kernel;
    let request = RekeyRequest {
        secret_shares: ask.secret_shares,
        secret_threshold: ask.secret_threshold,
        pgp_keys: ask.pgp_keys,
        backup: ask.backup,
        require_verification: ask.require_verification,
    };
    kernel.seal.rekey.lock().start(&request, kernel.rng.as_ref(), kernel.now())?;
    tracing::warn!("a rekeying was begun");
    Ok(BareJson(200, now(kernel).await?))
}

/// Ends the rekeying, if there is one.
#[derive(Request)]
struct Cancel {
    /// Of the rekeying that is meant; where it is given, no other one is ended.
    nonce: String,
}

async fn cancel(call: &Call<'_>, ask: Cancel) -> Result<(), Fault> {
    let mut desk = call.kernel.seal.rekey.lock();
    let status = desk.status(0);
    super::check_cancel(status.started, &status.nonce, &ask.nonce)?;
    desk.cancel();
    Ok(())
}

/// Gives a share of the old unseal key; with the last one needed, the new shares are answered.
#[derive(Request)]
struct Update {
    /// The share, in hex or base64.
    key: Secret<String>,
    /// Of the rekeying.
    nonce: String,
}

async fn update(call: &Call<'_>, ask: Update) -> Result<BareJson<Step<StatusAnswer, DoneAnswer>>, Fault> {
    let kernel = call.kernel;
    let share = KeyShare::parse(ask.key.expose())?;
    let (config, wrapped) = (super::config(kernel).await?, kernel.wrapped_root().await?);
    let step = kernel.seal.rekey.lock().update(&share, &ask.nonce, &config, &wrapped, kernel.rng.as_ref())?;
    let answer = match step {
        RekeyStep::Progress => Step::Progress(now(kernel).await?),
        RekeyStep::Verify(answer) => Step::Done(DoneAnswer::from(answer)),
        RekeyStep::Replace(answer, new) => {
            put_in_force(kernel, &new).await?;
            Step::Done(DoneAnswer::from(answer))
        }
    };
    Ok(BareJson(200, answer))
}

/// How the verification of the new shares stands.
#[derive(Request)]
struct VerifyStatus {}

async fn verify_status(call: &Call<'_>, _: VerifyStatus) -> Result<BareJson<VerifyAnswer>, Fault> {
    Ok(BareJson(200, verify_now(call.kernel)?))
}

/// Gives a share of the new unseal key; with the last one needed, the new shares are in force.
#[derive(Request)]
struct Verify {
    /// The share, in hex or base64.
    key: Secret<String>,
    /// Of the verification.
    nonce: String,
}

async fn verify(call: &Call<'_>, ask: Verify) -> Result<BareJson<Step<VerifyAnswer, VerifiedAnswer>>, Fault> {
    let kernel = call.kernel;
    let share = KeyShare::parse(ask.key.expose())?;
    let step = kernel.seal.rekey.lock().verify(&share, &ask.nonce)?;
    let answer = match step {
        VerifyStep::Progress => Step::Progress(verify_now(kernel)?),
        VerifyStep::Replace { nonce, new } => {
            put_in_force(kernel, &new).await?;
            Step::Done(VerifiedAnswer { nonce, complete: true })
        }
    };
    Ok(BareJson(200, answer))
}

/// Begins the verification anew, under another nonce; the new shares stay as they are.
#[derive(Request)]
struct VerifyAgain {}

async fn verify_again(call: &Call<'_>, _: VerifyAgain) -> Result<BareJson<VerifyAnswer>, Fault> {
    call.kernel.seal.rekey.lock().restart_verification(call.kernel.rng.as_ref())?;
    Ok(BareJson(200, verify_now(call.kernel)?))
}

/// Refused: this seal has no recovery keys.
#[derive(Request)]
struct Recovery {}

async fn no_recovery(_: &Call<'_>, _: Recovery) -> Result<(), Fault> {
    Err(Fault::bad_request("recovery rekeying not supported"))
}

/// Commits a new unseal key with a new root key and takes them over. Until then the old shares are in force.
async fn put_in_force(kernel: &Kernel, new: &NewUnsealKey) -> Result<(), Fault> {
    loop {
        let core = kernel.core_txn();
        let txn = core.scoped(CORE);
        // Reading the keyring makes the commit fail if it is rotated meanwhile; then the new one goes under the new root key.
        let keyring = txn.view().get_bytes(KEYRING_ROW).await?;
        let keyring = keyring.ok_or_else(|| Fault::internal("the store has no keyring"))?;
        let (rows, change) = new.rows(&kernel.barrier, &keyring, false, kernel.rng.as_ref())?;
        for (name, content) in rows {
            txn.put_bytes(name, content);
        }
        match core.commit().await {
            Ok(_) => {
                tracing::warn!("rekeyed: new unseal shares are in force");
                return Ok(kernel.barrier.apply(change)?);
            }
            Err(StoreError::Conflict) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

async fn now(kernel: &Kernel) -> Result<StatusAnswer, Fault> {
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
    } = kernel.seal.rekey.lock().status(required);
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

fn verify_now(kernel: &Kernel) -> Result<VerifyAnswer, Fault> {
    let status = kernel.seal.rekey.lock().verify_status()?;
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
