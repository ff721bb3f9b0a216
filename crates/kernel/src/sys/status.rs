//! `sys/health`, `sys/seal-status`: what load balancers and clients ask first.
use super::routes::BareJson;
use super::{Call, SysRoutes};
use crate::kernel::Kernel;
use crate::opening::SealState;
use kw_barrier::seal::SHAMIR;
use kw_schema::Request;
use kw_store::StoreError;
use kw_types::Fault;
use serde::Serialize;

pub(super) fn routes(routes: SysRoutes) -> SysRoutes {
    routes.at("health").read(health).while_sealed().at("seal-status").read(seal_status).while_sealed()
}

/// Whether this node serves: 200 when it does, 501 before initialisation, 503 while sealed.
#[derive(Request)]
struct Health {
    /// The status to answer before initialisation.
    #[field(default = "501")]
    uninitcode: u32,
    /// The status to answer while sealed.
    #[field(default = "503")]
    sealedcode: u32,
    /// The status to answer when serving.
    #[field(default = "200")]
    activecode: u32,
}

#[derive(Serialize)]
struct HealthAnswer {
    initialized: bool,
    sealed: bool,
    standby: bool,
    performance_standby: bool,
    replication_performance_mode: &'static str,
    replication_dr_mode: &'static str,
    server_time_utc: i64,
    version: String,
    keywright_version: String,
    enterprise: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    cluster_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cluster_id: Option<String>,
    /// What keeps the store from taking writes, and what to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    storage_trouble: Option<String>,
}

async fn health(call: &Call<'_>, ask: Health) -> Result<BareJson<HealthAnswer>, Fault> {
    let kernel = call.kernel;
    let trouble = kernel.store.trouble();
    let initialized = kernel.seal_config().await?.is_some();
    let sealed = kernel.is_sealed();
    let code = match (initialized, sealed) {
        // Only a restart helps. A full disk is another matter: reads go on, and a restart would change nothing.
        _ if trouble.as_ref().is_some_and(|t| *t != StoreError::NoSpace) => 500,
        (false, _) => ask.uninitcode,
        (true, true) => ask.sealedcode,
        (true, false) => ask.activecode,
    };
    let status = u16::try_from(code)
        .ok()
        .filter(|c| (100..=599).contains(c))
        .ok_or_else(|| Fault::bad_request("a status code is from 100 to 599"))?;
    let cluster = kernel.seal.cluster.lock().clone();
    let answer = HealthAnswer {
        initialized,
        sealed,
        standby: false,
        performance_standby: false,
        replication_performance_mode: "disabled",
        replication_dr_mode: "disabled",
        server_time_utc: kernel.now().seconds(),
        version: kernel.settings.api_version.clone(),
        keywright_version: kernel.settings.version.clone(),
        enterprise: false,
        cluster_name: cluster.as_ref().map(|c| c.name.clone()),
        cluster_id: cluster.map(|c| c.id),
        storage_trouble: trouble.map(|t| Fault::from(t).public().join("; ")),
    };
    Ok(BareJson(status, answer))
}

/// How the seal stands.
#[derive(Request)]
struct SealStatus {}

#[derive(Serialize)]
pub(super) struct SealStatusAnswer {
    #[serde(rename = "type")]
    kind: String,
    initialized: bool,
    sealed: bool,
    t: u8,
    n: u8,
    progress: usize,
    nonce: String,
    version: String,
    keywright_version: String,
    build_date: String,
    migration: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    cluster_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cluster_id: Option<String>,
    recovery_seal: bool,
    /// The kind of the seal whose shares people have beside one that opens by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    recovery_seal_type: Option<&'static str>,
    storage_type: &'static str,
    /// Why the server did not open by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    sealed_because: Option<String>,
    /// There on a restored copy alone.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    revocations_held: bool,
}

async fn seal_status(call: &Call<'_>, _: SealStatus) -> Result<BareJson<SealStatusAnswer>, Fault> {
    Ok(BareJson(200, seal_status_now(call).await?))
}

/// The answer of `sys/seal-status`, `sys/unseal` and others.
pub(super) async fn seal_status_now(call: &Call<'_>) -> Result<SealStatusAnswer, Fault> {
    let kernel = call.kernel;
    let (kind, state) = (seal_kind(kernel).await?, kernel.seal_state().await?);
    let config = kernel.share_config().await?;
    let progress = kernel.seal.unseal.lock().status();
    let sealed = kernel.is_sealed();
    let cluster = kernel.seal.cluster.lock().clone().filter(|_| !sealed);
    Ok(SealStatusAnswer {
        recovery_seal: kind != SHAMIR,
        recovery_seal_type: (kind != SHAMIR).then_some(SHAMIR),
        kind,
        initialized: state != SealState::Empty,
        sealed,
        t: config.as_ref().map_or(0, |c| c.secret_threshold),
        n: config.as_ref().map_or(0, |c| c.secret_shares),
        progress: progress.progress,
        nonce: progress.nonce,
        version: kernel.settings.api_version.clone(),
        keywright_version: kernel.settings.version.clone(),
        build_date: kernel.settings.build_date.clone(),
        migration: sealed && state.is_migration(),
        cluster_name: cluster.as_ref().map(|c| c.name.clone()),
        cluster_id: cluster.map(|c| c.id),
        storage_type: kernel.store.kind(),
        sealed_because: kernel.seal.why_sealed().filter(|_| sealed),
        revocations_held: kernel.held_since().await?.is_some(),
    })
}

/// The seal of the store; before initialisation, that of the configuration.
async fn seal_kind(kernel: &Kernel) -> Result<String, Fault> {
    let stored = kernel.seal_config().await?.map(|config| config.kind);
    Ok(stored.unwrap_or_else(|| kernel.seal.seals.kind().to_owned()))
}
