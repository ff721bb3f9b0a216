//! How long the users of a mount live.
use kw_engine::{Cx, Data, Fault, Nothing, Request, Response, Ttl, Txn, View};
use serde::{Deserialize, Serialize};

const ROW: &str = "config/lease";

/// The times of leases, as stored and shown. Zero: the mount's.
#[derive(Clone, Copy, Default, Serialize, Deserialize, Response)]
pub(super) struct LeaseConfig {
    /// Seconds that a user lives at first.
    #[field(kind = "Duration")]
    pub(super) ttl: Ttl,
    /// The longest life with renewals, in seconds.
    #[field(kind = "Duration")]
    pub(super) max_ttl: Ttl,
}

/// Sets how long users live. What is not given is set to 0, which means the mount's own times.
#[derive(Request)]
pub(super) struct Write {
    /// How long a user lives at first.
    ttl: Ttl,
    /// The longest life with renewals.
    max_ttl: Ttl,
}

pub(super) async fn read(_: &Cx<'_>, view: View<'_>, _: Nothing) -> Result<Option<Data<LeaseConfig>>, Fault> {
    Ok(view.get(ROW).await?.map(Data))
}

pub(super) async fn write(_: &Cx<'_>, txn: Txn<'_>, asked: Write) -> Result<(), Fault> {
    txn.put(ROW, &LeaseConfig { ttl: asked.ttl, max_ttl: asked.max_ttl })
}

/// The stored times; zeroes where there are none.
pub(super) async fn load(view: View<'_>) -> Result<LeaseConfig, Fault> {
    Ok(view.get(ROW).await?.unwrap_or_default())
}
