//! Letting go of what nobody needs any more: old versions of rows, and fences of commits that were decided long ago.
use crate::commit::TXN;
use crate::dialer::{Dialer, RANGE, from_etcd, to_etcd};
use crate::messages::{CompactionRequest, CompactionResponse, RangeRequest, RangeResponse, TxnRequest, TxnResponse};
use crate::txn::delete;
use kw_store::{Revision, StoreError, prefix_end};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep};

const COMPACT: &str = "/etcdserverpb.KV/Compact";

/// How often each node looks, at most.
const LOOK_EVERY: Duration = Duration::from_secs(120);

/// For how long fences are kept: far longer than a lost request can be on its way.
const FENCES_KEPT: Duration = Duration::from_secs(600);

/// How many fences are removed at once.
const FENCES_MAX: i64 = 100;

/// Works until its runtime ends. `keep`: for how long old versions are kept, `None` if they are not ours to remove.
pub(crate) async fn run(dialer: Arc<Dialer>, keep: Option<Duration>) {
    let mut marks = Marks::default();
    loop {
        sleep(LOOK_EVERY.min(keep.unwrap_or(LOOK_EVERY))).await;
        if let Err(e) = trim(&dialer, &mut marks, keep).await {
            tracing::warn!("old versions of rows in etcd could not be removed: {e}");
        }
    }
}

/// Which revision was the newest when.
#[derive(Default)]
pub(crate) struct Marks(VecDeque<(Instant, Revision)>);

impl Marks {
    pub fn add(&mut self, newest: Revision) {
        self.0.push_back((Instant::now(), newest));
    }

    /// The newest revision that is as old as this.
    pub fn older_than(&self, age: Duration) -> Option<Revision> {
        let old = |(at, _): &&(Instant, Revision)| at.elapsed() >= age;
        self.0.iter().rev().find(old).map(|(_, revision)| *revision)
    }
}

pub(crate) async fn trim(dialer: &Dialer, marks: &mut Marks, keep: Option<Duration>) -> Result<(), StoreError> {
    let head = dialer.head().await?;
    let longest = keep.unwrap_or(FENCES_KEPT).max(FENCES_KEPT);
    // The one mark that is old enough for everything stays; those before it say no more.
    while marks.0.get(1).is_some_and(|(at, _)| at.elapsed() >= longest) {
        marks.0.pop_front();
    }
    marks.add(head.cluster);
    if let Some(old) = marks.older_than(FENCES_KEPT) {
        remove_fences(dialer, old).await?;
    }
    match keep.and_then(|keep| marks.older_than(keep)) {
        Some(old) => compact(dialer, old).await,
        None => Ok(()),
    }
}

pub(crate) async fn compact(dialer: &Dialer, at: Revision) -> Result<(), StoreError> {
    match dialer.ask::<_, CompactionResponse>(COMPACT, CompactionRequest { revision: to_etcd(at) }).await {
        // Another node was first.
        Err(StoreError::Unavailable(why)) if why.contains("has been compacted") => Ok(()),
        outcome => outcome.map(|_| ()),
    }
}

pub(crate) async fn remove_fences(dialer: &Dialer, old: Revision) -> Result<(), StoreError> {
    let key = dialer.layout.fences();
    let range_end = prefix_end(&key).into();
    let question = RangeRequest { key, range_end, limit: FENCES_MAX, keys_only: true, ..RangeRequest::default() };
    let answer: RangeResponse = dialer.ask(RANGE, question).await?;
    let success: Vec<_> =
        answer.kvs.into_iter().filter(|kv| from_etcd(kv.mod_revision) <= old).map(|kv| delete(kv.key)).collect();
    if success.is_empty() {
        return Ok(());
    }
    let _: TxnResponse = dialer.ask(TXN, TxnRequest { success, ..TxnRequest::default() }).await?;
    Ok(())
}
