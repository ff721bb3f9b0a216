//! Revoking many leases at once. What takes long is the peers that their credentials are at: each mount has a lane of its own,
//! so that one whose peer does not answer holds up no other.
use super::revoke::revoke_now_or_later;
use super::walk::Due;
use crate::kernel::Kernel;
use crate::mounts::MountTable;
use crate::pace::give_way;
use crate::rows::{EXPIRY, expiry};
use futures_util::future::{Either, LocalBoxFuture, select};
use futures_util::stream::{FuturesUnordered, StreamExt};
use kw_store::Txn;
use kw_types::{Fault, FaultKind, Ttl};
use std::collections::{BTreeMap, HashSet, VecDeque};
use std::pin::pin;
use std::time::Duration;
use tokio::time::{Interval, MissedTickBehavior, interval};

/// How many leases of a mount are revoked at once.
const AT_ONCE: usize = 16;

/// How many are begun or done with before requests go on.
const TURN: usize = 4;

/// How many may wait in a lane.
const LANE_LEN: usize = 256;

/// A lane in which nothing was done for so long is stuck: the others are filled up without it.
const PATIENCE: Duration = Duration::from_millis(500);

/// When a lease is tried again whose row cannot be read.
const UNREADABLE_PAUSE: Ttl = Ttl::from_hours(1);

/// All lanes, by the mount's identifier; leases of mounts that are gone share one.
pub(super) struct Lanes<'k> {
    by_mount: BTreeMap<String, Lane>,
    running: FuturesUnordered<LocalBoxFuture<'k, Done>>,
    /// All that wait or are running: a walk that begins anew comes to them again.
    known: HashSet<String>,
    /// What was done since requests went on.
    turn: usize,
    patience: Interval,
}

/// What a step came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// One lease is done with, or its turn is over.
    Ended,
    /// The patience is over.
    Waited,
    /// Nothing is left.
    Idle,
}

/// A lease that was tried.
struct Done {
    mount: String,
    id: String,
    outcome: Result<(), Fault>,
}

#[derive(Default)]
struct Lane {
    waiting: VecDeque<String>,
    running: usize,
    has_moved: bool,
    is_stuck: bool,
}

impl<'k> Lanes<'k> {
    pub fn new() -> Self {
        let (by_mount, running, known) = (BTreeMap::new(), FuturesUnordered::new(), HashSet::new());
        let mut patience = interval(PATIENCE);
        // The first tick would be at once.
        patience.reset();
        patience.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { by_mount, running, known, turn: 0, patience }
    }

    /// Whether more can be queued to some use.
    pub fn have_room(&self) -> bool {
        let waiting: usize = self.by_mount.values().filter(|lane| !lane.is_stuck).map(|lane| lane.waiting.len()).sum();
        waiting < LANE_LEN / 2
    }

    /// Those whose lanes take them; the others are found again by the next walk.
    pub fn welcome(&self, table: &MountTable, due: Vec<Due>) -> Vec<Due> {
        let takes = |id: &str| self.by_mount.get(lane_of(table, id)).is_none_or(|lane| lane.waiting.len() < LANE_LEN);
        due.into_iter().filter(|due| takes(&due.id)).collect()
    }

    pub fn queue(&mut self, table: &MountTable, ids: Vec<String>) {
        for id in ids {
            if !self.known.insert(id.clone()) {
                continue;
            }
            let key = lane_of(table, &id);
            if !self.by_mount.contains_key(key) {
                self.by_mount.insert(key.to_owned(), Lane::default());
            }
            if let Some(lane) = self.by_mount.get_mut(key) {
                lane.waiting.push_back(id);
            }
        }
    }

    /// Begins what may begin, and waits until one is done or for as long as the patience lasts. Errors: those of the store.
    pub async fn step(&mut self, kernel: &'k Kernel) -> Result<Step, Fault> {
        self.begin(kernel);
        if self.turn >= TURN {
            self.turn = 0;
            give_way().await;
        }
        let next = {
            let tick = pin!(self.patience.tick());
            match select(self.running.next(), tick).await {
                Either::Left((done, _)) => Some(done),
                Either::Right(_) => None,
            }
        };
        if let Some(done) = next {
            return self.end(kernel, done);
        }
        for lane in self.by_mount.values_mut() {
            lane.is_stuck = lane.running > 0 && !lane.has_moved;
            lane.has_moved = false;
        }
        Ok(Step::Waited)
    }

    fn begin(&mut self, kernel: &'k Kernel) {
        for (key, lane) in &mut self.by_mount {
            while lane.running < AT_ONCE
                && self.turn < TURN
                && let Some(id) = lane.waiting.pop_front()
            {
                (lane.running, self.turn) = (lane.running + 1, self.turn + 1);
                let mount = key.clone();
                self.running.push(Box::pin(async move {
                    let outcome = revoke_or_put_off(kernel, &id).await;
                    Done { mount, id, outcome }
                }));
            }
        }
    }

    fn end(&mut self, kernel: &Kernel, done: Option<Done>) -> Result<Step, Fault> {
        let Some(Done { mount, id, outcome }) = done else {
            let is_idle = self.by_mount.values().all(|lane| lane.waiting.is_empty());
            return Ok(if is_idle { Step::Idle } else { Step::Ended });
        };
        if let Some(lane) = self.by_mount.get_mut(&mount) {
            (lane.running, lane.has_moved) = (lane.running - 1, true);
        }
        self.turn += 1;
        kernel.counters.expired.add(1);
        self.known.remove(&id);
        outcome.map(|()| Step::Ended)
    }
}

fn lane_of<'t>(table: &'t MountTable, id: &str) -> &'t str {
    table.find(id).map_or("", |(mount, _)| mount.uuid.as_str())
}

/// Revokes leases; what fails is left to the expiry job. Errors: those of the store.
pub(crate) async fn revoke_many(kernel: &Kernel, ids: &[&str]) -> Result<(), Fault> {
    let mut all = futures_util::stream::iter(ids).map(|id| revoke_or_put_off(kernel, id)).buffer_unordered(AT_ONCE);
    while let Some(done) = all.next().await {
        done?;
        give_way().await;
    }
    Ok(())
}

/// A lease that cannot even be read is set aside, so that it does not stop the others.
async fn revoke_or_put_off(kernel: &Kernel, id: &str) -> Result<(), Fault> {
    match revoke_now_or_later(kernel, id).await {
        Err(fault) if fault.kind() == FaultKind::Internal => {
            kernel
                .transact(async |txn| {
                    put_off(kernel, txn, id, "", &fault);
                    Ok(())
                })
                .await
        }
        done => done,
    }
}

/// Has a lease that cannot be read found again later, instead of by the index row `name`.
pub(super) fn put_off(kernel: &Kernel, txn: Txn<'_>, id: &str, name: &str, fault: &Fault) {
    tracing::error!(lease = id, %fault, "a lease cannot be read; it is tried again in an hour");
    let index = txn.rescoped(EXPIRY);
    if !name.is_empty() {
        index.delete(name);
    }
    index.put_bytes(&expiry(kernel.now().plus(UNREADABLE_PAUSE), 'l', id), "");
}
