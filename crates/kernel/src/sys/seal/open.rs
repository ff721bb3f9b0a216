//! `sys/unseal`, `sys/seal`, `sys/step-down`.
use crate::sys::routes::BareJson;
use crate::sys::status::{SealStatusAnswer, seal_status_now};
use crate::sys::{Call, SysRoutes};
use kw_barrier::ceremony::Unseal;
use kw_schema::Request;
use kw_types::{Fault, Secret};

pub(super) fn routes(routes: SysRoutes) -> SysRoutes {
    let routes = routes.at("unseal").write(unseal).while_sealed();
    let routes = routes.at("seal").write(seal).sudo().bare();
    routes.at("step-down").write(step_down).sudo().bare()
}

/// Gives a share of the unseal key, or forgets those that were given.
#[derive(Request)]
struct GiveShare {
    /// The share, in hex or base64.
    key: Secret<String>,
    /// Forget all shares given so far.
    reset: bool,
    /// Move to another seal with this share; refused, since there is none to move from.
    migrate: bool,
}

async fn unseal(call: &Call<'_>, ask: GiveShare) -> Result<BareJson<SealStatusAnswer>, Fault> {
    if ask.reset {
        call.kernel.seal.unseal.lock().reset();
    } else {
        let share = Unseal::parse_key(ask.key.expose(), ask.migrate)?;
        if call.kernel.is_sealed() && call.kernel.unseal_with(&share).await? {
            tracing::info!("unsealed");
        }
    }
    Ok(BareJson(200, seal_status_now(call).await?))
}

/// Forgets all keys: nothing is answered until enough shares were given again.
#[derive(Request)]
struct Seal {}

async fn seal(call: &Call<'_>, _: Seal) -> Result<(), Fault> {
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
