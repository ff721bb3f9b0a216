//! `sys/unseal`, `sys/seal`, `sys/step-down`.
use crate::opening::check_purpose;
use crate::sys::routes::BareJson;
use crate::sys::status::{SealStatusAnswer, seal_status_now};
use crate::sys::{Call, SysRoutes};
use kw_barrier::ceremony::{Purpose, Unseal};
use kw_schema::Request;
use kw_types::{Fault, Secret};

pub(super) fn routes(routes: SysRoutes) -> SysRoutes {
    let routes = routes.at("unseal").write(unseal).while_sealed();
    let routes = routes.at("seal").write(seal).sudo().bare();
    routes.at("step-down").write(step_down).sudo().bare()
}

/// Gives a share of the unseal key, or forgets those that were given. Without a share, a seal that opens by itself is tried
/// again.
#[derive(Request)]
struct GiveShare {
    /// The share, in hex or base64.
    key: Secret<String>,
    /// Forget all shares given so far.
    reset: bool,
    /// Move the store to the seal of the configuration: with shares of the unseal key, or of the recovery key where the store is
    /// under a seal that opens by itself.
    migrate: bool,
    /// Open with shares of the recovery key, since the seal's key service is lost. Changes nothing.
    recovery: bool,
}

async fn unseal(call: &Call<'_>, ask: GiveShare) -> Result<BareJson<SealStatusAnswer>, Fault> {
    let kernel = call.kernel;
    if ask.reset {
        kernel.seal.unseal.lock().reset();
    } else if ask.key.expose().is_empty() && kernel.seal.seals.opens_by_itself() && !ask.migrate && !ask.recovery {
        kernel.seal.call();
        if !kernel.open_by_seals().await? {
            return Err(Fault::bad_request(
                "the seal of the configuration cannot open the store: it is not initialised, or has to be moved to this seal first",
            ));
        }
    } else {
        let share = Unseal::parse_key(ask.key.expose())?;
        let purpose = match (ask.migrate, ask.recovery) {
            (false, false) => Purpose::Open,
            (true, false) => Purpose::Migrate,
            (false, true) => Purpose::Recover,
            (true, true) => {
                return Err(Fault::bad_request("a share is given to migrate or for recovery, not for both"));
            }
        };
        if purpose != Purpose::Open {
            // Whoever says what the share is for is told where that makes no sense, also by a server that is open.
            check_purpose(kernel.seal_state().await?, purpose)?;
        }
        if kernel.is_sealed() && kernel.unseal_with(&share, purpose).await? {
            tracing::warn!(?purpose, "unsealed with shares");
        }
    }
    Ok(BareJson(200, seal_status_now(call).await?))
}

/// Forgets all keys: nothing is answered until enough shares were given again; with a seal that opens by itself, until
/// sys/unseal is called or the server is started anew.
#[derive(Request)]
struct Seal {}

async fn seal(call: &Call<'_>, _: Seal) -> Result<(), Fault> {
    call.kernel.seal.keep_sealed();
    // It is sealed whatever became of the record, and that is what was asked for.
    if let Err(fault) = call.kernel.close().await {
        tracing::warn!(%fault, "the use of the keys could not be recorded before sealing");
    }
    tracing::warn!("sealed by request");
    Ok(())
}

/// Gives up leadership. A node without peers keeps it, and goes on.
#[derive(Request)]
struct StepDown {}

async fn step_down(_: &Call<'_>, _: StepDown) -> Result<(), Fault> {
    Ok(())
}
