//! What only one node may do at a time, on a store that many share.
//!
//! A claim is a row with its holder, a time until which nobody else takes it, and a number, the fence, that grows with each
//! taking. The time alone protects nothing: a node may stop for minutes and go on as if it still held the claim, and clocks
//! differ. So every effect within the store is written in a transaction that has called [`Claim::check`]: it reads the claim's
//! row, and therefore commits only if the fence is still this one. Effects outside the store cannot be fenced; they must be such
//! that doing them twice does no harm, and their outcome is recorded in a transaction that is.
use crate::kernel::Kernel;
use crate::rows::CLAIMS;
use kw_store::Txn;
use kw_types::{Fault, Time, Ttl};
use serde::{Deserialize, Serialize};

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
    until: Time,
}

impl Claim {
    /// Takes a claim for `ttl`; `None` when somebody else holds it. Whoever holds it already takes it anew, and what he held
    /// before is lost: a process that was started again need not wait.
    pub async fn take(kernel: &Kernel, name: &str, holder: &str, ttl: Ttl) -> Result<Option<Self>, Fault> {
        kernel
            .transact(async |txn| {
                let (rows, now) = (txn.rescoped(CLAIMS), kernel.now());
                let found = rows.view().get::<ClaimRow>(name).await?;
                if found.as_ref().is_some_and(|row| row.until > now && row.holder != holder) {
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

    /// Holds it for `ttl` from now on. Errors: as [`Claim::check`].
    pub async fn keep(&self, kernel: &Kernel, ttl: Ttl) -> Result<(), Fault> {
        self.set_end(kernel, kernel.now().plus(ttl)).await
    }

    /// Lets others take it. Errors: as [`Claim::check`].
    pub async fn release(self, kernel: &Kernel) -> Result<(), Fault> {
        self.set_end(kernel, Time::ZERO).await
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
