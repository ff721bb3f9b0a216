//! Moving a mount to another path. Its rows stay where they are, since they belong to its identifier; leases and tokens have the
//! old path in their names and are revoked.
use super::change::change;
use super::disable::{hurry, leave_to_request};
use super::sort::is_reserved;
use crate::departures::{Departure, Move};
use crate::kernel::Kernel;
use crate::mounts::MountTable;
use crate::rows::{DEPARTURES, MOUNTS, MOVES};
use crate::sys::Call;
use crate::sys::routes::Flat;
use kw_engine::{Data, Mount, Request, Response};
use kw_store::{Page, Txn};
use kw_types::{Fault, MountPath, RngExt, Ttl};
use serde::Serialize;

/// Moves a mount to another path. All that is stored moves with it; leases and tokens that it gave out are revoked.
#[derive(Request)]
pub(super) struct Remount {
    /// The path of the mount; that of an auth method begins with `auth/`.
    from: String,
    /// The path it is to have.
    to: String,
}

/// Shows how a move stands.
#[derive(Request)]
pub(super) struct Status {
    /// What `sys/remount` answered.
    #[capture]
    id: String,
}

#[derive(Serialize, Response)]
pub(super) struct Started {
    /// To ask `sys/remount/status` with.
    #[field(kind = "Text")]
    migration_id: String,
}

#[derive(Serialize, Response)]
pub(super) struct Migration {
    #[field(kind = "Text")]
    migration_id: String,
    /// Source, target, and `in-progress` or `success`.
    migration_info: MigrationInfo,
}

#[derive(Serialize)]
struct MigrationInfo {
    source_mount: String,
    target_mount: String,
    status: &'static str,
}

/// How long a move that is done can be asked for.
const KEPT: Ttl = Ttl::from_hours(24);

pub(super) async fn remount(call: &Call<'_>, ask: Remount) -> Result<Flat<Data<Started>>, Fault> {
    let kernel = call.kernel;
    if ask.from.is_empty() || ask.to.is_empty() {
        return Err(Fault::bad_request("both 'from' and 'to' path must be specified as a string"));
    }
    let from = MountPath::parse(&ask.from).map_err(Fault::bad_request)?;
    let to = MountPath::parse(&ask.to).map_err(Fault::bad_request)?;
    let id = kernel.rng.uuid();
    let departure = change(kernel, async |txn, table| {
        let mount = movable(kernel, table, &from, &to)?;
        let departure = Departure {
            id: id.clone(),
            mount: mount.clone(),
            target: Some(to.clone()),
            next: leave_to_request(kernel),
        };
        let moved = Mount { path: to.clone(), ..mount };
        txn.rescoped(MOUNTS).delete(from.as_str());
        txn.rescoped(MOUNTS).put(to.as_str(), &moved)?;
        txn.rescoped(DEPARTURES).put(&id, &departure)?;
        forget_old(kernel, txn).await?;
        let row = Move { source: from.to_string(), target: to.to_string(), is_done: false, began: kernel.now() };
        txn.rescoped(MOVES).put(&id, &row)?;
        Ok(departure)
    })
    .await?;
    hurry(kernel, &departure).await;
    Ok(Flat(Data(Started { migration_id: id })))
}

pub(super) async fn status(call: &Call<'_>, ask: Status) -> Result<Option<Data<Migration>>, Fault> {
    let row = call.kernel.view(MOVES).get::<Move>(&ask.id).await?;
    Ok(row.map(|row| {
        let status = if row.is_done { "success" } else { "in-progress" };
        let migration_info = MigrationInfo { source_mount: row.source, target_mount: row.target, status };
        Data(Migration { migration_id: ask.id, migration_info })
    }))
}

/// The mount, if it may go there.
fn movable(kernel: &Kernel, table: &MountTable, from: &MountPath, to: &MountPath) -> Result<Mount, Fault> {
    let (is_auth, to_auth) = (from.as_str().starts_with("auth/"), to.as_str().starts_with("auth/"));
    if (is_reserved(to) && !to_auth) || to.as_str() == "auth/" || (to_auth && !is_auth) {
        return Err(Fault::bad_request(format!("cannot remount to destination {to}")));
    }
    if is_auth && !to_auth {
        return Err(Fault::bad_request(format!("cannot remount auth mount to non-auth mount {to:?}")));
    }
    let mount = table.exact(from.as_str());
    if is_reserved(from) && !is_auth || mount.is_some_and(|m| kernel.is_built_in(m)) {
        return Err(Fault::bad_request(format!("cannot remount {:?}", from.as_str())));
    }
    let mount = mount.ok_or_else(|| Fault::bad_request(format!("no matching mount at {:?}", from.as_str())))?;
    if let Some(other) = table.overlap(to.as_str()) {
        return Err(Fault::bad_request(format!("path already in use at {:?}", other.path.as_str())));
    }
    Ok(Mount::clone(mount))
}

/// Moves of long ago need not be kept.
async fn forget_old(kernel: &Kernel, txn: Txn<'_>) -> Result<(), Fault> {
    let rows = txn.rescoped(MOVES);
    for id in rows.view().names("", Page::default()).await? {
        let row = rows.view().get::<Move>(&id).await?;
        if row.is_some_and(|r| r.is_done && kernel.now().since(r.began) > KEPT) {
            rows.delete(&id);
        }
    }
    Ok(())
}
