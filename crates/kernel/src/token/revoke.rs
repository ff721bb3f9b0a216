//! Taking a token back. What hangs on it is queued, see [`super::drain`].
use super::drain::KEEPS_CHILDREN;
use super::{TokenEntry, finish_revoking};
use crate::kernel::Kernel;
use crate::rows::{CHILDREN, EXPIRY, LEASES, REVOKING, TOKEN_NAMES, TOKENS, WRAPPED, expiry};
use kw_store::Txn;
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

/// Ends a token, and what hangs on it as far as that goes quickly. One that is about to go without its children is left to that.
/// Gives whether there was such a token.
pub(crate) async fn revoke(kernel: &Kernel, ident: &str) -> Result<bool, Fault> {
    let found = kernel
        .transact(async |txn| {
            let Some(entry) = txn.rescoped(TOKENS).view().get::<TokenEntry>(ident).await? else { return Ok(false) };
            let is_going = entry.is_spent && txn.rescoped(REVOKING).view().exists(ident).await?;
            if !is_going {
                revoke_entry(txn, &entry);
            }
            Ok(true)
        })
        .await?;
    if found {
        finish_revoking(kernel, ident).await?;
    }
    Ok(found)
}

/// Ends a token whose children live on as orphans. Gives whether there was such a token.
pub(crate) async fn revoke_orphan(kernel: &Kernel, ident: &str) -> Result<bool, Fault> {
    let found = kernel
        .transact(async |txn| {
            let rows = txn.rescoped(TOKENS);
            let Some(mut entry) = rows.view().get::<TokenEntry>(ident).await? else { return Ok(false) };
            // From now on nobody can use it or make it a parent; its row stays until the last child is cut loose, since a child
            // without its parent's row is dead.
            entry.is_spent = true;
            rows.put(ident, &entry)?;
            txn.rescoped(REVOKING).put_bytes(ident, KEEPS_CHILDREN);
            Ok(true)
        })
        .await?;
    if found {
        finish_revoking(kernel, ident).await?;
    }
    Ok(found)
}
