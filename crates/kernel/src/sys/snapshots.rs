//! `sys/storage/raft/snapshot-auto`: snapshots on a schedule, with the names of Vault Enterprise.
use super::{Call, SysRoutes};
use crate::rows::{SNAPSHOT_PLANS, SNAPSHOT_STATES};
use crate::snapshots::{Plan, PlanState, Target, at_once, check_remote};
use kw_engine::{Data, Keys};
use kw_schema::{Nothing, Request, Response};
use kw_store::Page;
use kw_types::{Fault, Secret, Time, Ttl};
use serde::Serialize;
use std::path::{Component, Path};

pub(super) fn routes(routes: SysRoutes) -> SysRoutes {
    routes
        .at("storage/raft/snapshot-auto/config")
        .list(list)
        .sudo()
        .at("storage/raft/snapshot-auto/config/{name}")
        .read(read)
        .sudo()
        .write(write)
        .sudo()
        .delete(delete)
        .sudo()
        .at("storage/raft/snapshot-auto/status/{name}")
        .read(status)
}

/// The shortest interval.
const INTERVAL_MIN: Ttl = Ttl::from_seconds(60);

async fn list(call: &Call<'_>, _: Nothing) -> Result<Keys, Fault> {
    Ok(Keys::from(call.kernel.view(SNAPSHOT_PLANS).names("", Page::default()).await?))
}

/// Sets a plan as a whole, and takes the first snapshot at once. Each is restored into a scratch store before older ones go.
#[derive(Request)]
struct Write {
    /// The plan's name.
    #[capture]
    name: String,
    /// From the beginning of one snapshot to that of the next; a minute at least.
    #[field(required)]
    interval: Ttl,
    /// How many snapshots are kept; 0 keeps all.
    #[field(default = "1")]
    retain: u64,
    /// How long snapshots are kept; 0 keeps them for ever. The newest is kept in any case.
    retain_age: Ttl,
    /// What the files' names begin with.
    #[field(default = "keywright-snapshot")]
    file_prefix: String,
    /// For `local`, the absolute path of a directory on the node that takes the snapshot; for `http`, folders below the URL.
    path_prefix: String,
    /// `local` or `http`.
    #[field(required)]
    storage_type: String,
    /// For `local`: the most bytes that the plan's files may have together; 0 is no bound.
    local_max_space: u64,
    /// For `http`: where files are sent by PUT and removed by DELETE, below `path_prefix` and by their names.
    http_url: String,
    /// For `http`: the name of a header to send along, such as `Authorization`.
    http_header_name: String,
    /// For `http`: the header's value.
    http_header_value: Secret<String>,
}

async fn write(call: &Call<'_>, ask: Write) -> Result<(), Fault> {
    let kernel = call.kernel;
    let (name, plan) = plan_of(ask)?;
    kernel
        .transact(async |txn| {
            let rows = txn.rescoped(SNAPSHOT_PLANS);
            for other in rows.view().names("", Page::default()).await? {
                let taken = rows.view().get::<Plan>(&other).await?;
                if other != name && taken.is_some_and(|taken| have_same_files(&taken, &plan)) {
                    return Err(Fault::bad_request(
                        "another plan has the same file_prefix at the same place: each would remove the other's files",
                    ));
                }
            }
            rows.put(&name, &plan)?;
            let states = txn.rescoped(SNAPSHOT_STATES);
            let state = states.view().get::<PlanState>(&name).await?;
            states.put(&name, &at_once(state, kernel.now()))
        })
        .await
}

fn plan_of(ask: Write) -> Result<(String, Plan), Fault> {
    if ask.interval < INTERVAL_MIN {
        return Err(Fault::bad_request("interval must be a minute at least"));
    }
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    for (field, text) in [("name", &ask.name), ("file_prefix", &ask.file_prefix)] {
        if text.is_empty() || text.len() > 100 || text.starts_with('.') || !text.chars().all(is_plain) {
            return Err(Fault::bad_request(format!(
                "{field} must be of letters, digits, '-', '_' and '.', 100 at most, and not begin with '.'"
            )));
        }
    }
    let target = match ask.storage_type.as_str() {
        "local" => {
            let path = Path::new(&ask.path_prefix);
            if !path.is_absolute() || path.components().any(|c| c == Component::ParentDir) {
                return Err(Fault::bad_request("path_prefix must be an absolute path without '..'"));
            }
            Target::Local { max_space: ask.local_max_space }
        }
        "http" => {
            Target::Http { url: ask.http_url, header_name: ask.http_header_name, header_value: ask.http_header_value }
        }
        _ => return Err(Fault::bad_request("storage_type must be local or http")),
    };
    let plan = Plan {
        interval: ask.interval,
        retain: ask.retain,
        retain_age: ask.retain_age,
        file_prefix: ask.file_prefix,
        path_prefix: ask.path_prefix,
        target,
    };
    if let Target::Http { .. } = plan.target {
        check_remote(&plan)?;
    }
    Ok((ask.name, plan))
}

fn have_same_files(one: &Plan, other: &Plan) -> bool {
    let place = |plan: &Plan| match &plan.target {
        Target::Local { .. } => String::new(),
        Target::Http { url, .. } => url.trim_end_matches('/').to_owned(),
    };
    let path = |plan: &Plan| plan.path_prefix.trim_matches('/').to_owned();
    one.file_prefix == other.file_prefix && path(one) == path(other) && place(one) == place(other)
}

/// Shows a plan, without its secret.
#[derive(Request)]
struct Read {
    /// The plan's name.
    #[capture]
    name: String,
}

#[derive(Serialize, Response)]
struct PlanAnswer {
    #[field(kind = "Integer")]
    interval: Ttl,
    #[field(kind = "Integer")]
    retain: u64,
    #[field(kind = "Integer")]
    retain_age: Ttl,
    file_prefix: String,
    path_prefix: String,
    storage_type: &'static str,
    #[field(kind = "Integer")]
    local_max_space: u64,
    http_url: String,
    http_header_name: String,
}

async fn read(call: &Call<'_>, ask: Read) -> Result<Option<Data<PlanAnswer>>, Fault> {
    let plan = call.kernel.view(SNAPSHOT_PLANS).get::<Plan>(&ask.name).await?;
    Ok(plan.map(|plan| {
        let storage_type = plan.target.kind();
        let (local_max_space, http_url, http_header_name) = match plan.target {
            Target::Local { max_space } => (max_space, String::new(), String::new()),
            Target::Http { url, header_name, .. } => (0, url, header_name),
        };
        Data(PlanAnswer {
            interval: plan.interval,
            retain: plan.retain,
            retain_age: plan.retain_age,
            file_prefix: plan.file_prefix,
            path_prefix: plan.path_prefix,
            storage_type,
            local_max_space,
            http_url,
            http_header_name,
        })
    }))
}

/// Deletes a plan. The snapshots that it has taken stay where they are.
#[derive(Request)]
struct Delete {
    /// The plan's name.
    #[capture]
    name: String,
}

async fn delete(call: &Call<'_>, ask: Delete) -> Result<(), Fault> {
    call.kernel
        .transact(async |txn| {
            txn.rescoped(SNAPSHOT_PLANS).delete(&ask.name);
            txn.rescoped(SNAPSHOT_STATES).delete(&ask.name);
            Ok(())
        })
        .await
}

/// Shows how a plan's snapshots went.
#[derive(Request)]
struct Status {
    /// The plan's name.
    #[capture]
    name: String,
}

#[derive(Serialize, Response)]
struct StatusAnswer {
    /// How many attempts have failed since the last that did not.
    #[field(kind = "Integer")]
    consecutive_errors: u32,
    /// When the last attempt began and ended; empty before the first.
    last_snapshot_start: String,
    last_snapshot_end: String,
    /// Why it failed; empty if it did not.
    last_snapshot_error: String,
    /// The newest snapshot that was taken and rehearsed: where it is, and when it was taken.
    last_snapshot_url: String,
    snapshot_start: String,
    /// Its bytes.
    #[field(kind = "Integer")]
    last_snapshot_bytes: u64,
    /// When it was restored into a scratch store, and how many rows that was, all of which decrypted.
    rehearsed: String,
    #[field(kind = "Integer")]
    rehearsed_rows: u64,
    /// When the next one is due.
    next_snapshot_start: String,
}

async fn status(call: &Call<'_>, ask: Status) -> Result<Option<Data<StatusAnswer>>, Fault> {
    let state = call.kernel.view(SNAPSHOT_STATES).get::<PlanState>(&ask.name).await?;
    let text = |time: Time| if time == Time::ZERO { String::new() } else { time.rfc3339() };
    Ok(state.map(|state| {
        let last = state.last.as_ref();
        Data(StatusAnswer {
            consecutive_errors: state.errors,
            last_snapshot_start: text(state.started),
            last_snapshot_end: text(state.ended),
            last_snapshot_error: state.error.clone(),
            last_snapshot_url: last.map(|l| l.url.clone()).unwrap_or_default(),
            snapshot_start: last.map(|l| text(l.taken)).unwrap_or_default(),
            last_snapshot_bytes: last.map_or(0, |l| l.bytes),
            rehearsed: last.map(|l| text(l.rehearsed)).unwrap_or_default(),
            rehearsed_rows: last.map_or(0, |l| l.rows),
            next_snapshot_start: text(state.next),
        })
    }))
}
