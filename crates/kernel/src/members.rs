//! The nodes that serve one store. Each is like any other: there is no leader to find and none to elect.
//!
//! A node of a shared store tells of itself in a row, again and again. Nothing depends on these rows but what operators and load
//! balancers are shown; who may do what is settled by transactions and [`crate::claims`].
use crate::kernel::Kernel;
use crate::rows::MEMBERS;
use kw_store::Page;
use kw_types::{Fault, Time, Ttl};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How often a node tells that it is there.
const PAUSE: Duration = Duration::from_secs(5);

/// So long after its last word a node is no longer shown as one that serves.
const SILENT_AFTER: Ttl = Ttl::from_seconds(20);

/// So long after its last word its row is deleted.
const FORGOTTEN_AFTER: Ttl = Ttl::from_seconds(3600);

/// The row `sys/member/<node>`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Member {
    pub hostname: String,
    pub api_address: String,
    pub cluster_address: String,
    pub version: String,
    /// Since when the process runs.
    pub started: Time,
    /// When it last told of itself, by its own clock.
    pub seen: Time,
}

impl Member {
    /// Whether it was heard of lately. A clock that is ahead counts as now.
    pub fn serves(&self, now: Time) -> bool {
        now.since(self.seen) <= SILENT_AFTER
    }
}

impl Kernel {
    /// This node, as it tells of itself.
    pub(crate) fn member(&self) -> Member {
        Member {
            hostname: rustix::system::uname().nodename().to_string_lossy().into_owned(),
            api_address: self.settings.api_addr.clone(),
            cluster_address: self.settings.cluster_addr.clone(),
            version: self.settings.api_version.clone(),
            started: self.seal.started,
            seen: self.now(),
        }
    }

    /// The nodes of the store, this one first.
    pub(crate) async fn members(&self) -> Result<Vec<Member>, Fault> {
        let mut members = vec![self.member()];
        if self.store.is_shared() {
            let rows = self.view(MEMBERS);
            for name in rows.names("", Page::default()).await?.into_iter().filter(|name| *name != self.node) {
                members.extend(rows.get::<Member>(&name).await?);
            }
        }
        Ok(members)
    }

    async fn tell_of_itself(&self) -> Result<(), Fault> {
        let (mine, now) = (self.member(), self.now());
        self.transact(async |txn| {
            let rows = txn.rescoped(MEMBERS);
            for name in rows.view().names("", Page::default()).await?.into_iter().filter(|name| *name != self.node) {
                let known = rows.view().get::<Member>(&name).await?;
                if known.is_some_and(|member| now.since(member.seen) > FORGOTTEN_AFTER) {
                    rows.delete(&name);
                }
            }
            rows.put(&self.node, &mine)
        })
        .await
    }
}

/// Tells of this node until the future is dropped. Does nothing where the store is the node's own.
pub(crate) async fn run(kernel: &Kernel) {
    while kernel.store.is_shared() {
        if !kernel.is_sealed()
            && let Err(fault) = kernel.tell_of_itself().await
        {
            tracing::debug!(%fault, "this node could not tell the others of itself");
        }
        tokio::time::sleep(PAUSE).await;
    }
}
