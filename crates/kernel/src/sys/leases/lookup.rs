//! `sys/leases/lookup`.
use super::{Call, SysRoutes, named};
use crate::answer::shown;
use crate::kernel::Kernel;
use crate::lease;
use crate::pace::give_way;
use crate::rows::LEASES;
use crate::token::{TokenEntry, Tokens};
use kw_engine::{Data, Keys, Page};
use kw_schema::{Request, Response};
use kw_types::{Fault, Ttl};
use serde::Serialize;

pub(super) fn routes(routes: SysRoutes) -> SysRoutes {
    routes.at("leases/lookup").write(lookup).at("leases/lookup/{prefix...}").list(list).sudo()
}

/// Shows a lease.
#[derive(Request)]
struct Lookup {
    /// Identifier of the lease.
    lease_id: String,
}

/// Lists what lies below a path: leases, and folders of them.
#[derive(Request)]
struct List {
    /// The path; empty for the top.
    #[capture]
    prefix: String,
    /// Only names after this one.
    after: String,
    /// At most so many; 0 or less means all.
    limit: i64,
}

/// A lease, as shown.
#[derive(Serialize, Response)]
struct LeaseView {
    #[field(kind = "Time")]
    expire_time: Option<String>,
    id: String,
    #[field(kind = "Time")]
    issue_time: String,
    /// Null: never renewed.
    #[field(kind = "Time")]
    last_renewal: Option<String>,
    /// The path of the request that it came from.
    #[field(kind = "Text")]
    path: String,
    #[field(kind = "Bool")]
    renewable: bool,
    /// Seconds left.
    #[field(kind = "Integer")]
    ttl: Ttl,
}

async fn lookup(call: &Call<'_>, ask: Lookup) -> Result<Data<LeaseView>, Fault> {
    let (kernel, now) = (call.kernel, call.kernel.now());
    let id = named(ask.lease_id)?;
    if let Some(lease) = lease::get(kernel.view(""), &id).await? {
        return Ok(Data(LeaseView {
            // One that is to end at once has no moment of its own.
            expire_time: Some(shown(lease.expires.max(lease.issued))),
            id,
            issue_time: shown(lease.issued),
            last_renewal: lease.last_renewal.map(shown),
            path: lease.path,
            renewable: lease.renewable,
            ttl: lease.expires.left(now),
        }));
    }
    let token = of_login(kernel, &id).await?.ok_or_else(|| Fault::bad_request("invalid lease"))?;
    Ok(Data(LeaseView {
        expire_time: token.expires.map(shown),
        id,
        issue_time: shown(token.created),
        last_renewal: token.last_renewal.map(shown),
        renewable: token.renewable,
        ttl: token.ttl_left(now),
        path: token.path,
    }))
}

/// The token whose login this lease is.
pub(super) async fn of_login(kernel: &Kernel, id: &str) -> Result<Option<TokenEntry>, Fault> {
    let ident = id.rsplit('/').next().unwrap_or_default();
    Ok(Tokens::by_ident(kernel, ident).await?.filter(|token| token.lease_id() == id))
}

/// The same for whoever revokes it: its time may be up by this node's clock alone.
pub(super) async fn stored_login(kernel: &Kernel, id: &str) -> Result<Option<TokenEntry>, Fault> {
    let ident = id.rsplit('/').next().unwrap_or_default();
    Ok(Tokens::stored_by_ident(kernel, ident).await?.filter(|token| token.lease_id() == id))
}

/// How many names are read before requests go on.
const STEP: usize = 256;

/// The longest listing. A longer one would be tens of megabytes, and nobody reads it at one go.
const LIST_MAX: usize = 250_000;

async fn list(call: &Call<'_>, ask: List) -> Result<Keys, Fault> {
    let prefix = ask.prefix.trim_end_matches('/');
    let folder = if prefix.is_empty() { String::new() } else { format!("{prefix}/") };
    let asked = usize::try_from(ask.limit).ok().filter(|limit| *limit > 0);
    let limit = [asked, call.list_limit].into_iter().flatten().min();
    let (view, mut keys, mut after) = (call.kernel.view(LEASES), Vec::new(), ask.after);
    while limit.is_none_or(|limit| keys.len() < limit) {
        let step = limit.map_or(STEP, |limit| STEP.min(limit - keys.len()));
        let found = view.children(&folder, Page::new(&after, step)).await?;
        let Some(last) = found.last() else { break };
        after.clone_from(last);
        keys.extend(found);
        if keys.len() > LIST_MAX {
            let text = format!("there are more than {LIST_MAX} names: list them in parts, with limit and after");
            return Err(Fault::bad_request(text));
        }
        give_way().await;
    }
    Ok(keys.into())
}
