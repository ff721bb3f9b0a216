//! What happens when time is up.
use super::revoke_now_or_later;
use crate::kernel::Kernel;
use crate::rows::{EXPIRY, TOKENS, expiry};
use crate::token::{TokenEntry, revoke_entry};
use futures_util::stream::{self, StreamExt, TryStreamExt};
use kw_store::Page;
use kw_types::{Fault, FaultKind, Ttl};

/// How many are taken from the index at a time.
const STEP: usize = 256;

/// Ends tokens and leases whose time is up, the oldest first, `max` at most. Gives how many.
pub(crate) async fn expire_due(kernel: &Kernel, max: usize) -> Result<usize, Fault> {
    let mut done = 0;
    while done < max {
        let now = format!("{:016x}", kernel.now().nanos().max(0));
        let due = kernel.view(EXPIRY).names("", Page { after: "", limit: STEP }).await?;
        let due: Vec<&String> = due.iter().take_while(|name| name.as_str() < now.as_str()).collect();
        if due.is_empty() {
            break;
        }
        let (tokens, leases): (Vec<&str>, Vec<&str>) = (of_kind(&due, "t"), of_kind(&due, "l"));
        if !tokens.is_empty() {
            expire_tokens(kernel, &tokens).await?;
        }
        revoke_many(kernel, &leases).await?;
        forget_strays(kernel, &due).await?;
        kernel.counters.expired.add(due.len());
        done += due.len();
    }
    Ok(done)
}

fn of_kind<'a>(due: &[&'a String], kind: &str) -> Vec<&'a str> {
    due.iter()
        .filter_map(|name| name.split_once('/')?.1.split_once('/'))
        .filter(|(k, _)| *k == kind)
        .map(|(_, id)| id)
        .collect()
}

/// How many leases are revoked at once: what takes long is the peers that their credentials are at.
const AT_ONCE: usize = 16;

/// Revokes leases; what fails is left to the expiry job. A lease that cannot even be read is set aside, so that it does not stop
/// the others. Errors: those of the store.
pub(crate) async fn revoke_many(kernel: &Kernel, ids: &[&str]) -> Result<(), Fault> {
    let revoke = async |id: &str| match revoke_now_or_later(kernel, id).await {
        Err(fault) if fault.kind() == FaultKind::Internal => {
            tracing::error!(lease = id, %fault, "a lease cannot be read; it is tried again in an hour");
            let again = kernel.now().plus(Ttl::from_hours(1));
            kernel
                .transact(async |txn| {
                    txn.rescoped(EXPIRY).put_bytes(&expiry(again, 'l', id), "");
                    Ok(())
                })
                .await
        }
        done => done,
    };
    stream::iter(ids).map(|id| revoke(id)).buffer_unordered(AT_ONCE).try_collect::<()>().await
}

/// A batch of tokens in one transaction; if that fails for one that cannot be read, one by one without it.
async fn expire_tokens(kernel: &Kernel, idents: &[&str]) -> Result<(), Fault> {
    match expire_batch(kernel, idents).await {
        Err(fault) if fault.kind() == FaultKind::Internal => {}
        done => return done,
    }
    for ident in idents {
        match expire_batch(kernel, &[ident]).await {
            Err(fault) if fault.kind() == FaultKind::Internal => {
                tracing::error!(token = ident, %fault, "a token cannot be read; it will never be taken as valid");
            }
            done => done?,
        }
    }
    Ok(())
}

async fn expire_batch(kernel: &Kernel, idents: &[&str]) -> Result<(), Fault> {
    kernel
        .transact(async |txn| {
            let rows = txn.rescoped(TOKENS);
            for ident in idents {
                if let Some(entry) = rows.view().get::<TokenEntry>(ident).await?
                    && entry.is_expired(kernel.now())
                {
                    revoke_entry(txn, &entry);
                }
            }
            Ok(())
        })
        .await
}

/// Index rows that are still there point at nothing any more (or at something renewed since): they go, or the job would find
/// them for ever.
async fn forget_strays(kernel: &Kernel, due: &[&String]) -> Result<(), Fault> {
    kernel
        .transact(async |txn| {
            let index = txn.rescoped(EXPIRY);
            for name in due {
                if index.view().exists(name).await? {
                    index.delete(name);
                }
            }
            Ok(())
        })
        .await
}
