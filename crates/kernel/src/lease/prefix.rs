//! Revoking everything below a path: leases, and logins with all that hangs on them.
use super::revoke::{drop_row, later, revoke};
use crate::kernel::Kernel;
use crate::rows::{LEASES, TOKENS};
use crate::token::{TokenEntry, finish_revoking, revoke_entry};
use kw_store::{Page, Txn};
use kw_types::Fault;

/// How many are taken from the index at a time.
const STEP: usize = 256;

/// Revokes the lease of this id, and all leases and logins below it as a folder.
///
/// With `force`, leases that their engine cannot revoke are dropped, and what they stand for stays behind in the outside world.
/// Without, such a lease is left to the expiry job, which tries again, and the others are revoked all the same; gives the first
/// of these failures. Errors: those of the store.
pub(crate) async fn revoke_prefix(kernel: &Kernel, prefix: &str, force: bool) -> Result<Option<Fault>, Fault> {
    let folder = format!("{}/", prefix.trim_end_matches('/'));
    let (mut after, mut failure) = (String::new(), None);
    if !prefix.ends_with('/') && kernel.view(LEASES).exists(prefix).await? {
        failure = revoke_all(kernel, &[prefix.to_owned()], force).await?;
    }
    loop {
        let names = kernel.view(LEASES).names(&folder, Page { after: &after, limit: STEP }).await?;
        let Some(last) = names.last() else { return Ok(failure) };
        after.clone_from(last);
        let ids: Vec<String> = names.iter().map(|name| format!("{folder}{name}")).collect();
        failure = failure.or(revoke_all(kernel, &ids, force).await?);
    }
}

async fn revoke_all(kernel: &Kernel, ids: &[String], force: bool) -> Result<Option<Fault>, Fault> {
    let (mut logins, mut failure) = (Vec::new(), None);
    for id in ids {
        match kernel.view(LEASES).get_bytes(id).await? {
            Some(plain) if plain.is_empty() => logins.push(id.as_str()),
            Some(_) => failure = failure.or(revoke_one(kernel, id, force).await?),
            None => {}
        }
    }
    let ended = kernel.transact(async |txn| end_logins(txn, &logins).await).await?;
    for ident in ended {
        finish_revoking(kernel, &ident).await?;
    }
    Ok(failure)
}

async fn revoke_one(kernel: &Kernel, id: &str, force: bool) -> Result<Option<Fault>, Fault> {
    let Err(fault) = revoke(kernel, id).await else { return Ok(None) };
    if force {
        tracing::warn!(lease = id, %fault, "a lease is dropped although it could not be revoked, as was asked");
        return drop_row(kernel, id).await.map(|()| None);
    }
    later(kernel, id, &fault).await?;
    Ok(Some(fault))
}

/// Ends the tokens of these logins in one transaction. Gives their identifiers.
async fn end_logins(txn: Txn<'_>, ids: &[&str]) -> Result<Vec<String>, Fault> {
    let mut ended = Vec::with_capacity(ids.len());
    for id in ids {
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
