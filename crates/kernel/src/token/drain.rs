//! What hung on dead tokens: children, leases, documents of their own. It is queued when a token dies, and worked off by the
//! request that ended it as far as that goes quickly, else by the jobs. Until then it is dead already: a child is refused without
//! its ancestors, and nobody can ask for what is in a dead token's drawer.
use super::{TokenEntry, revoke_entry};
use crate::kernel::Kernel;
use crate::lease;
use crate::rows::{CHILDREN, REVOKING, TOKEN_LEASES, TOKENS};
use kw_store::{Page, Txn};
use kw_types::{Fault, FaultKind, Time, Ttl};

/// The content of a row of the queue for a token whose children live on.
pub(super) const KEEPS_CHILDREN: &str = "keeps children";

/// How many steps a request takes itself before it leaves the rest to the jobs.
const STEPS_OF_REQUEST: usize = 1000;

/// How long a request goes on with it: peers that credentials are taken back from may be slow.
const TIME_OF_REQUEST: Ttl = Ttl::from_seconds(3);

/// How many rows are read and written at a time.
const STEP: usize = 256;

/// What may be done in one go. A step is a token or a lease.
struct Budget {
    steps: usize,
    until: Option<Time>,
}

impl Budget {
    fn is_spent(&self, kernel: &Kernel) -> bool {
        self.steps == 0 || self.until.is_some_and(|end| end <= kernel.now())
    }

    fn take(&mut self, steps: usize) {
        self.steps = self.steps.saturating_sub(steps);
    }
}

/// Works off the tree of a token that was just ended, so that a tree of usual size is gone when its request is answered.
pub(crate) async fn finish_revoking(kernel: &Kernel, ident: &str) -> Result<(), Fault> {
    let until = Some(kernel.now().plus(TIME_OF_REQUEST));
    finish_tree(kernel, ident.to_owned(), &mut Budget { steps: STEPS_OF_REQUEST, until }).await
}

/// Works the queue off until it is empty or about `steps` are done; gives whether it is empty.
pub(crate) async fn drain_revoking(kernel: &Kernel, steps: usize) -> Result<bool, Fault> {
    let mut budget = Budget { steps, until: None };
    let (mut after, mut is_clean) = (String::new(), true);
    loop {
        let queue = kernel.view(REVOKING).names("", Page { after: &after, limit: 64 }).await?;
        let Some(last) = queue.last() else { return Ok(is_clean) };
        after.clone_from(last);
        for ident in queue {
            if budget.is_spent(kernel) {
                return Ok(false);
            }
            match finish_tree(kernel, ident, &mut budget).await {
                // What cannot be read must not stop the others.
                Err(fault) if fault.kind() == FaultKind::Internal => {
                    tracing::error!(%fault, "what hung on a dead token cannot be taken back; it is tried again");
                    is_clean = false;
                }
                done => done?,
            }
        }
    }
}

/// A token of the queue and its descendants. What the budget does not suffice for stays in the queue.
async fn finish_tree(kernel: &Kernel, ident: String, budget: &mut Budget) -> Result<(), Fault> {
    let mut open = vec![ident];
    while let Some(ident) = open.pop() {
        if budget.is_spent(kernel) {
            break;
        }
        budget.take(1);
        open.extend(finish(kernel, &ident, budget).await?);
    }
    Ok(())
}

/// One dead token, in steps that are transactions and can be repeated; at the end it leaves the queue. Gives the children that
/// were queued.
async fn finish(kernel: &Kernel, ident: &str, budget: &mut Budget) -> Result<Vec<String>, Fault> {
    let keeps = kernel.view(REVOKING).get_bytes(ident).await?.is_some_and(|plain| plain == KEEPS_CHILDREN);
    let mut ended = Vec::new();
    loop {
        let folder = format!("{ident}/");
        let children = kernel.view(CHILDREN).names(&folder, Page { after: "", limit: STEP }).await?;
        if children.is_empty() {
            break;
        }
        if budget.is_spent(kernel) || ended.len() >= budget.steps {
            return Ok(ended);
        }
        if keeps {
            kernel.transact(async |txn| cut_loose(txn, ident, &children).await).await?;
            budget.take(1);
        } else {
            kernel.transact(async |txn| end_children(txn, ident, &children).await).await?;
            ended.extend(children);
        }
    }
    if keeps {
        kernel.transact(async |txn| end_childless(txn, ident).await).await?;
    }
    if !end_leases(kernel, ident, budget).await? {
        return Ok(ended);
    }
    end_drawers(kernel, ident).await?;
    kernel
        .transact(async |txn| {
            txn.rescoped(REVOKING).delete(ident);
            Ok(())
        })
        .await?;
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

/// Gives whether all were tried. Those that resist are in the hands of the expiry job; the token does not wait for them.
async fn end_leases(kernel: &Kernel, ident: &str, budget: &mut Budget) -> Result<bool, Fault> {
    let (folder, mut after) = (format!("{ident}/"), String::new());
    loop {
        let ids = kernel.view(TOKEN_LEASES).names(&folder, Page { after: &after, limit: STEP }).await?;
        let Some(last) = ids.last() else { return Ok(true) };
        after.clone_from(last);
        for some in ids.chunks(16) {
            if budget.is_spent(kernel) {
                return Ok(false);
            }
            budget.take(some.len());
            let mut untried = Vec::with_capacity(some.len());
            for id in some {
                if lease::get(kernel.view(""), id).await?.is_some_and(|lease| lease.failures == 0) {
                    untried.push(id.as_str());
                }
            }
            lease::revoke_many(kernel, &untried).await?;
        }
    }
}

/// Deletes the rows that belonged to the token alone.
async fn end_drawers(kernel: &Kernel, ident: &str) -> Result<(), Fault> {
    let table = kernel.mounts.current(kernel).await?;
    for mount in table.iter().filter(|m| kernel.registry.of_mount(m).is_some_and(|e| e.per_token())) {
        let prefix = format!("{}{ident}/", mount.rows_prefix());
        loop {
            let names = kernel.view(&prefix).names("", Page { after: "", limit: STEP }).await?;
            if names.is_empty() {
                break;
            }
            kernel
                .transact(async |txn| {
                    names.iter().for_each(|name| txn.rescoped(&prefix).delete(name));
                    Ok(())
                })
                .await?;
        }
    }
    Ok(())
}
