//! Taking a token back, with everything that hangs on it.
use super::TokenEntry;
use crate::kernel::Kernel;
use crate::lease;
use crate::rows::{CHILDREN, EXPIRY, LEASES, REVOKING, TOKEN_LEASES, TOKEN_NAMES, TOKENS, WRAPPED, expiry};
use kw_store::{Page, Txn};
use kw_types::Fault;

/// Ends a token in a transaction: once that is committed, no node takes it any more. Its children and leases are queued; see
/// [`drain_revoking`].
pub(crate) fn revoke_entry(txn: Txn<'_>, entry: &TokenEntry) {
    txn.rescoped(TOKENS).delete(&entry.ident);
    txn.rescoped(TOKEN_NAMES).delete(&entry.mac);
    txn.rescoped(LEASES).delete(&entry.lease_id());
    txn.rescoped(WRAPPED).delete(&entry.ident);
    if let Some(end) = entry.expires {
        txn.rescoped(EXPIRY).delete(&expiry(end, 't', &entry.ident));
    }
    if let Some(parent) = &entry.parent {
        txn.rescoped(CHILDREN).delete(&format!("{parent}/{}", entry.ident));
    }
    txn.rescoped(REVOKING).put_bytes(&entry.ident, "");
}

/// Revokes what hung on dead tokens: children (which are queued in turn), leases, cubbyholes. Works the queue off until it is
/// empty or `steps` are done; gives whether it is empty.
pub(crate) async fn drain_revoking(kernel: &Kernel, steps: usize) -> Result<bool, Fault> {
    let mut left = steps;
    loop {
        let queue = kernel.view(REVOKING).names("", Page { after: "", limit: 64 }).await?;
        if queue.is_empty() {
            return Ok(true);
        }
        for ident in queue {
            if left == 0 {
                return Ok(false);
            }
            left -= 1;
            finish(kernel, &ident).await?;
        }
    }
}

/// One dead token: in steps, each a transaction that can be repeated.
async fn finish(kernel: &Kernel, ident: &str) -> Result<(), Fault> {
    loop {
        let children = kernel.view(CHILDREN).names(&format!("{ident}/"), Page { after: "", limit: 256 }).await?;
        if children.is_empty() {
            break;
        }
        kernel.transact(async |txn| end_children(txn, ident, &children).await).await?;
    }
    let leases = kernel.view(TOKEN_LEASES).names(&format!("{ident}/"), Page::default()).await?;
    for id in leases {
        // A lease that cannot be revoked now is tried again by the expiry job; the token must not wait for it.
        lease::revoke_now_or_later(kernel, &id).await?;
    }
    end_cubbyholes(kernel, ident).await?;
    kernel.transact(async |txn| Ok(txn.rescoped(REVOKING).delete(ident))).await
}

async fn end_children(txn: Txn<'_>, parent: &str, children: &[String]) -> Result<(), Fault> {
    for child in children {
        match txn.rescoped(TOKENS).view().get::<TokenEntry>(child).await? {
            Some(entry) => revoke_entry(txn, &entry),
            None => txn.rescoped(CHILDREN).delete(&format!("{parent}/{child}")),
        }
    }
    Ok(())
}

async fn end_cubbyholes(kernel: &Kernel, ident: &str) -> Result<(), Fault> {
    let table = kernel.mounts.current(kernel).await?;
    for mount in table.iter() {
        if !kernel.registry.of_mount(mount).is_some_and(|e| e.per_token()) {
            continue;
        }
        let prefix = format!("{}{ident}/", mount.rows_prefix());
        let names = kernel.view(&prefix).names("", Page::default()).await?;
        if !names.is_empty() {
            kernel.transact(async |txn| Ok(names.iter().for_each(|n| txn.rescoped(&prefix).delete(n)))).await?;
        }
    }
    Ok(())
}
