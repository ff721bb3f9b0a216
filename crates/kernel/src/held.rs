//! A restored copy changes nothing in the outside world by itself until it is told that it takes the original's place.
//!
//! The original may still be serving: if its copy revoked credentials whose time is up here, it would take them from those who
//! use them there. So a restore leaves the row [`ROW`]. While it is there, leases that were issued before the restore are not
//! revoked but set aside under [`HELD_LEASES`], and no scheduled snapshot is taken, which would remove those of the original.
//! Tokens expire as ever, and what the copy itself issues is its own to revoke. Releasing sends all that was set aside to the
//! expiry job.
use crate::kernel::Kernel;
use crate::lease::{self, LeaseRow, LeaseState};
use crate::rows::{CORE, EXPIRY, HELD_LEASES, LEASES, expiry};
use bytes::Bytes;
use kw_store::{Key, Page, StoreError};
use kw_types::{Fault, Time};
use serde::{Deserialize, Serialize};

/// The row under `core/`: a restore writes it, which has no keys to what it restores.
const ROW: &str = "held";

const FORMAT: u32 = 1;

/// How many leases are let go in one transaction.
const STEP: usize = 256;

/// The row `core/held`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Held {
    format: u32,
    /// When the copy was made. What was issued later is its own.
    pub since: Time,
    /// It was told to go; what was set aside is on its way to the expiry job.
    pub is_released: bool,
}

impl Held {
    /// The row that makes a copy hold, with its key.
    pub fn row(since: Time) -> Result<(Key, Bytes), Fault> {
        let held = Self { format: FORMAT, since, is_released: false };
        let value = serde_json::to_vec(&held).map_err(Fault::internal)?;
        Ok((format!("{CORE}{ROW}").into(), value.into()))
    }

    fn covers(&self, lease: &LeaseRow) -> bool {
        !self.is_released && lease.issued <= self.since
    }
}

impl Kernel {
    /// Since when this is a copy that holds what it would do in the outside world; `None` where it does not.
    ///
    /// Jobs that change something outside which the original shares ask this first.
    pub(crate) async fn held_since(&self) -> Result<Option<Time>, Fault> {
        Ok(self.held().await?.filter(|held| !held.is_released).map(|held| held.since))
    }

    /// Sets a lease aside instead of revoking it, where this copy has to hold it. It can be renewed no more, and is revoked after
    /// the release. Gives whether it did.
    pub(crate) async fn hold_back(&self, id: &str) -> Result<bool, Fault> {
        let Some(held) = self.held().await?.filter(|held| !held.is_released) else { return Ok(false) };
        self.transact(async |txn| {
            let Some(mut lease) = lease::get(txn.view(), id).await?.filter(|lease| held.covers(lease)) else {
                return Ok(false);
            };
            let aside = txn.rescoped(HELD_LEASES);
            if aside.view().exists(id).await? {
                return Ok(true);
            }
            aside.put_bytes(id, "");
            txn.rescoped(EXPIRY).delete(&expiry(lease.expires, 'l', id));
            if lease.state != LeaseState::Irrevocable {
                lease.state = LeaseState::Ending;
            }
            txn.rescoped(LEASES).put(id, &lease).map(|()| true)
        })
        .await
    }

    /// How many leases are set aside.
    pub(crate) async fn count_held_back(&self) -> Result<usize, Fault> {
        Ok(self.view(HELD_LEASES).names("", Page::default()).await?.len())
    }

    /// From here on this server takes the original's place. Gives whether it had been holding.
    pub(crate) async fn release(&self) -> Result<bool, Fault> {
        loop {
            let core = self.core_txn();
            let txn = core.scoped(CORE);
            let Some(held) = txn.view().get::<Held>(ROW).await?.filter(|held| !held.is_released) else {
                return Ok(false);
            };
            txn.put(ROW, &Held { is_released: true, ..held })?;
            match core.commit().await {
                Ok(_) => return Ok(true),
                Err(StoreError::Conflict) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Sends what was set aside to the expiry job, `max` at most, once that was released.
    pub(crate) async fn let_go(&self, max: usize) -> Result<(), Fault> {
        if self.held().await?.is_none_or(|held| !held.is_released) {
            return Ok(());
        }
        for _ in 0..max.div_ceil(STEP) {
            let ids = self.view(HELD_LEASES).names("", Page::new("", STEP)).await?;
            if ids.is_empty() {
                let core = self.core_txn();
                core.scoped(CORE).delete(ROW);
                core.commit().await?;
                tracing::warn!("revocations that a restored copy had held are released");
                return Ok(());
            }
            self.transact(async |txn| {
                for id in &ids {
                    txn.rescoped(HELD_LEASES).delete(id);
                    if let Some(mut lease) = lease::get(txn.view(), id).await?
                        && lease.state != LeaseState::Irrevocable
                    {
                        let before = std::mem::replace(&mut lease.expires, self.now());
                        lease.put(txn, Some(before))?;
                    }
                }
                Ok(())
            })
            .await?;
        }
        Ok(())
    }

    async fn held(&self) -> Result<Option<Held>, Fault> {
        self.core_view().get(ROW).await
    }
}

#[cfg(test)]
mod tests;
