//! `sys/seal/drill`: share holders try out whether their shares open the store, and nothing changes.
//!
//! It goes the whole way that a recovery goes: the rows are read from the store, the shares are put together, the root key is
//! decrypted with them, and the keyring with that. What it does not do is open anything.
use crate::kernel::Kernel;
use crate::sys::routes::BareJson;
use crate::sys::{Call, SysRoutes};
use kw_barrier::ceremony::{CeremonyError, KeyShare, Purpose};
use kw_barrier::seal::{KEYRING_ROW, Opened, SHAMIR, ShareLock};
use kw_schema::Request;
use kw_types::{Fault, Secret};
use serde::Serialize;

pub(super) fn routes(routes: SysRoutes) -> SysRoutes {
    routes.at("seal/drill").read(status).bare().write(give).bare().delete(cancel).bare()
}

#[derive(Serialize)]
struct Answer {
    /// Of this drill; empty before the first share.
    nonce: String,
    progress: usize,
    required: u8,
    shares: u8,
    complete: bool,
    /// With `complete`: whether the shares open the store. Without: whether they are meant to.
    opens_store: bool,
    /// `unseal` or `recovery`.
    kind: &'static str,
}

/// How the drill stands.
#[derive(Request)]
struct Status {}

async fn status(call: &Call<'_>, _: Status) -> Result<BareJson<Answer>, Fault> {
    let lock = call.kernel.share_lock().await?;
    Ok(BareJson(200, now(call.kernel, &lock).await?))
}

/// Tries out shares: of the recovery key, or of the unseal key where there is none. With the last one needed it is answered
/// whether they open the store. Changes nothing.
#[derive(Request)]
struct Give {
    /// The share, in hex or base64.
    #[field(required)]
    key: Secret<String>,
    /// Of the drill; may be left out with the first share.
    nonce: String,
}

async fn give(call: &Call<'_>, ask: Give) -> Result<BareJson<Answer>, Fault> {
    let kernel = call.kernel;
    let share = KeyShare::parse(ask.key.expose())?;
    let lock = kernel.share_lock().await?;
    let running = kernel.seal.drill.lock().status();
    if !ask.nonce.is_empty() && ask.nonce != running.nonce {
        return Err(Fault::bad_request("the nonce is not that of the drill in progress"));
    }
    let done = kernel.seal.drill.lock().submit(&share, Purpose::Open, &lock, kernel.rng.as_ref())?;
    let Some((_, opened)) = done else { return Ok(BareJson(200, now(kernel, &lock).await?)) };
    if !kernel.barrier.vouches_for(&opened) {
        return Err(CeremonyError::WrongShares.into());
    }
    let opens_store = match &opened {
        Opened::Proof(_) => false,
        Opened::Root(root) => {
            let keyring = kernel.core_row(KEYRING_ROW).await?;
            let opens = keyring.is_some_and(|row| kernel.barrier.is_opened_by(root, &row));
            if !opens {
                return Err(Fault::internal("the shares open the root key, and that does not open the keyring"));
            }
            true
        }
    };
    tracing::warn!(opens_store, "share holders tried out their shares, which are right");
    let (required, shares) = (lock.config().secret_threshold, lock.config().secret_shares);
    let (nonce, progress, kind) = (running.nonce, usize::from(required), kind(kernel).await?);
    Ok(BareJson(200, Answer { nonce, progress, required, shares, complete: true, opens_store, kind }))
}

/// Ends the drill, if there is one.
#[derive(Request)]
struct Cancel {}

async fn cancel(call: &Call<'_>, _: Cancel) -> Result<(), Fault> {
    call.kernel.seal.drill.lock().reset();
    Ok(())
}

async fn now(kernel: &Kernel, lock: &ShareLock) -> Result<Answer, Fault> {
    let kind = kind(kernel).await?;
    let running = kernel.seal.drill.lock().status();
    Ok(Answer {
        nonce: running.nonce,
        progress: running.progress,
        required: lock.config().secret_threshold,
        shares: lock.config().secret_shares,
        complete: false,
        opens_store: lock.opens_store(),
        kind,
    })
}

async fn kind(kernel: &Kernel) -> Result<&'static str, Fault> {
    let is_shamir = kernel.seal_config().await?.is_some_and(|config| config.kind == SHAMIR);
    Ok(if is_shamir { "unseal" } else { "recovery" })
}
