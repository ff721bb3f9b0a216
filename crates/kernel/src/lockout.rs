//! Locking users out who fail to log in again and again.
use crate::kernel::Kernel;
use crate::rows::LOCKOUTS;
use kw_engine::Mount;
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

/// Errors: 403 while the user is locked out. The text is that of any refusal.
pub(crate) async fn check(kernel: &Kernel, mount: &Mount, alias: &str) -> Result<(), Fault> {
    if mount.config.lockout.disabled {
        return Ok(());
    }
    let row = kernel.view(LOCKOUTS).get::<LockoutRow>(&row_name(mount, alias)).await?;
    match row {
        Some(row) if row.is_locked(kernel.now()) => Err(Fault::denied().because("the user is locked out")),
        _ => Ok(()),
    }
}

/// Counts a failure, exactly once each, on whatever node.
pub(crate) async fn failed(kernel: &Kernel, mount: &Mount, alias: &str) -> Result<(), Fault> {
    let rules = &mount.config.lockout;
    if rules.disabled {
        return Ok(());
    }
    let name = row_name(mount, alias);
    kernel
        .transact(async |txn| {
            let rows = txn.rescoped(LOCKOUTS);
            let now = kernel.now();
            let mut row = rows.view().get::<LockoutRow>(&name).await?.unwrap_or_default();
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
    if mount.config.lockout.disabled || !kernel.view(LOCKOUTS).exists(&name).await? {
        return Ok(());
    }
    kernel.transact(async |txn| Ok(txn.rescoped(LOCKOUTS).delete(&name))).await
}
