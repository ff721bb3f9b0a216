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

/// Ends a token, and what hangs on it as far as that goes quickly. Gives whether there was such a token.
pub(crate) async fn revoke(kernel: &Kernel, ident: &str) -> Result<bool, Fault> {
    let found = kernel
        .transact(async |txn| {
            let entry = txn.rescoped(TOKENS).view().get::<TokenEntry>(ident).await?;
            if let Some(entry) = &entry {
                revoke_entry(txn, entry);
            }
            Ok(entry.is_some())
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

/// The content of a row of the queue for a token whose children live on.
const KEEPS_CHILDREN: &str = "keeps children";

/// How many tokens a request ends itself before it leaves the rest to the jobs.
const STEPS_OF_REQUEST: usize = 1000;

/// How many children are read at a time.
const STEP: usize = 256;

/// Works off the tree of a token that was just ended, so that a tree of usual size is gone when its request is answered.
pub(crate) async fn finish_revoking(kernel: &Kernel, ident: &str) -> Result<(), Fault> {
    let mut left = STEPS_OF_REQUEST;
    finish_tree(kernel, ident.to_owned(), &mut left).await
}

/// Revokes what hung on dead tokens: children (which are queued in turn), leases, cubbyholes. Works the queue off until it is
/// empty or about `steps` are done; gives whether it is empty.
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
            finish_tree(kernel, ident, &mut left).await?;
        }
    }
}

/// A token of the queue and its descendants. What `left` does not suffice for stays in the queue.
async fn finish_tree(kernel: &Kernel, ident: String, left: &mut usize) -> Result<(), Fault> {
    let mut open = vec![ident];
    while let Some(ident) = open.pop() {
        if *left == 0 {
            break;
        }
        *left -= 1;
        open.extend(finish(kernel, &ident, left).await?);
    }
    Ok(())
}

/// One dead token, in steps that are transactions and can be repeated. Gives the children that were queued; with more children
/// than `left`, the token stays in the queue.
async fn finish(kernel: &Kernel, ident: &str, left: &mut usize) -> Result<Vec<String>, Fault> {
    let keeps = kernel.view(REVOKING).get_bytes(ident).await?.is_some_and(|plain| plain == KEEPS_CHILDREN);
    let mut ended = Vec::new();
    loop {
        let folder = format!("{ident}/");
        let children = kernel.view(CHILDREN).names(&folder, Page { after: "", limit: STEP }).await?;
        if children.is_empty() {
            break;
        }
        if ended.len() >= *left {
            return Ok(ended);
        }
        if keeps {
            kernel.transact(async |txn| cut_loose(txn, ident, &children).await).await?;
            *left = left.saturating_sub(children.len() / STEP);
        } else {
            kernel.transact(async |txn| end_children(txn, ident, &children).await).await?;
            ended.extend(children);
        }
    }
    if keeps {
        kernel.transact(async |txn| end_childless(txn, ident).await).await?;
    }
    let leases = kernel.view(TOKEN_LEASES).names(&format!("{ident}/"), Page::default()).await?;
    for id in leases {
        // A lease that cannot be revoked now is tried again by the expiry job; the token must not wait for it.
        lease::revoke_now_or_later(kernel, &id).await?;
    }
    end_cubbyholes(kernel, ident).await?;
    kernel.transact(async |txn| Ok(txn.rescoped(REVOKING).delete(ident))).await?;
    Ok(ended)
}

async fn end_childless(txn: Txn<'_>, ident: &str) -> Result<(), Fault> {
    if let Some(entry) = txn.rescoped(TOKENS).view().get::<TokenEntry>(ident).await? {
        revoke_entry(txn, &entry);
    }
    Ok(())
}

async fn cut_loose(txn: Txn<'_>, parent: &str, children: &[String]) -> Result<(), Fault> {
    let rows = txn.rescoped(TOKENS);
    for child in children {
        txn.rescoped(CHILDREN).delete(&format!("{parent}/{child}"));
        if let Some(mut entry) = rows.view().get::<TokenEntry>(child).await? {
            entry.parent = None;
            rows.put(child, &entry)?;
        }
    }
    Ok(())
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
