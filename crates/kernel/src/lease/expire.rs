//! What happens when time is up.
use super::revoke_now_or_later;
use crate::kernel::Kernel;
use crate::rows::{EXPIRY, TOKENS};
use crate::token::{TokenEntry, revoke_entry};
use kw_store::Page;
use kw_types::Fault;

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
        for id in leases {
            revoke_now_or_later(kernel, id).await?;
        }
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

/// A batch of tokens in one transaction.
async fn expire_tokens(kernel: &Kernel, idents: &[&str]) -> Result<(), Fault> {
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
