//! A transaction that refuses: whether what it read was all true at one moment.
use crate::suite::{blind, delete, put};
use crate::{Clear, MemoryStore, StoreError, TxnCore};

async fn two_rows() -> MemoryStore {
    let store = MemoryStore::new();
    blind(&store, vec![put("a", "1"), put("b", "1")]).await;
    store
}

async fn read(core: &TxnCore<'_>, name: &str) {
    core.scoped("").view().get_bytes(name).await.unwrap();
}

#[tokio::test]
async fn what_changed_between_two_reads_is_noticed() {
    for change in [put("b", "2"), delete("b")] {
        let store = two_rows().await;
        let core = TxnCore::new(&store, &Clear);
        read(&core, "a").await;
        blind(&store, vec![put("a", "2"), change]).await;
        read(&core, "b").await;
        assert_eq!(core.check().await, Err(StoreError::Conflict));
        assert_eq!(core.commit().await, Err(StoreError::Conflict), "an answer without writes is a kind of refusal");
    }
}

#[tokio::test]
async fn one_row_is_always_of_one_moment_unless_it_is_read_twice() {
    let store = two_rows().await;
    let core = TxnCore::new(&store, &Clear);
    read(&core, "a").await;
    blind(&store, vec![put("a", "2")]).await;
    assert_eq!(core.check().await, Ok(()));
    read(&core, "a").await;
    assert_eq!(core.check().await, Err(StoreError::Conflict));
}

#[tokio::test]
async fn rows_that_are_older_than_the_transaction_need_no_second_look() {
    let store = two_rows().await;
    let core = TxnCore::new(&store, &Clear);
    read(&core, "a").await;
    read(&core, "b").await;
    // Both were so when it began, so it may refuse by them whatever has happened since; but it may not write.
    blind(&store, vec![put("a", "2")]).await;
    assert_eq!(core.check().await, Ok(()));
    core.scoped("").put_bytes("c", "1");
    assert_eq!(core.commit().await, Err(StoreError::Conflict));
}

#[tokio::test]
async fn what_is_not_there_may_have_been_there_before() {
    let store = two_rows().await;
    let core = TxnCore::new(&store, &Clear);
    read(&core, "a").await;
    read(&core, "none").await;
    assert_eq!(core.check().await, Ok(()), "nobody has changed anything");
    blind(&store, vec![put("a", "2")]).await;
    assert_eq!(core.check().await, Err(StoreError::Conflict));
    core.reset();
    assert_eq!(core.check().await, Ok(()));
}
