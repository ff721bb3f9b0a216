//! `sys/leases/`: looking at leases, renewing and revoking them.
mod held;
mod irrevocable;
mod lookup;
mod renew;
mod revoke;

use super::{Call, SysRoutes};
use kw_types::Fault;

pub(super) fn routes(routes: SysRoutes) -> SysRoutes {
    let routes = lookup::routes(routes);
    let routes = renew::routes(routes);
    let routes = revoke::routes(routes);
    let routes = held::routes(routes);
    irrevocable::routes(routes)
}

/// Errors: 400 when no lease is named.
fn named(id: String) -> Result<String, Fault> {
    if id.is_empty() { Err(Fault::bad_request("lease_id must be specified")) } else { Ok(id) }
}
