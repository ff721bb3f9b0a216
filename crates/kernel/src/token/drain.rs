//! What hung on dead tokens: children, leases, documents of their own. It is queued when a token dies, and worked off by the
//! request that ended it as far as that goes quickly, else by the jobs. Until then it is dead already: a child is refused without
//! its ancestors, and nobody can ask for what is in a dead token's drawer.
use super::{TokenEntry, revoke_entry};
use crate::kernel::Kernel;
use crate::lease;
use crate::pace::{BATCH, SLICE, give_way};
use crate::rows::{CHILDREN, LEASES, REVOKING, TOKEN_LEASES, TOKENS};
use kw_store::{Page, Txn};
use kw_types::{Fault, FaultKind, Time, Ttl};

/// The content of a row of the queue for a token whose children live on.
pub(super) const KEEPS_CHILDREN: &str = "keeps children";

/// How many steps a request takes itself before it leaves the rest to the jobs.
const STEPS_OF_REQUEST: usize = 2000;

/// How long a request goes on with it: peers that credentials are taken back from may be slow.
const TIME_OF_REQUEST: Ttl = Ttl::from_seconds(3);

/// How long the jobs go along the queue before they begin anew.
const ANEW: Ttl = Ttl::from_seconds(10);

/// How often the log says how far a long revocation has come.
const SAID_EVERY: Ttl = Ttl::from_seconds(5);

/// What may be done in one go. A step is the end of a token or lease, or a token that leaves the queue.
struct Budget {
    steps: usize,
    /// For a request: until then it waits for the engines that take credentials back. Jobs leave that to the expiry job.
    until: Option<Time>,
    /// Something in the queue could not be read.
    is_unclean: bool,
}

impl Budget {
    fn is_spent(&self, kernel: &Kernel) -> bool {
        self.steps == 0 || self.until.is_some_and(|end| end <= kernel.now())
    }

    fn take(&mut self, steps: usize) {
        self.steps = self.steps.saturating_sub(steps);
    }
}

/// How far the jobs have come with the queue. A child is younger than its parent and therefore behind it in the queue, so that
/// one way along it is enough, but for children of the same instant and of nodes with other clocks.
#[derive(Default)]
pub(crate) struct Clearing {
    after: String,
    /// Something was queued where it was already.
    has_passed: bool,
    began: Time,
    /// Since when there is always something in the queue.
    busy_since: Option<Time>,
    said: Time,
    cleared: usize,
}

/// Works off the tree of a token that was just ended, so that a tree of usual size is gone when its request is answered.
pub(crate) async fn finish_revoking(kernel: &Kernel, ident: &str) -> Result<(), Fault> {
    let until = Some(kernel.now().plus(TIME_OF_REQUEST));
    let mut budget = Budget { steps: STEPS_OF_REQUEST, until, is_unclean: false };
    let mut open = vec![ident.to_owned()];
    while !open.is_empty() && !budget.is_spent(kernel) {
        let some = open.split_off(open.len().saturating_sub(BATCH));
        open.extend(clear(kernel, &some, &mut budget).await?.queued);
    }
    Ok(())
}

/// Works the queue off until it is empty or about `steps` are done; gives whether it is empty.
pub(crate) async fn drain_revoking(kernel: &Kernel, steps: usize) -> Result<bool, Fault> {
    Clearing::default().go_on(kernel, steps).await
}

/// How many tokens are in the queue.
pub(crate) async fn count_revoking(kernel: &Kernel) -> Result<usize, Fault> {
    let (mut count, mut after) = (0, String::new());
    loop {
        let names = kernel.view(REVOKING).names("", Page::new(&after, BATCH * 4)).await?;
        let Some(last) = names.last() else { return Ok(count) };
        after.clone_from(last);
        count += names.len();
        give_way().await;
    }
}

impl Clearing {
    /// As [`drain_revoking`], from where the last call stopped.
    pub(crate) async fn go_on(&mut self, kernel: &Kernel, steps: usize) -> Result<bool, Fault> {
        let now = kernel.now();
        if now < self.began || now.since(self.began) >= ANEW {
            (self.after, self.began) = (String::new(), now);
        }
        let mut from_start = self.after.is_empty();
        let mut budget = Budget { steps, until: None, is_unclean: false };
        loop {
            let queue = kernel.view(REVOKING).names("", Page::new(&self.after, BATCH)).await?;
            let Some(last) = queue.last() else {
                if !std::mem::take(&mut self.has_passed) {
                    break;
                }
                self.after.clear();
                from_start = true;
                continue;
            };
            if budget.is_spent(kernel) {
                self.say(kernel).await?;
                return Ok(false);
            }
            self.busy_since.get_or_insert(now);
            let done = clear(kernel, &queue, &mut budget).await?;
            self.cleared += done.cleared;
            self.has_passed |= done.queued.iter().any(|child| child <= last);
            // What a budget did not suffice for is gone on with, not passed.
            if done.cleared == queue.len() || budget.is_unclean {
                self.after.clone_from(last);
            }
            give_way().await;
        }
        if let Some(since) = self.busy_since.take() {
            if self.said > since {
                tracing::info!(cleared = self.cleared, "what hung on revoked tokens is taken back");
            }
            self.cleared = 0;
        }
        Ok(!budget.is_unclean && from_start)
    }

    async fn say(&mut self, kernel: &Kernel) -> Result<(), Fault> {
        let now = kernel.now();
        let Some(since) = self.busy_since else { return Ok(()) };
        if now.since(since.max(self.said)) >= SAID_EVERY || now < self.said {
            let left = count_revoking(kernel).await?;
            tracing::info!(
                cleared = self.cleared,
                left,
                "taking back what hung on revoked tokens; they are refused already"
            );
            self.said = now;
        }
        Ok(())
    }
}

/// What [`clear`] did.
#[derive(Default)]
struct Cleared {
    /// How many left the queue.
    cleared: usize,
    /// Children that are dead now and are in the queue.
    queued: Vec<String>,
}

/// Takes back what hangs on these dead tokens; those on which nothing hangs any more leave the queue, in one commit.
async fn clear(kernel: &Kernel, idents: &[String], budget: &mut Budget) -> Result<Cleared, Fault> {
    let (mut done, mut bare) = (Cleared::default(), Vec::with_capacity(idents.len()));
    let laden = laden(kernel, idents).await?;
    for (n, (ident, is_laden)) in idents.iter().zip(laden).enumerate() {
        if budget.is_spent(kernel) {
            break;
        }
        if !is_laden {
            budget.take(1);
            bare.push(ident);
            continue;
        }
        if n % SLICE == SLICE - 1 {
            give_way().await;
        }
        budget.take(1);
        match finish(kernel, ident, budget, &mut done.queued).await {
            Ok(true) => bare.push(ident),
            Ok(false) => {}
            // What cannot be read must not stop the others.
            Err(fault) if fault.kind() == FaultKind::Internal && budget.until.is_none() => {
                tracing::error!(%fault, "what hung on a dead token cannot be taken back; it is tried again");
                budget.is_unclean = true;
            }
            Err(fault) => return Err(fault),
        }
    }
    if !bare.is_empty() {
        kernel
            .transact(async |txn| {
                bare.iter().for_each(|ident| txn.rescoped(REVOKING).delete(ident));
                Ok(())
            })
            .await?;
    }
    done.cleared = bare.len();
    Ok(done)
}

/// On which of these dead tokens anything may hang: nearly always on few, and those are found together. What does not hang on a
/// dead token now never will, see [`finish`].
async fn laden(kernel: &Kernel, idents: &[String]) -> Result<Vec<bool>, Fault> {
    let folders: Vec<String> = idents.iter().map(|ident| format!("{ident}/")).collect();
    let table = kernel.mounts.current(kernel).await?;
    let drawers = table.iter().filter(|m| kernel.registry.of_mount(m).is_some_and(|e| e.per_token()));
    let places = [CHILDREN.to_owned(), TOKEN_LEASES.to_owned()].into_iter().chain(drawers.map(|m| m.rows_prefix()));
    let mut laden = vec![false; idents.len()];
    for place in places {
        let occupied = kernel.view(&place).occupied(&folders).await?;
        laden.iter_mut().zip(occupied).for_each(|(laden, found)| *laden |= found);
    }
    kernel.view(REVOKING).prefetch(idents.iter().map(String::as_str)).await;
    for (laden, ident) in laden.iter_mut().zip(idents) {
        *laden |= kernel.view(REVOKING).get_bytes(ident).await?.is_some_and(|plain| plain == KEEPS_CHILDREN);
    }
    Ok(laden)
}

/// One dead token, in steps that are transactions and can be repeated. Gives whether nothing hangs on it any more; children that
/// are ended by this are added to `queued`.
///
/// No child or lease can come while this goes along them: whoever makes one reads the token's row in his transaction.
async fn finish(kernel: &Kernel, ident: &str, budget: &mut Budget, queued: &mut Vec<String>) -> Result<bool, Fault> {
    let keeps = kernel.view(REVOKING).get_bytes(ident).await?.is_some_and(|plain| plain == KEEPS_CHILDREN);
    let (folder, mut after) = (format!("{ident}/"), String::new());
    loop {
        let children = kernel.view(CHILDREN).names(&folder, Page::new(&after, BATCH)).await?;
        let Some(last) = children.last() else { break };
        if budget.is_spent(kernel) {
            return Ok(false);
        }
        budget.take(children.len());
        after.clone_from(last);
        kernel.view(TOKENS).prefetch(children.iter().map(String::as_str)).await;
        if keeps {
            kernel.transact(async |txn| cut_loose(txn, ident, &children).await).await?;
        } else {
            kernel.transact(async |txn| end_children(txn, ident, &children).await).await?;
            queued.extend(children);
        }
        give_way().await;
    }
    if keeps {
        kernel.transact(async |txn| end_childless(txn, ident).await).await?;
    }
    if !end_leases(kernel, ident, budget).await? {
        return Ok(false);
    }
    end_drawers(kernel, ident).await?;
    Ok(true)
}

async fn end_childless(txn: Txn<'_>, ident: &str) -> Result<(), Fault> {
    if let Some(entry) = txn.rescoped(TOKENS).view().get::<TokenEntry>(ident).await? {
        revoke_entry(txn, &entry);
    }
    Ok(())
}

async fn cut_loose(txn: Txn<'_>, parent: &str, children: &[String]) -> Result<(), Fault> {
    let rows = txn.rescoped(TOKENS);
    for (n, child) in children.iter().enumerate() {
        if n % SLICE == SLICE - 1 {
            give_way().await;
        }
        txn.rescoped(CHILDREN).delete(&format!("{parent}/{child}"));
        if let Some(mut entry) = rows.view().get::<TokenEntry>(child).await? {
            entry.parent = None;
            rows.put(child, &entry)?;
        }
    }
    Ok(())
}

async fn end_children(txn: Txn<'_>, parent: &str, children: &[String]) -> Result<(), Fault> {
    for (n, child) in children.iter().enumerate() {
        if n % SLICE == SLICE - 1 {
            give_way().await;
        }
        match txn.rescoped(TOKENS).view().get::<TokenEntry>(child).await? {
            Some(entry) => revoke_entry(txn, &entry),
            None => txn.rescoped(CHILDREN).delete(&format!("{parent}/{child}")),
        }
    }
    Ok(())
}

/// Gives whether all were tried. Those that resist, and all that jobs find, are in the hands of the expiry job; the token does
/// not wait for them.
async fn end_leases(kernel: &Kernel, ident: &str, budget: &mut Budget) -> Result<bool, Fault> {
    let (folder, mut after) = (format!("{ident}/"), String::new());
    loop {
        let ids = kernel.view(TOKEN_LEASES).names(&folder, Page::new(&after, BATCH)).await?;
        let Some(last) = ids.last() else { return Ok(true) };
        after.clone_from(last);
        kernel.view(LEASES).prefetch(ids.iter().map(String::as_str)).await;
        if budget.until.is_none() {
            budget.take(ids.len());
            kernel.transact(async |txn| lease::end_soon(kernel, txn, &ids).await).await?;
            give_way().await;
            continue;
        }
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
        let (prefix, mut after) = (format!("{}{ident}/", mount.rows_prefix()), String::new());
        loop {
            let names = kernel.view(&prefix).names("", Page::new(&after, BATCH)).await?;
            let Some(last) = names.last() else { break };
            kernel
                .transact(async |txn| {
                    names.iter().for_each(|name| txn.rescoped(&prefix).delete(name));
                    Ok(())
                })
                .await?;
            after.clone_from(last);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
