//! What happens when time is up.
use super::lanes::{Lanes, Step};
use super::row::{self, LeaseState};
use super::walk::{Due, Kind, Walk};
use crate::kernel::Kernel;
use crate::pace::{BATCH, SLICE, give_way};
use crate::rows::{EXPIRY, TOKENS, expiry};
use crate::token::{TokenEntry, revoke_entry};
use kw_store::Txn;
use kw_types::{Fault, FaultKind};

/// Ends tokens whose time is up, the oldest first, about `max` at most. What hangs on them is queued.
///
/// Errors: those of the store; what was not ended yet is found again.
pub(crate) async fn expire_tokens(kernel: &Kernel, walk: &mut Walk, max: usize) -> Result<(), Fault> {
    walk.resume(kernel.now());
    let mut done = 0;
    while done < max {
        let due = walk.next(kernel, Kind::Token).await?;
        if due.is_empty() {
            return Ok(());
        }
        for some in due.chunks(BATCH) {
            end_tokens(kernel, some).await?;
            give_way().await;
        }
        done += due.len();
    }
    Ok(())
}

/// Revokes leases whose time is up, about `max` at most, and returns when that is done. Peers that are slow to take credentials
/// back keep only the credentials of their own mounts waiting.
///
/// Errors: those of the store; what was not revoked yet is found again.
pub(crate) async fn revoke_due(kernel: &Kernel, walk: &mut Walk, max: usize) -> Result<(), Fault> {
    walk.resume(kernel.now());
    let (mut lanes, mut taken, mut is_over) = (Lanes::new(), 0, false);
    loop {
        while !is_over && taken < max && lanes.have_room() {
            let due = walk.next(kernel, Kind::Lease).await?;
            is_over = due.is_empty();
            let table = kernel.mounts.current(kernel).await?;
            let found = due.len();
            let welcome = lanes.welcome(&table, due);
            if welcome.len() < found {
                walk.leave_some();
            }
            for some in welcome.chunks(BATCH) {
                let ids = kernel.transact(async |txn| due_leases(kernel, txn, some).await).await?;
                taken += ids.len();
                lanes.queue(&table, ids);
                give_way().await;
            }
        }
        match lanes.step(kernel).await? {
            Step::Idle => return Ok(()),
            Step::Ended => {}
            // Some lanes may be stuck for long; what is due by now of other mounts must not wait for them.
            Step::Waited => {
                walk.resume(kernel.now());
                is_over = false;
            }
        }
    }
}

/// A batch of tokens in one transaction; if that fails for one that cannot be read, one by one without it.
async fn end_tokens(kernel: &Kernel, due: &[Due]) -> Result<(), Fault> {
    match end_batch(kernel, due).await {
        Err(fault) if fault.kind() == FaultKind::Internal => {}
        done => return done,
    }
    for one in due {
        match end_batch(kernel, std::slice::from_ref(one)).await {
            Err(fault) if fault.kind() == FaultKind::Internal => {
                tracing::error!(token = one.id, %fault, "a token cannot be read; it will never be taken as valid");
                forget(kernel, one).await?;
            }
            done => done?,
        }
    }
    Ok(())
}

async fn end_batch(kernel: &Kernel, due: &[Due]) -> Result<(), Fault> {
    let ended = kernel
        .transact(async |txn| {
            let (rows, index) = (txn.rescoped(TOKENS), txn.rescoped(EXPIRY));
            let mut ended = 0;
            for (n, Due { name, id }) in due.iter().enumerate() {
                if n % SLICE == SLICE - 1 {
                    give_way().await;
                }
                let entry = rows.view().get::<TokenEntry>(id).await?;
                let is_its_own =
                    entry.as_ref().and_then(|e| e.expires).is_some_and(|end| expiry(end, 't', id) == *name);
                match entry {
                    Some(entry) if entry.is_expired(kernel.now()) => {
                        revoke_entry(txn, &entry);
                        ended += 1;
                    }
                    // The clock went back since this was found.
                    _ if is_its_own => continue,
                    _ => {}
                }
                // The token was read in this transaction: had it got this row back meanwhile, the commit would fail.
                index.delete(name);
            }
            Ok(ended)
        })
        .await?;
    kernel.counters.expired.add(ended);
    Ok(())
}

async fn forget(kernel: &Kernel, due: &Due) -> Result<(), Fault> {
    kernel
        .transact(async |txn| {
            txn.rescoped(EXPIRY).delete(&due.name);
            Ok(())
        })
        .await
}

/// Those whose time is up by their own rows. An index row that its lease does not have (any more) goes, and the one that it
/// should have is put; the lease was read in this transaction, so a renewal meanwhile makes the commit fail.
async fn due_leases(kernel: &Kernel, txn: Txn<'_>, due: &[Due]) -> Result<Vec<String>, Fault> {
    let index = txn.rescoped(EXPIRY);
    let mut ids = Vec::with_capacity(due.len());
    for (n, Due { name, id }) in due.iter().enumerate() {
        if n % SLICE == SLICE - 1 {
            give_way().await;
        }
        let row = match row::get(txn.view(), id).await {
            Ok(row) => row,
            Err(fault) if fault.kind() == FaultKind::Internal => {
                super::lanes::put_off(kernel, txn, id, name, &fault);
                continue;
            }
            Err(fault) => return Err(fault),
        };
        let own = row.as_ref().map(|row| expiry(row.expires, 'l', id));
        let is_due = row.as_ref().is_some_and(|row| row.expires <= kernel.now());
        if own.as_ref() != Some(name) {
            index.delete(name);
        }
        match row {
            Some(row) if row.state == LeaseState::Irrevocable => index.delete(name),
            Some(_) if is_due => ids.push(id.clone()),
            Some(_) if own.as_ref() != Some(name) => index.put_bytes(&own.unwrap_or_default(), ""),
            _ => {}
        }
    }
    Ok(ids)
}

#[cfg(test)]
mod tests;
