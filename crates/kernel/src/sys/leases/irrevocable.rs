//! `sys/leases` and `sys/leases/count`: leases that could not be revoked and need an operator.
use super::{Call, SysRoutes};
use crate::lease;
use crate::pace::{BATCH, SLICE, give_way};
use crate::rows::IRREVOCABLE;
use kw_engine::{Data, Page};
use kw_schema::{Request, Response};
use kw_types::Fault;
use serde::Serialize;
use std::collections::BTreeMap;

pub(super) fn routes(routes: SysRoutes) -> SysRoutes {
    routes.at("leases").read(list).at("leases/count").read(count)
}

/// Lists leases that could not be revoked.
#[derive(Request)]
struct List {
    /// `irrevocable` is the only type there is.
    #[field(name = "type")]
    kind: String,
    /// At most so many, or `none` for all.
    #[field(default = "10000")]
    limit: String,
}

/// Counts leases that could not be revoked.
#[derive(Request)]
struct Count {
    /// `irrevocable` is the only type there is.
    #[field(name = "type")]
    kind: String,
}

#[derive(Serialize, Response)]
struct Irrevocable {
    #[field(kind = "Integer")]
    lease_count: usize,
    leases: Vec<Refused>,
}

#[derive(Serialize)]
struct Refused {
    lease_id: String,
    /// Why it could not be revoked the last time.
    error: String,
}

#[derive(Serialize, Response)]
struct Counted {
    #[field(kind = "Integer")]
    lease_count: usize,
    /// By the accessor of the mount.
    counts: BTreeMap<String, usize>,
}

async fn list(call: &Call<'_>, ask: List) -> Result<Option<Data<Irrevocable>>, Fault> {
    if ask.kind != "irrevocable" {
        return Ok(None);
    }
    let limit = match ask.limit.as_str() {
        "none" | "0" => usize::MAX,
        number => number.parse().map_err(|_| Fault::bad_request("limit must be a whole number or none"))?,
    };
    let (mut leases, mut after) = (Vec::new(), String::new());
    while leases.len() < limit {
        let page = Page::new(&after, BATCH.min(limit - leases.len()));
        let ids = call.kernel.view(IRREVOCABLE).names("", page).await?;
        let Some(last) = ids.last() else { break };
        after.clone_from(last);
        for (n, id) in ids.iter().enumerate() {
            if n % SLICE == 0 {
                give_way().await;
            }
            if let Some(lease) = lease::get(call.kernel.view(""), id).await? {
                leases.push(Refused { lease_id: lease.id, error: lease.failure });
            }
        }
    }
    Ok(Some(Data(Irrevocable { lease_count: leases.len(), leases })))
}

async fn count(call: &Call<'_>, ask: Count) -> Result<Option<Data<Counted>>, Fault> {
    if ask.kind != "irrevocable" {
        return Ok(None);
    }
    let table = call.kernel.mounts.current(call.kernel).await?;
    let (mut counts, mut lease_count, mut after) = (BTreeMap::new(), 0, String::new());
    loop {
        let ids = call.kernel.view(IRREVOCABLE).names("", Page::new(&after, BATCH * 4)).await?;
        let Some(last) = ids.last() else { break };
        after.clone_from(last);
        for id in &ids {
            let accessor = table.find(id).map_or("unknown", |(mount, _)| mount.accessor.as_str());
            *counts.entry(accessor.to_owned()).or_default() += 1;
        }
        lease_count += ids.len();
        give_way().await;
    }
    Ok(Some(Data(Counted { lease_count, counts })))
}
