//! Clearing away what has expired and what deleted roles left behind.
//!
//! Nothing depends on it: an expired secret id is refused at once, and one of a deleted role has no role to open. So every
//! transaction here deletes without looking, which conflicts with nobody.
use super::secret_id::{accessor_row, secret_row};
use kw_engine::{Cx, Fault, Ident, Nothing, Page, Status, Txn, Warned};

/// How many rows of a kind one request clears away at most when that is all it does.
pub const MANY: usize = 2000;

/// How many a request clears away beside its work: more than it adds, so that rows never pile up.
pub const FEW: usize = 4;

/// Clears expired secret ids away, and those of deleted roles. They are refused anyway; this frees their room.
pub async fn tidy(cx: &Cx<'_>, txn: Txn<'_>, _: Nothing) -> Result<Status<Warned<()>>, Fault> {
    sweep(cx, txn, MANY).await?;
    Ok(Status(202, Warned((), vec!["Expired secret ids were cleared away, at most 2000 of them.".to_owned()])))
}

/// Marks the secret ids under a role's key as left behind.
pub fn abandon(txn: Txn<'_>, key: &Ident) {
    txn.put_bytes(&gone_row(key.as_str()), Vec::new());
}

/// Clears at most about `limit` rows of each kind away.
pub async fn sweep(cx: &Cx<'_>, txn: Txn<'_>, limit: usize) -> Result<(), Fault> {
    let page = Page::new("", limit);
    let view = txn.view();
    for name in view.names("exp/", page).await? {
        let mut parts = name.split('/');
        let (Some(time), Some(key), Some(mac), Some(accessor)) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(Fault::internal("an expiry row has another form"));
        };
        if time.parse::<i64>().map_err(Fault::internal)? > cx.now().nanos() {
            break;
        }
        txn.delete(&secret_row(key, mac));
        txn.delete(&accessor_row(key, accessor));
        txn.delete(&format!("exp/{name}"));
    }
    for key in view.names("gone/", Page::new("", 1)).await? {
        let macs = view.names(&secret_row(&key, ""), page).await?;
        let accessors = view.names(&accessor_row(&key, ""), page).await?;
        if macs.len() < limit && accessors.len() < limit {
            txn.delete(&gone_row(&key));
        }
        macs.iter().for_each(|mac| txn.delete(&secret_row(&key, mac)));
        accessors.iter().for_each(|accessor| txn.delete(&accessor_row(&key, accessor)));
    }
    Ok(())
}

fn gone_row(key: &str) -> String {
    format!("gone/{key}")
}
