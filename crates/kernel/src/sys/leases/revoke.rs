//! `sys/leases/revoke`, `revoke-prefix`, `revoke-force`, `tidy`.
use super::lookup::stored_login;
use super::{Call, SysRoutes, named};
use crate::{jobs, lease, token};
use kw_engine::{Status, Warned};
use kw_schema::Request;
use kw_types::Fault;

pub(super) fn routes(routes: SysRoutes) -> SysRoutes {
    routes
        .at("leases/revoke")
        .write(revoke)
        .at("leases/revoke/{url_lease_id...}")
        .write(revoke_by_url)
        .at("leases/revoke-prefix/{prefix...}")
        .write(revoke_prefix)
        .sudo()
        .at("leases/revoke-force/{prefix...}")
        .write(revoke_force)
        .sudo()
        .at("leases/tidy")
        .write(tidy)
}

/// For whoever wants to hear that it is done.
const HELD: &str = "this is a restored copy: the lease is revoked when revocations are released (sys/leases/release)";

/// Revokes a lease. What is gone already counts as revoked.
#[derive(Request)]
struct Revoke {
    /// Identifier of the lease.
    lease_id: String,
    /// Tell if it fails; otherwise a failure is logged and tried again.
    sync: bool,
}

/// Revokes the lease of the path. What is gone already counts as revoked.
#[derive(Request)]
struct RevokeByUrl {
    /// Identifier of the lease.
    #[capture]
    url_lease_id: String,
    /// Tell if it fails; otherwise a failure is logged and tried again.
    sync: bool,
}

/// Revokes all leases and logins below a path.
#[derive(Request)]
struct RevokePrefix {
    /// The path.
    #[capture]
    prefix: String,
    /// Tell if one fails; otherwise failures are logged and tried again.
    sync: bool,
}

/// Revokes all leases and logins below a path, and forgets those that cannot be revoked. What they stand for stays behind.
#[derive(Request)]
struct RevokeForce {
    /// The path.
    #[capture]
    prefix: String,
}

/// Ends at once what has expired, as the server does by itself all the time.
#[derive(Request)]
struct Tidy {}

async fn revoke_by_url(call: &Call<'_>, ask: RevokeByUrl) -> Result<(), Fault> {
    revoke(call, Revoke { lease_id: ask.url_lease_id, sync: ask.sync }).await
}

async fn revoke(call: &Call<'_>, ask: Revoke) -> Result<(), Fault> {
    let id = named(ask.lease_id)?;
    if let Some(entry) = stored_login(call.kernel, &id).await? {
        return token::revoke(call.kernel, &entry.ident).await.map(drop);
    }
    if ask.sync && call.kernel.hold_back(&id).await? {
        return Err(Fault::unavailable(HELD));
    }
    if ask.sync { lease::revoke(call.kernel, &id).await } else { lease::revoke_now_or_later(call.kernel, &id).await }
}

async fn revoke_prefix(call: &Call<'_>, ask: RevokePrefix) -> Result<(), Fault> {
    let way = if ask.sync { lease::Way::Now } else { lease::Way::Soon };
    match lease::revoke_prefix(call.kernel, &below(ask.prefix)?, way).await? {
        Some(failure) if ask.sync => Err(failure),
        // It is in the log already, and the lease in the hands of the expiry job.
        _ => Ok(()),
    }
}

async fn revoke_force(call: &Call<'_>, ask: RevokeForce) -> Result<(), Fault> {
    lease::revoke_prefix(call.kernel, &below(ask.prefix)?, lease::Way::Force).await.map(drop)
}

/// Without a path it would be everything, which nobody means.
fn below(prefix: String) -> Result<String, Fault> {
    if prefix.is_empty() { Err(Fault::bad_request("prefix must be specified")) } else { Ok(prefix) }
}

async fn tidy(call: &Call<'_>, _: Tidy) -> Result<Status<Warned<()>>, Fault> {
    jobs::tidy(call.kernel).await?;
    let done =
        "The tidy operation is done, as far as there was something to do. Anything noteworthy is in the server's log.";
    Ok(Status(202, Warned((), vec![done.to_owned()])))
}
