//! What only one node may do at a time, on a store that many share.
//!
//! A claim is a row with its holder, a number, the fence, that grows with each taking, and a time that grows each time the
//! claim is kept. Whoever wants it watches the row: when it has not changed for as long as a claim lasts, by his own clock, its
//! holder is taken to be gone. The time in the row is of the holder's clock and only compared with itself, or a holder whose
//! clock was far ahead would keep others waiting after his death.
//!
//! That alone protects nothing: a node may stop for minutes and go on as if it still held the claim. So every effect within the
//! store is written in a transaction that has called [`Claim::check`]: it reads the claim's row, and therefore commits only if
//! the fence is still this one. Effects outside the store cannot be fenced; they must be such that doing them twice does no harm,
//! and their outcome is recorded in a transaction that is.
use crate::kernel::Kernel;
use crate::rows::CLAIMS;
use kw_store::Txn;
use kw_types::{Fault, Time, Ttl};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A claim that was taken; it may have been lost since.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Claim {
    name: String,
    holder: String,
    fence: u64,
}

/// The row `sys/claim/<name>`. It is never deleted, so that the fence never goes back.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct ClaimRow {
    holder: String,
    fence: u64,
    /// By the holder's clock; [`RELEASED`] when it is nobody's.
    until: Time,
}

const RELEASED: Time = Time::ZERO;

/// Claims of others as this node has seen them last, by name.
#[derive(Default)]
pub(crate) struct Sightings {
    by_name: Mutex<BTreeMap<String, Sighting>>,
}

struct Sighting {
    fence: u64,
    until: Time,
    /// Since when it has been like this, by our clock.
    since: Time,
}

impl Sightings {
    /// Whether the row has been as it is for so long. The first look says no.
    fn is_left(&self, name: &str, row: &ClaimRow, now: Time, ttl: Ttl) -> bool {
        let mut by_name = self.by_name.lock();
        if let Some(seen) = by_name.get(name)
            && (seen.fence, seen.until) == (row.fence, row.until)
            && seen.since <= now
        {
            return now.since(seen.since) >= ttl;
        }
        by_name.insert(name.to_owned(), Sighting { fence: row.fence, until: row.until, since: now });
        false
    }
}

impl Claim {
    /// Takes a claim that lasts for `ttl` where it is not kept; `None` when somebody else holds it, or may do: only who asks again
    /// later can tell. Whoever holds it already takes it anew, and what he held before is lost.
    pub async fn take(kernel: &Kernel, name: &str, holder: &str, ttl: Ttl) -> Result<Option<Self>, Fault> {
        kernel
            .transact(async |txn| {
                let (rows, now) = (txn.rescoped(CLAIMS), kernel.now());
                let found = rows.view().get::<ClaimRow>(name).await?;
                let is_free = |row: &ClaimRow| {
                    row.until == RELEASED || row.holder == holder || kernel.claims.is_left(name, row, now, ttl)
                };
                if !found.as_ref().is_none_or(is_free) {
                    return Ok(None);
                }
                let fence = found.map_or(0, |row| row.fence) + 1;
                rows.put(name, &ClaimRow { holder: holder.to_owned(), fence, until: now.plus(ttl) })?;
                Ok(Some(Self { name: name.to_owned(), holder: holder.to_owned(), fence }))
            })
            .await
    }

    /// Lets the transaction commit only if the claim is still held. Errors: 503 when it is known to be lost.
    pub async fn check(&self, txn: Txn<'_>) -> Result<(), Fault> {
        self.find(txn).await.map(drop)
    }

    /// Holds it for `ttl` from now on; must be called more often than that. Errors: as [`Claim::check`].
    pub async fn keep(&self, kernel: &Kernel, ttl: Ttl) -> Result<(), Fault> {
        self.set_end(kernel, kernel.now().plus(ttl)).await
    }

    /// Lets others take it. Errors: as [`Claim::check`].
    pub async fn release(self, kernel: &Kernel) -> Result<(), Fault> {
        self.set_end(kernel, RELEASED).await
    }

    async fn set_end(&self, kernel: &Kernel, until: Time) -> Result<(), Fault> {
        kernel
            .transact(async |txn| {
                let row = self.find(txn).await?;
                txn.rescoped(CLAIMS).put(&self.name, &ClaimRow { until, ..row })
            })
            .await
    }

    async fn find(&self, txn: Txn<'_>) -> Result<ClaimRow, Fault> {
        let row = txn.rescoped(CLAIMS).view().get::<ClaimRow>(&self.name).await?;
        row.filter(|row| row.fence == self.fence)
            .ok_or_else(|| Fault::unavailable("another node has taken this over").because(&self.name))
    }
}

#[cfg(test)]
mod tests;
