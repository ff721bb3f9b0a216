//! Giving a token more time.
use super::TokenEntry;
use crate::kernel::Kernel;
use crate::rows::{EXPIRY, TOKENS, expiry};
use kw_store::Txn;
use kw_types::{Fault, Ttl};

/// The time to live that a renewal gives: what is asked or else what the token was made with, never past its bounds.
pub(crate) fn terms(entry: &TokenEntry, asked: Ttl, base: Ttl, max: Ttl, period: Ttl, now: kw_types::Time) -> Ttl {
    let left_of = |bound: Ttl| if bound.is_zero() { Ttl::ZERO } else { entry.created.plus(bound).left(now) };
    let wanted = if period.is_zero() { asked.or(base) } else { period };
    let mut ttl = wanted;
    if period.is_zero() && !max.is_zero() {
        ttl = ttl.min(left_of(max));
    }
    if !entry.explicit_max_ttl.is_zero() {
        ttl = ttl.min(left_of(entry.explicit_max_ttl));
    }
    ttl
}

/// Renews in a transaction: asks the auth method that the token came from, moves its end, and gives the entry as it then is.
///
/// Errors: 400 when it is not renewable, at its end, or its origin is gone.
pub(crate) async fn renew(kernel: &Kernel, txn: Txn<'_>, ident: &str, asked: Ttl) -> Result<TokenEntry, Fault> {
    let rows = txn.rescoped(TOKENS);
    let now = kernel.now();
    let entry = rows.view().get::<TokenEntry>(ident).await?.filter(|e| !e.is_expired(now));
    let mut entry = entry.ok_or_else(|| Fault::denied().because("the token is gone"))?;
    let Some(old_end) = entry.expires else { return Ok(entry) };
    if !entry.renewable {
        return Err(Fault::bad_request("lease is not renewable"));
    }
    let table = kernel.mounts.current(kernel).await?;
    let mount = table.by_uuid(&entry.mount_uuid).or_else(|| table.exact("auth/token/"));
    let mount =
        mount.ok_or_else(|| Fault::bad_request("the auth method that made this token is not mounted any more"))?;
    let cx = kernel.cx(mount, &entry.path, None, None);
    let (base, max, period) = match (kernel.registry.method(&mount.kind), &entry.origin) {
        (Some(method), Some(origin)) => {
            let prefix = mount.rows_prefix();
            let (ttl, max, period) = method.renew(&cx, txn.rescoped(&prefix).view(), origin).await?;
            (ttl.or(cx.default_ttl()), max.capped(cx.max_ttl()), period)
        }
        _ => (entry.creation_ttl, cx.max_ttl(), entry.period),
    };
    let ttl = terms(&entry, asked, base, max, period, now);
    if ttl.is_zero() {
        return Err(Fault::bad_request("past the max TTL, cannot renew"));
    }
    let end = now.plus(ttl);
    let index = txn.rescoped(EXPIRY);
    index.delete(&expiry(old_end, 't', &entry.ident));
    index.put_bytes(&expiry(end, 't', &entry.ident), "");
    entry.ttl = ttl;
    entry.period = period;
    entry.expires = Some(end);
    entry.last_renewal = Some(now);
    rows.put(ident, &entry)?;
    Ok(entry)
}
