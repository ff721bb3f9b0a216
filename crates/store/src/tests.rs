use crate::suite::{self, model::Step};
use crate::{Batch, CACHE_BYTES, Cached, Key, MemoryStore, Revision, Row, Store, StoreError, Watcher, snapshot};
use parking_lot::Mutex;
use proptest::prelude::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

mod cache;
mod memo;
mod refusals;
mod snapshots;

#[tokio::test]
async fn memory_store_passes_the_suite() {
    suite::run(async || Arc::new(MemoryStore::new()) as Arc<dyn Store>).await;
}

#[tokio::test]
async fn a_cache_passes_the_suite() {
    suite::run(async || Arc::new(Cached::new(MemoryStore::new(), CACHE_BYTES)) as Arc<dyn Store>).await;
}

#[tokio::test]
async fn a_tiny_cache_passes_the_suite() {
    suite::run(async || Arc::new(Cached::new(MemoryStore::new(), 2000)) as Arc<dyn Store>).await;
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let number = 0_u8..16;
    let write = (number.clone(), proptest::option::of(any::<u16>()));
    let commit = (prop::collection::vec(number.clone(), 0..4), prop::collection::vec(write, 0..5), any::<bool>());
    let step = prop_oneof![
        4 => commit.prop_map(|(seen, writes, stale)| Step::Commit { seen, writes, stale }),
        1 => number.clone().prop_map(Step::Get),
        1 => (number.clone(), number, 0_usize..10).prop_map(|(start, end, limit)| Step::Scan { start, end, limit }),
    ];
    prop::collection::vec(step, 0..40)
}

proptest! {
    #[test]
    fn stores_are_ordered_maps(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(suite::model::compare(&MemoryStore::new(), &steps));
        runtime.block_on(suite::model::compare(&Cached::new(MemoryStore::new(), 3000), &steps));
    }
}
