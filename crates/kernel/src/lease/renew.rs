//! Giving a lease more time.
use super::row::{self, LeaseRow, LeaseState};
use crate::kernel::Kernel;
use kw_engine::Terms;
use kw_types::{Fault, Ttl};

/// Renews; `increment` counts from now, zero means what the lease had at first. Gives the lease as it then is, and the time that
/// it was given.
///
/// Errors: 400 when there is no such lease, it is not renewable, or it is at its end.
pub(crate) async fn renew(kernel: &Kernel, id: &str, increment: Ttl) -> Result<(LeaseRow, Ttl), Fault> {
    let table = kernel.mounts.current(kernel).await?;
    kernel
        .transact(async |txn| {
            let now = kernel.now();
            let row = row::get(txn.view(), id).await?.filter(|r| r.state == LeaseState::Active && r.expires > now);
            let mut row = row.ok_or_else(|| Fault::bad_request("lease not found"))?;
            if !row.renewable {
                return Err(Fault::bad_request("lease is not renewable"));
            }
            let mount =
                table.by_uuid(&row.mount_uuid).ok_or_else(|| Fault::bad_request("the lease's mount is gone"))?;
            let kind = kernel.registry.lease_kind(&mount.kind, &row.kind);
            let kind =
                kind.ok_or_else(|| Fault::internal(format_args!("no lease kind {} in {}", row.kind, mount.kind)))?;
            let cx = kernel.cx(mount, &row.path, None, None);
            let asked = Terms { ttl: increment.or(row.ttl), max_ttl: row.ends.since(row.issued), renewable: true };
            let prefix = mount.rows_prefix();
            let terms = (kind.renew)(&cx, txn.rescoped(&prefix), &row.data, asked).await?;
            let before = row.expires;
            row.ends = row.issued.plus(terms.max_ttl.capped(cx.max_ttl()));
            let ttl = terms.ttl.or(cx.default_ttl()).min(row.ends.left(now));
            if ttl.is_zero() {
                return Err(Fault::bad_request("past the max TTL, cannot renew"));
            }
            row.expires = now.plus(ttl);
            row.last_renewal = Some(now);
            row.put(txn, Some(before))?;
            Ok((row, ttl))
        })
        .await
}
