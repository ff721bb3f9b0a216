//! Rows that are parsed once for each revision.
use crate::suite::{blind, delete, put};
use crate::{Clear, Memo, MemoryStore, Store, TxnCore, View};
use std::sync::Arc;

async fn shared(store: &dyn Store, memo: &Memo<u32>) -> Option<Arc<u32>> {
    View::new(store, &Clear, "m/").shared(memo, "n").await.unwrap()
}

#[tokio::test]
async fn a_row_is_parsed_once_for_each_revision() {
    let (store, memo) = (MemoryStore::new(), Memo::default());
    assert_eq!(shared(&store, &memo).await, None);
    blind(&store, vec![put("m/n", "1")]).await;
    let first = shared(&store, &memo).await.unwrap();
    assert!(Arc::ptr_eq(&first, &shared(&store, &memo).await.unwrap()));
    blind(&store, vec![put("m/other", "1")]).await;
    assert!(Arc::ptr_eq(&first, &shared(&store, &memo).await.unwrap()), "another row has nothing to do with it");
    blind(&store, vec![put("m/n", "2")]).await;
    assert_eq!(shared(&store, &memo).await.as_deref(), Some(&2));
    blind(&store, vec![delete("m/n")]).await;
    assert_eq!(shared(&store, &memo).await, None);
    blind(&store, vec![put("m/n", "3")]).await;
    assert_eq!(shared(&store, &memo).await.as_deref(), Some(&3));
}

#[tokio::test]
async fn what_was_forgotten_is_parsed_anew_and_what_comes_late_is_not_kept() {
    let (store, memo) = (MemoryStore::new(), Memo::default());
    blind(&store, vec![put("m/n", "1")]).await;
    let first = shared(&store, &memo).await.unwrap();
    let late = memo.find(b"m/n");
    memo.forget();
    memo.keep(b"m/n".to_vec(), &late, (store.revision(), 1), first.clone());
    assert!(!memo.find(b"m/n").is_kept());
    assert!(!Arc::ptr_eq(&first, &shared(&store, &memo).await.unwrap()));
}

#[tokio::test]
async fn a_transaction_sees_what_it_wrote_and_depends_on_what_it_was_lent() {
    let (store, memo) = (MemoryStore::new(), Memo::default());
    blind(&store, vec![put("m/n", "1")]).await;
    shared(&store, &memo).await.unwrap();
    let core = TxnCore::new(&store, &Clear);
    let txn = core.scoped("m/");
    assert_eq!(txn.view().shared(&memo, "n").await.unwrap().as_deref(), Some(&1));
    txn.put("n", &2).unwrap();
    assert_eq!(txn.view().shared(&memo, "n").await.unwrap().as_deref(), Some(&2));
    assert_eq!(shared(&store, &memo).await.as_deref(), Some(&1), "it is not committed");
    blind(&store, vec![put("m/n", "5")]).await;
    assert_eq!(core.commit().await, Err(crate::StoreError::Conflict));
    assert_eq!(shared(&store, &memo).await.as_deref(), Some(&5));
}

#[tokio::test]
async fn a_row_that_does_not_parse_is_an_error_and_not_kept() {
    let (store, memo) = (MemoryStore::new(), Memo::<u32>::default());
    blind(&store, vec![put("m/n", "\"text\"")]).await;
    let view = View::new(&store, &Clear, "m/");
    assert!(view.shared(&memo, "n").await.is_err());
    assert!(!memo.find(b"m/n").is_kept());
}
