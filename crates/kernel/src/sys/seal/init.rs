//! `sys/init`: the first keys.
use crate::sys::routes::BareJson;
use crate::sys::{Call, SysRoutes};
use kw_barrier::ceremony::InitRequest;
use kw_schema::Request;
use kw_types::{Fault, Secret};
use serde::Serialize;

pub(super) fn routes(routes: SysRoutes) -> SysRoutes {
    routes.at("init").read(status).while_sealed().write(init).while_sealed()
}

/// Whether the first keys have been made.
#[derive(Request)]
struct Status {}

#[derive(Serialize)]
struct StatusAnswer {
    initialized: bool,
}

async fn status(call: &Call<'_>, _: Status) -> Result<BareJson<StatusAnswer>, Fault> {
    Ok(BareJson(200, StatusAnswer { initialized: call.kernel.seal_config().await?.is_some() }))
}

/// Makes the first keys of an empty store, once. The server stays sealed.
#[derive(Request)]
struct Init {
    /// Into how many shares the unseal key is split, 1 to 255.
    secret_shares: i64,
    /// How many of them it takes.
    secret_threshold: i64,
    /// As secret_shares; an older name that this seal has no other use for.
    stored_shares: i64,
    /// PGP keys in base64 to encrypt the shares to, as many as shares and in their order.
    pgp_keys: Vec<String>,
    /// A PGP key in base64 to encrypt the root token to.
    root_token_pgp_key: String,
    /// For seals that open by themselves: refused.
    recovery_shares: i64,
    /// For seals that open by themselves: refused.
    recovery_threshold: i64,
    /// For seals that open by themselves: refused.
    recovery_pgp_keys: Vec<String>,
}

#[derive(Serialize)]
struct InitAnswer {
    keys: Vec<Secret<String>>,
    keys_base64: Vec<Secret<String>>,
    root_token: Secret<String>,
}

async fn init(call: &Call<'_>, ask: Init) -> Result<BareJson<InitAnswer>, Fault> {
    let request = InitRequest {
        secret_shares: ask.secret_shares,
        secret_threshold: ask.secret_threshold,
        stored_shares: ask.stored_shares,
        pgp_keys: ask.pgp_keys,
        root_token_pgp_key: ask.root_token_pgp_key,
        recovery_shares: ask.recovery_shares,
        recovery_threshold: ask.recovery_threshold,
        recovery_pgp_keys: ask.recovery_pgp_keys,
    };
    let (made, token) = call.kernel.initialise(&request, &[], None).await?;
    let root_token = made.encode_root_token(&token, call.kernel.rng.as_ref())?;
    tracing::info!(shares = ask.secret_shares, threshold = ask.secret_threshold, "initialised");
    Ok(BareJson(200, InitAnswer { keys: made.shares.keys, keys_base64: made.shares.keys_base64, root_token }))
}
