//! Locking users out who fail to log in again and again.
use crate::kernel::Kernel;
use crate::rows::LOCKOUTS;
use kw_engine::{Lockout, Mount, Page};
use kw_types::{Fault, Time};
use serde::{Deserialize, Serialize};

/// The row `sys/lockout/<mount accessor>/<alias>`. There for any name that failed, whether such a user exists or not: so the
/// answers do not tell which do.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct LockoutRow {
    pub failures: u32,
    pub last: Time,
    /// Set once the threshold is reached.
    pub until: Option<Time>,
}

impl LockoutRow {
    pub fn is_locked(&self, now: Time) -> bool {
        self.until.is_some_and(|end| end > now)
    }
}

fn row_name(mount: &Mount, alias: &str) -> String {
    format!("{}/{}", mount.accessor, alias)
}

/// What holds for a mount: what was tuned, then what the configuration says for its type or for all types.
fn rules(kernel: &Kernel, mount: &Mount) -> Lockout {
    let (own, lockouts) = (&mount.config.lockout, &kernel.settings.lockouts);
    let set = lockouts.get(&mount.kind).or_else(|| lockouts.get("all")).cloned().unwrap_or_default();
    Lockout {
        threshold: if own.threshold == 0 { set.threshold } else { own.threshold },
        duration: own.duration.or(set.duration),
        counter_reset: own.counter_reset.or(set.counter_reset),
        disabled: if own.tuned { own.disabled } else { set.disabled },
        tuned: own.tuned,
    }
}

/// Errors: 403 while the user is locked out. The text is that of any refusal.
pub(crate) async fn check(kernel: &Kernel, mount: &Mount, alias: &str) -> Result<(), Fault> {
    if rules(kernel, mount).disabled {
        return Ok(());
    }
    let row = kernel.view(LOCKOUTS).get::<LockoutRow>(&row_name(mount, alias)).await?;
    match row {
        Some(row) if row.is_locked(kernel.now()) => Err(locked_out()),
        _ => Ok(()),
    }
}

fn locked_out() -> Fault {
    Fault::denied().because("the user is locked out")
}

/// Counts a failure, exactly once each, on whatever node. Errors: 403 when the user is locked out already: of attempts that
/// come at once, no more than the threshold learn that they were wrong.
pub(crate) async fn failed(kernel: &Kernel, mount: &Mount, alias: &str) -> Result<(), Fault> {
    let rules = rules(kernel, mount);
    if rules.disabled {
        return Ok(());
    }
    let name = row_name(mount, alias);
    kernel
        .transact(async |txn| {
            let rows = txn.rescoped(LOCKOUTS);
            let now = kernel.now();
            let mut row = rows.view().get::<LockoutRow>(&name).await?.unwrap_or_default();
            if row.is_locked(now) {
                return Err(locked_out());
            }
            let over = row.until.is_some_and(|end| end <= now);
            if over || now.since(row.last) >= rules.forgotten_after() {
                row = LockoutRow::default();
            }
            row.failures += 1;
            row.last = now;
            if row.failures >= rules.failures_max() {
                row.until = Some(now.plus(rules.locked_for()));
            }
            rows.put(&name, &row)
        })
        .await
}

/// A login went well: the count begins anew.
pub(crate) async fn succeeded(kernel: &Kernel, mount: &Mount, alias: &str) -> Result<(), Fault> {
    let name = row_name(mount, alias);
    if rules(kernel, mount).disabled || !kernel.view(LOCKOUTS).exists(&name).await? {
        return Ok(());
    }
    forget(kernel, &[name]).await
}

/// Deletes counts that say nothing any more, so that failing under ever new names does not fill the store. Looks at `max` rows
/// after `after`; gives the last one looked at, empty at the end.
pub(crate) async fn sweep(kernel: &Kernel, after: &str, max: usize) -> Result<String, Fault> {
    let rows = kernel.view(LOCKOUTS).rows("", Page::new(after, max)).await?;
    let table = kernel.mounts.current(kernel).await?;
    let now = kernel.now();
    let is_over = |name: &str, row: &LockoutRow| {
        let mount = name.split('/').next().and_then(|accessor| table.by_accessor(accessor));
        mount.is_none_or(|m| !row.is_locked(now) && now.since(row.last) >= rules(kernel, m).forgotten_after())
    };
    let over: Vec<String> = rows
        .iter()
        .filter(|(name, plain)| serde_json::from_slice::<LockoutRow>(plain).is_ok_and(|row| is_over(name, &row)))
        .map(|(name, _)| name.clone())
        .collect();
    forget(kernel, &over).await?;
    Ok(if rows.len() < max { String::new() } else { rows.last().map(|(name, _)| name.clone()).unwrap_or_default() })
}

async fn forget(kernel: &Kernel, names: &[String]) -> Result<(), Fault> {
    if names.is_empty() {
        return Ok(());
    }
    kernel
        .transact(async |txn| {
            let rows = txn.rescoped(LOCKOUTS);
            names.iter().for_each(|name| rows.delete(name));
            Ok(())
        })
        .await
}
