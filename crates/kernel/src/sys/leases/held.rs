//! `sys/leases/held` and `sys/leases/release`: what a restored copy does not do until it is told to.
use super::{Call, SysRoutes};
use kw_engine::{Data, Warned};
use kw_schema::{Request, Response};
use kw_types::Fault;
use serde::Serialize;

pub(super) fn routes(routes: SysRoutes) -> SysRoutes {
    routes.at("leases/held").read(held).at("leases/release").write(release).sudo()
}

/// Shows whether this is a restored copy that holds its revocations.
#[derive(Request)]
struct Ask {}

#[derive(Serialize, Response)]
struct HeldAnswer {
    /// Whether leases from before the restore are kept from being revoked.
    held: bool,
    /// When the copy was restored; empty where nothing is held.
    since: String,
    /// How many leases are to be revoked after the release.
    #[field(kind = "Integer")]
    waiting: usize,
}

/// Lets a restored copy revoke what it held, and take its scheduled snapshots again: it takes the original's place.
#[derive(Request)]
struct Release {}

async fn held(call: &Call<'_>, _: Ask) -> Result<Data<HeldAnswer>, Fault> {
    let since = call.kernel.held_since().await?;
    let waiting = call.kernel.count_held_back().await?;
    Ok(Data(HeldAnswer { held: since.is_some(), since: since.map(|s| s.rfc3339()).unwrap_or_default(), waiting }))
}

async fn release(call: &Call<'_>, _: Release) -> Result<Warned<()>, Fault> {
    if call.kernel.release().await? {
        tracing::warn!("a restored copy takes the original's place: its revocations go on");
        return Ok(Warned((), Vec::new()));
    }
    Ok(Warned((), vec!["nothing was held".to_owned()]))
}
