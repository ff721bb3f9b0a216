use super::*;
use crate::tests::bed::Bed;
use futures_util::future::BoxFuture;
use kw_store::{Batch, Layer, MemoryStore, Revision, Write};
use std::sync::atomic::AtomicBool;

/// A node's way to a shared store, which commits nothing while the line is cut.
struct Line {
    inner: Arc<MemoryStore>,
    is_cut: AtomicBool,
}

impl Layer for Line {
    fn inner(&self) -> &dyn Store {
        self.inner.as_ref()
    }
    fn is_shared(&self) -> bool {
        true
    }
    fn commit(&self, batch: Batch) -> BoxFuture<'_, Result<Revision, StoreError>> {
        if self.is_cut.load(Ordering::SeqCst) {
            return Box::pin(async { Err(StoreError::Unavailable("the line is cut".to_owned())) });
        }
        self.inner.commit(batch)
    }
}

#[tokio::test]
async fn a_node_seals_itself_for_foreign_keys_but_not_before_the_store_has_confirmed_them() {
    let (bed, foreign) = (Bed::new(1).await, Bed::new(2).await);
    let line = Arc::new(Line { inner: bed.store.clone(), is_cut: AtomicBool::new(false) });
    let node = bed.beside_on(line.clone()).await;
    let key = Key::from(format!("{CORE}{KEYRING_ROW}"));
    let keyring = foreign.store.get(&key).await.unwrap().unwrap().value;
    line.is_cut.store(true, Ordering::SeqCst);
    let writes = vec![Write { key, value: Some(keyring) }];
    bed.store.commit(Batch { began: Revision(0), seen: Vec::new(), writes }).await.unwrap();

    // The row that would lead to the new keys is not there; whether it was not at the same moment, only the store knows.
    assert!(node.kernel.keep_up_with_keys().await.is_err());
    assert!(!node.kernel.is_sealed());
    line.is_cut.store(false, Ordering::SeqCst);
    node.kernel.keep_up_with_keys().await.unwrap();
    assert!(node.kernel.is_sealed());
}
