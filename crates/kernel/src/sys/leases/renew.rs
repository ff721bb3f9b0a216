//! `sys/leases/renew`.
use super::lookup::of_login;
use super::{Call, SysRoutes, named};
use crate::lease;
use crate::sys::routes::OfLease;
use kw_schema::Request;
use kw_types::{Fault, Ttl};

pub(super) fn routes(routes: SysRoutes) -> SysRoutes {
    routes.at("leases/renew").write(renew).at("leases/renew/{url_lease_id...}").write(renew_by_url)
}

/// Gives a lease more time.
#[derive(Request)]
struct Renew {
    /// Identifier of the lease.
    lease_id: String,
    /// How long it shall live from now; without it, as long as at first.
    increment: Ttl,
}

/// Gives the lease of the path more time.
#[derive(Request)]
struct RenewByUrl {
    /// Identifier of the lease.
    #[capture]
    url_lease_id: String,
    /// How long it shall live from now; without it, as long as at first.
    increment: Ttl,
}

async fn renew_by_url(call: &Call<'_>, ask: RenewByUrl) -> Result<OfLease, Fault> {
    renew(call, Renew { lease_id: ask.url_lease_id, increment: ask.increment }).await
}

async fn renew(call: &Call<'_>, ask: Renew) -> Result<OfLease, Fault> {
    let id = named(ask.lease_id)?;
    if of_login(call.kernel, &id).await?.is_some() {
        return Err(Fault::bad_request("tokens cannot be renewed through this endpoint"));
    }
    let (lease, ttl) = lease::renew(call.kernel, &id, ask.increment).await?;
    let mut warnings = Vec::new();
    if ttl < ask.increment {
        warnings.push(format!(
            "TTL of {:?} exceeded the effective max_ttl of {:?}; TTL value is capped accordingly",
            ask.increment.go_text(),
            ttl.go_text()
        ));
    }
    Ok(OfLease { id: lease.id, renewable: lease.renewable, duration_seconds: ttl.seconds(), data: None, warnings })
}
