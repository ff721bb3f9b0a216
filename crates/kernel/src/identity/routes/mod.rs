//! The `identity/` table.
mod entity;
mod entity_alias;
mod group;
mod group_alias;
mod listing;
mod lookup;
mod shown;

use crate::rows::IDENTITY;
use crate::sys::{Call, SysRoutes};
use kw_store::Txn;
use kw_types::Fault;

/// Adds the routes of identity.
pub(crate) fn routes(routes: SysRoutes) -> SysRoutes {
    let routes = entity::routes(routes);
    let routes = entity_alias::routes(routes);
    let routes = group::routes(routes);
    let routes = group_alias::routes(routes);
    lookup::routes(routes)
}

/// Runs `work` in a transaction on the rows of identity.
async fn change<T>(call: &Call<'_>, work: impl AsyncFn(Txn<'_>) -> Result<T, Fault>) -> Result<T, Fault> {
    call.kernel.transact(async |txn| work(txn.rescoped(IDENTITY)).await).await
}
