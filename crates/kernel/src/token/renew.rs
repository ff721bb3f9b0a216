//! Giving a token more time.
use super::{Role, TokenEntry};
use crate::kernel::Kernel;
use crate::rows::{EXPIRY, TOKENS, expiry};
use kw_engine::Cx;
use kw_store::Txn;
use kw_types::{Fault, Time, Ttl};

/// How long a token may be given, as its maker says.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Limits {
    /// What is given when nothing is asked for.
    pub base: Ttl,
    /// No life beyond this age; zero: no such limit.
    pub max: Ttl,
    /// If set, each renewal gives this much, whatever was asked for and however old the token is.
    pub period: Ttl,
    /// As `max`, and for periodic tokens too.
    pub age_max: Ttl,
}

impl Limits {
    /// The time to live from `now`, for a token made at `created`, if `asked` is wanted (zero: nothing in particular).
    pub fn ttl(&self, asked: Ttl, created: Time, now: Time) -> Ttl {
        let max = self.max.capped(self.age_max);
        let (wanted, bound) =
            if self.period.is_zero() { (asked.or(self.base), max) } else { (self.period.capped(max), self.age_max) };
        if bound.is_zero() { wanted } else { wanted.min(created.plus(bound).left(now)) }
    }
}

/// Renews in a transaction: asks the auth method or role that the token came from, moves its end, and gives the entry as it then
/// is.
///
/// Errors: 400 when it is not renewable, at its end, or its origin is gone.
pub(crate) async fn renew(kernel: &Kernel, txn: Txn<'_>, ident: &str, asked: Ttl) -> Result<TokenEntry, Fault> {
    let rows = txn.rescoped(TOKENS);
    let now = kernel.now();
    let entry = rows.view().get::<TokenEntry>(ident).await?.filter(|e| !e.is_expired(now));
    let mut entry = entry.ok_or_else(|| Fault::denied().because("the token is gone"))?;
    let Some(old_end) = entry.expires.filter(|_| entry.renewable) else {
        return Err(Fault::bad_request("lease is not renewable"));
    };
    let limits = limits(kernel, txn, &entry).await?;
    let ttl = limits.ttl(asked, entry.created, now);
    if ttl.is_zero() {
        return Err(Fault::bad_request("past the max TTL, cannot renew"));
    }
    let end = now.plus(ttl);
    let index = txn.rescoped(EXPIRY);
    index.delete(&expiry(old_end, 't', &entry.ident));
    index.put_bytes(&expiry(end, 't', &entry.ident), "");
    entry.ttl = ttl;
    entry.expires = Some(end);
    entry.last_renewal = Some(now);
    rows.put(ident, &entry)?;
    Ok(entry)
}

async fn limits(kernel: &Kernel, txn: Txn<'_>, entry: &TokenEntry) -> Result<Limits, Fault> {
    let table = kernel.mounts.current(kernel).await?;
    // Tokens that no login made have no mount noted; the limits are those of the one that made them.
    let mount = if entry.mount_uuid.is_empty() { table.exact("auth/token/") } else { table.by_uuid(&entry.mount_uuid) };
    let mount =
        mount.ok_or_else(|| Fault::bad_request("the auth method that made this token is not mounted any more"))?;
    let cx: Cx<'_> = kernel.cx(mount, &entry.path, None, None);
    let age_max = entry.age_max();
    if let (Some(method), Some(origin)) = (kernel.registry.method(&mount.kind), &entry.origin) {
        let prefix = mount.rows_prefix();
        let (ttl, max, period) = method.renew(&cx, txn.rescoped(&prefix).view(), origin).await?;
        return Ok(Limits { base: ttl.or(cx.default_ttl()), max: max.capped(cx.max_ttl()), period, age_max });
    }
    let period = match entry.role.as_str() {
        "" => entry.period,
        role => {
            let role = Role::find(txn.view(), role).await?;
            role.ok_or_else(|| Fault::bad_request("the token's role is gone; the token cannot be renewed"))?.period()
        }
    };
    Ok(Limits { base: entry.ttl, max: cx.max_ttl(), period, age_max })
}
