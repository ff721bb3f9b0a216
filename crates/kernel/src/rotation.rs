//! When the encryption key is rotated without being asked, as the operator wants it.
use crate::kernel::Kernel;
use crate::rows::SETTINGS;
use kw_barrier::{ROTATE_AT, TermStatus};
use kw_store::{Txn, View};
use kw_types::{Fault, Time, Ttl};
use serde::{Deserialize, Serialize};

/// The least that `max_operations` may be: fewer would grow the keyring without making anything safer.
pub(crate) const OPERATIONS_MIN: u64 = 1_000_000;
/// The most that it may be, as in Vault. The barrier's own bound is lower and holds anyway.
pub(crate) const OPERATIONS_MAX: u64 = 3_865_470_566;
/// The least that a non-zero `interval` may be.
pub(crate) const INTERVAL_MIN: Ttl = Ttl::from_hours(24);

const NAME: &str = "rotation";

/// The row `sys/setting/rotation`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RotationRow {
    pub max_operations: u64,
    /// Zero: time does not matter.
    pub interval: Ttl,
    pub enabled: bool,
}

impl Default for RotationRow {
    fn default() -> Self {
        Self { max_operations: ROTATE_AT, interval: Ttl::ZERO, enabled: true }
    }
}

impl RotationRow {
    pub async fn read(kernel: &Kernel) -> Result<Self, Fault> {
        Self::of(kernel.view("")).await
    }

    /// From a view of the whole store.
    pub async fn of(view: View<'_>) -> Result<Self, Fault> {
        Ok(view.rescoped(SETTINGS).get(NAME).await?.unwrap_or_default())
    }

    pub fn put(&self, txn: Txn<'_>) -> Result<(), Fault> {
        txn.rescoped(SETTINGS).put(NAME, self)
    }

    /// Whether the active key has served long or often enough.
    pub fn is_due(&self, active: TermStatus, now: Time) -> bool {
        let old = !self.interval.is_zero() && now.since(active.installed) >= self.interval;
        self.enabled && (old || active.encryptions >= self.max_operations)
    }
}
