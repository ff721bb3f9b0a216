//! Taking a credential back.
use super::row::{self, AT_ONCE, LeaseRow, LeaseState};
use crate::kernel::Kernel;
use crate::pace::{SLICE, give_way};
use kw_store::Txn;
use kw_types::{Fault, Ttl};

/// After so many failures a lease is irrevocable: tried no more, shown by `sys/leases?type=irrevocable`.
const FAILURES_MAX: u32 = 6;

/// Revokes: the engine undoes the credential, then the lease is gone. Nothing to do is success. A credential that is being
/// made at this moment is not touched, since one cannot take back what is not there yet: it is marked, and its maker does it.
/// On a restored copy, what may be in use elsewhere is set aside until the release.
///
/// Errors: what the engine says; the lease is then still there.
pub(crate) async fn revoke(kernel: &Kernel, id: &str) -> Result<(), Fault> {
    if kernel.hold_back(id).await? {
        return Ok(());
    }
    undo(kernel, id, By::Other).await
}

/// Who revokes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    /// The one who made the credential, and will not make it again.
    Maker,
    Other,
}

/// What a maker does whose credential is not wanted any more. Others may have taken him for dead and be done with the lease
/// before the credential was there; then its row is put back first, so that it is found if he dies now.
pub(super) async fn take_back(kernel: &Kernel, made: &LeaseRow) -> Result<(), Fault> {
    kernel
        .transact(async |txn| {
            if row::get(txn.view(), &made.id).await?.is_none() {
                let row = LeaseRow { state: LeaseState::Ending, expires: AT_ONCE, ..made.clone() };
                row.put(txn, None)?;
            }
            Ok(())
        })
        .await?;
    or_later(kernel, &made.id, undo(kernel, &made.id, By::Maker).await).await
}

async fn undo(kernel: &Kernel, id: &str, by: By) -> Result<(), Fault> {
    let table = kernel.mounts.current(kernel).await?;
    kernel
        .transact(async |txn| {
            let Some(row) = row::get(txn.view(), id).await? else { return Ok(()) };
            if by == By::Other && row.is_being_made(kernel.now()) {
                return leave_to_maker(txn, row);
            }
            if let Some(mount) = table.by_uuid_or_leaving(&row.mount_uuid) {
                let kind = kernel.registry.lease_kind(&mount.kind, &row.kind);
                let kind =
                    kind.ok_or_else(|| Fault::internal(format_args!("no lease kind {} in {}", row.kind, mount.kind)))?;
                let cx = kernel.cx(mount, &row.path, None, None);
                let prefix = mount.rows_prefix();
                (kind.revoke)(&cx, txn.rescoped(&prefix), &row.data).await?;
            }
            row.delete(txn);
            match row.abandoned(kernel.now()).filter(|_| by == By::Other) {
                Some(left) => left.put(txn, None),
                None => Ok(()),
            }
        })
        .await
}

/// The row as its maker and the expiry job find it: at its end when the maker must be done.
fn leave_to_maker(txn: Txn<'_>, mut row: LeaseRow) -> Result<(), Fault> {
    if row.state == LeaseState::Ending && row.expires == row.made_by() {
        return Ok(());
    }
    let before = row.expires;
    row.state = LeaseState::Ending;
    row.expires = row.made_by();
    row.put(txn, Some(before))
}

/// Lets leases end at once without asking their engines: the expiry job takes the credentials back, tries again where that
/// fails, and gives up like on any other. None of them can be renewed any more.
pub(crate) async fn end_soon(kernel: &Kernel, txn: Txn<'_>, ids: &[String]) -> Result<(), Fault> {
    let now = kernel.now();
    for (n, id) in ids.iter().enumerate() {
        if n % SLICE == SLICE - 1 {
            give_way().await;
        }
        let Some(mut row) = row::get(txn.view(), id).await? else { continue };
        let is_known = matches!(row.state, LeaseState::Irrevocable | LeaseState::Abandoned) || row.failures > 0;
        if is_known || row.expires <= now {
            continue;
        }
        if row.is_being_made(now) {
            leave_to_maker(txn, row)?;
            continue;
        }
        let before = std::mem::replace(&mut row.expires, AT_ONCE);
        row.renewable = false;
        row.put(txn, Some(before))?;
    }
    Ok(())
}

/// Revokes, or leaves it to the expiry job, which tries again later.
pub(crate) async fn revoke_now_or_later(kernel: &Kernel, id: &str) -> Result<(), Fault> {
    or_later(kernel, id, revoke(kernel, id).await).await
}

async fn or_later(kernel: &Kernel, id: &str, done: Result<(), Fault>) -> Result<(), Fault> {
    match done {
        Ok(()) => Ok(()),
        Err(fault) => later(kernel, id, &fault).await,
    }
}

/// Leaves a lease that could not be revoked to the expiry job.
pub(super) async fn later(kernel: &Kernel, id: &str, fault: &Fault) -> Result<(), Fault> {
    tracing::warn!(lease = id, %fault, "a lease could not be revoked; it will be tried again");
    kernel.transact(async |txn| postpone(kernel, txn, id, fault).await).await
}

/// Drops a lease without asking the engine: `revoke-force`.
pub(crate) async fn drop_row(kernel: &Kernel, id: &str) -> Result<(), Fault> {
    kernel
        .transact(async |txn| {
            if let Some(row) = row::get(txn.view(), id).await? {
                row.delete(txn);
            }
            Ok(())
        })
        .await
}

async fn postpone(kernel: &Kernel, txn: Txn<'_>, id: &str, fault: &Fault) -> Result<(), Fault> {
    let Some(row) = row::get(txn.view(), id).await? else { return Ok(()) };
    let before = row.expires;
    let failure = fault.public().join("; ");
    let mut row = LeaseRow { failures: row.failures + 1, failure, state: LeaseState::Ending, ..row };
    if row.failures >= FAILURES_MAX {
        row.state = LeaseState::Irrevocable;
        tracing::error!(
            lease = id,
            "a lease is irrevocable after {FAILURES_MAX} tries; see sys/leases?type=irrevocable"
        );
    }
    // 10 s, 20 s, 40 s ...: a peer that is down is not helped by being asked every second.
    let pause = Ttl::from_seconds(10 << row.failures.min(8).saturating_sub(1));
    row.expires = kernel.now().plus(pause);
    row.put(txn, Some(before))
}
