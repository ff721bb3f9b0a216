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

/// Makes the first keys of an empty store, once. The server stays sealed, unless its seal opens by itself.
#[derive(Request)]
struct Init {
    /// Into how many shares the unseal key is split, 1 to 255.
    secret_shares: i64,
    /// How many of them it takes.
    secret_threshold: i64,
    /// As secret_shares; an older name that the seal has no other use for.
    stored_shares: i64,
    /// PGP keys in base64 to encrypt the shares to, as many as shares and in their order.
    pgp_keys: Vec<String>,
    /// A PGP key in base64 to encrypt the root token to.
    root_token_pgp_key: String,
    /// Where the seal opens by itself: into how many shares the recovery key is split, 1 to 255.
    recovery_shares: i64,
    /// How many of them it takes.
    recovery_threshold: i64,
    /// PGP keys in base64 to encrypt the recovery shares to, as many as shares and in their order.
    recovery_pgp_keys: Vec<String>,
    /// Whether enough recovery shares open the store without the seal, for when its key service is lost.
    #[field(default = "true")]
    recovery_opens_store: bool,
}

#[derive(Serialize)]
struct InitAnswer {
    keys: Vec<Secret<String>>,
    keys_base64: Vec<Secret<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    recovery_keys: Option<Vec<Secret<String>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    recovery_keys_base64: Option<Vec<Secret<String>>>,
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
        recovery_opens_nothing: !ask.recovery_opens_store,
    };
    let kernel = call.kernel;
    let (made, token) = kernel.initialise(&request, &[], None).await?;
    let root_token = made.encode_root_token(&token, kernel.rng.as_ref())?;
    let shares = made.shares;
    tracing::info!(seal = kernel.seal.seals.kind(), shares = shares.keys.len(), "initialised");
    if !kernel.seal.seals.opens_by_itself() {
        let (keys, keys_base64) = (shares.keys, shares.keys_base64);
        let answer = InitAnswer { keys, keys_base64, recovery_keys: None, recovery_keys_base64: None, root_token };
        return Ok(BareJson(200, answer));
    }
    // The keys must be answered whatever comes of it: they are shown this once.
    if let Err(fault) = kernel.open_by_seals().await {
        tracing::error!(%fault, "the new store was not opened by its seal");
    }
    let (recovery_keys, recovery_keys_base64) = (Some(shares.keys), Some(shares.keys_base64));
    let (keys, keys_base64) = (Vec::new(), Vec::new());
    Ok(BareJson(200, InitAnswer { keys, keys_base64, recovery_keys, recovery_keys_base64, root_token }))
}
