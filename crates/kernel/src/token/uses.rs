//! Tokens that may be used so many times.
use super::TokenEntry;
use crate::rows::{EXPIRY, TOKENS, expiry};
use kw_store::Txn;
use kw_types::{Fault, Time, Ttl};

/// How long the request has that spends the last use. It ends the token itself when it is done; where it never is, because its
/// client or its node is gone, the token's time is up then, with all that hangs on it.
const LAST_USE_MAX: Ttl = Ttl::from_seconds(120);

/// Takes one use off, and gives the token as the request with this use sees it.
///
/// Errors: 403 when the token is gone or has no use left.
pub(crate) async fn take_use(txn: Txn<'_>, ident: &str, now: Time) -> Result<TokenEntry, Fault> {
    let rows = txn.rescoped(TOKENS);
    let found = rows.view().get::<TokenEntry>(ident).await?;
    let mut seen = found.filter(|entry| !entry.is_spent).ok_or_else(Fault::denied)?;
    if seen.num_uses > 1 {
        seen.num_uses -= 1;
        rows.put(ident, &seen)?;
        return Ok(seen);
    }
    seen.is_spent = true;
    let end = now.plus(LAST_USE_MAX);
    let mut stored = seen.clone();
    if seen.expires.is_none_or(|own| end < own) {
        let index = txn.rescoped(EXPIRY);
        if let Some(own) = seen.expires {
            index.delete(&expiry(own, 't', ident));
        }
        index.put_bytes(&expiry(end, 't', ident), "");
        stored.expires = Some(end);
    }
    rows.put(ident, &stored)?;
    seen.num_uses = 0;
    Ok(seen)
}

#[cfg(test)]
mod tests;
