//! Revoking everything below a path: leases, and logins with all that hangs on them.
use super::revoke::{drop_row, end_soon, later, revoke};
use crate::kernel::Kernel;
use crate::pace::{BATCH, SLICE, give_way};
use crate::rows::{LEASES, TOKENS};
use crate::token::{TokenEntry, finish_revoking, revoke_entry};
use futures_util::stream::{self, StreamExt};
use kw_store::{Page, Txn};
use kw_types::{Fault, Time, Ttl};

/// How many leases are revoked at once.
const AT_ONCE: usize = 16;

/// How long a caller who need not hear of each lease waits for engines. What is left then ends in the background.
const TIME_OF_REQUEST: Ttl = Ttl::from_seconds(3);

/// The same, in leases and logins.
const STEPS_OF_REQUEST: usize = 1000;

/// What becomes of leases that take long or resist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// All are tried before this returns. What fails is left to the expiry job, which tries again.
    Now,
    /// The first are tried; all others have ended when this returns, and the expiry job takes their credentials back.
    Soon,
    /// All are tried. Those that their engine cannot revoke are dropped, and what they stand for stays in the outside world.
    Force,
}

/// What one call does and has done.
struct Work {
    way: Way,
    steps: usize,
    until: Time,
    /// The first of all failures.
    failure: Option<Fault>,
}

/// Revokes the lease of this id, and all leases and logins below it as a folder; a few hundred at a time, whatever their number.
/// Tokens of logins are dead when this returns.
///
/// Gives the first failure of an engine; the other leases are revoked all the same. Errors: those of the store.
pub(crate) async fn revoke_prefix(kernel: &Kernel, prefix: &str, way: Way) -> Result<Option<Fault>, Fault> {
    let folder = format!("{}/", prefix.trim_end_matches('/'));
    let mut work = Work { way, steps: STEPS_OF_REQUEST, until: kernel.now().plus(TIME_OF_REQUEST), failure: None };
    if !prefix.ends_with('/') && kernel.view(LEASES).exists(prefix).await? {
        work.revoke_all(kernel, &[prefix.to_owned()]).await?;
    }
    let mut after = String::new();
    loop {
        let names = kernel.view(LEASES).names(&folder, Page::new(&after, BATCH)).await?;
        let Some(last) = names.last() else { return Ok(work.failure) };
        after.clone_from(last);
        let ids: Vec<String> = names.iter().map(|name| format!("{folder}{name}")).collect();
        work.revoke_all(kernel, &ids).await?;
        give_way().await;
    }
}

impl Work {
    async fn revoke_all(&mut self, kernel: &Kernel, ids: &[String]) -> Result<(), Fault> {
        let (mut logins, mut leases) = (Vec::new(), Vec::new());
        kernel.view(LEASES).prefetch(ids.iter().map(String::as_str)).await;
        for id in ids {
            match kernel.view(LEASES).get_bytes(id).await? {
                Some(plain) if plain.is_empty() => logins.push(id.clone()),
                Some(_) => leases.push(id.clone()),
                None => {}
            }
        }
        let is_spent = self.steps == 0 || kernel.now() >= self.until;
        self.steps = self.steps.saturating_sub(ids.len());
        if is_spent && self.way == Way::Soon {
            kernel.transact(async |txn| end_soon(kernel, txn, &leases).await).await?;
        } else {
            self.revoke_each(kernel, &leases).await?;
        }
        let ended = kernel.transact(async |txn| end_logins(txn, &logins).await).await?;
        for ident in ended {
            // What hangs on them is queued, and the jobs come to it.
            if kernel.now() < self.until {
                finish_revoking(kernel, &ident).await?;
            }
        }
        Ok(())
    }

    async fn revoke_each(&mut self, kernel: &Kernel, ids: &[String]) -> Result<(), Fault> {
        let is_forced = self.way == Way::Force;
        let mut all = stream::iter(ids).map(|id| revoke_one(kernel, id, is_forced)).buffer_unordered(AT_ONCE);
        while let Some(done) = all.next().await {
            let failure = done?;
            self.failure = self.failure.take().or(failure);
            give_way().await;
        }
        Ok(())
    }
}

async fn revoke_one(kernel: &Kernel, id: &str, is_forced: bool) -> Result<Option<Fault>, Fault> {
    let Err(fault) = revoke(kernel, id).await else { return Ok(None) };
    if is_forced {
        tracing::warn!(lease = id, %fault, "a lease is dropped although it could not be revoked, as was asked");
        return drop_row(kernel, id).await.map(|()| None);
    }
    later(kernel, id, &fault).await?;
    Ok(Some(fault))
}

/// Ends the tokens of these logins in one transaction. Gives their identifiers.
async fn end_logins(txn: Txn<'_>, ids: &[String]) -> Result<Vec<String>, Fault> {
    let mut ended = Vec::with_capacity(ids.len());
    for (n, id) in ids.iter().enumerate() {
        if n % SLICE == SLICE - 1 {
            give_way().await;
        }
        let ident = id.rsplit('/').next().unwrap_or_default();
        match txn.rescoped(TOKENS).view().get::<TokenEntry>(ident).await? {
            Some(entry) if entry.lease_id() == *id => {
                revoke_entry(txn, &entry);
                ended.push(entry.ident);
            }
            _ => txn.rescoped(LEASES).delete(id),
        }
    }
    Ok(ended)
}

#[cfg(test)]
mod tests;
