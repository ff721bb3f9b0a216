//! `auth/token/`: making, showing, renewing and revoking tokens over the API.
mod accessors;
mod create;
mod lookup;
mod policies;
mod renew;
mod revoke;
mod roles;
mod tidy;

use crate::sys::SysRoutes;

/// The table of `auth/token/`.
pub(crate) fn routes(routes: SysRoutes) -> SysRoutes {
    let routes = create::routes(routes);
    let routes = lookup::routes(routes);
    let routes = renew::routes(routes);
    let routes = revoke::routes(routes);
    let routes = accessors::routes(routes);
    let routes = roles::routes(routes);
    tidy::routes(routes)
}
