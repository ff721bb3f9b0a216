use super::etcd::Etcd;
use super::*;
use futures_util::future::join_all;
use kw_store::{KEY_LEN_MAX, VALUE_LEN_MAX, Write, suite};

#[tokio::test]
async fn passes_the_suite() {
    let Some(etcd) = Etcd::start() else { return };
    let next = AtomicU64::new(0);
    let fresh = async || open_at(&etcd.url(), &format!("/t{}", next.fetch_add(1, Ordering::Relaxed))).await;
    suite::run(fresh).await;
}

#[tokio::test]
async fn nodes_on_it_pass_the_suite() {
    let Some(etcd) = Etcd::start() else { return };
    let next = AtomicU64::new(0);
    suite::shared::run(async |nodes| {
        let (url, path) = (etcd.url(), format!("/t{}", next.fetch_add(1, Ordering::Relaxed)));
        join_all((0..nodes).map(|_| open_at(&url, &path))).await
    })
    .await;
}

/// More than etcd takes in one transaction of its own.
#[tokio::test]
async fn large_batches_are_still_one() {
    let Some(etcd) = Etcd::start() else { return };
    let store = open_at(&etcd.url(), "/kw").await;
    let name = |i: usize| format!("row/{i:05}");
    for writes in [126, 127, 128, 129, 2000, 63 * 64] {
        let at = blind(store.as_ref(), (0..writes).map(|i| put(&name(i), writes.to_string())).collect()).await;
        let rows = store.scan(b"row/", b"row0", usize::MAX).await.unwrap();
        assert_eq!(rows.iter().filter(|(_, row)| row.revision == at).count(), writes);
    }
    let many = (0..=63 * 64).map(|i| put(&name(i), "")).collect();
    let outcome = store.commit(Batch { writes: many, ..Batch::default() }).await;
    assert_eq!(outcome, Err(StoreError::TooLarge));
    let large = (0..2).map(|i| put(&name(i), vec![7; VALUE_LEN_MAX])).collect();
    let outcome = store.commit(Batch { writes: large, ..Batch::default() }).await;
    assert_eq!(outcome, Err(StoreError::TooLarge), "more than etcd takes in one request");
    assert_eq!(store.keys(b"row/", b"row0", usize::MAX).await.unwrap().len(), 63 * 64);
}

/// More than etcd compares in one transaction.
#[tokio::test]
async fn whatever_was_seen_is_compared() {
    let Some(etcd) = Etcd::start() else { return };
    let store = open_at(&etcd.url(), "/kw").await;
    let key = |i: usize| Key::from(format!("row/{i:05}"));
    for count in [60, 63, 64, 65, 500] {
        let row = |i| Write { key: key(i), value: Some("1".into()) };
        let at = blind(store.as_ref(), (0..count).map(row).collect()).await;
        let seen: Vec<_> = (0..count).map(|i| (key(i), at)).collect();
        let batch = |n: usize| Batch {
            began: at,
            seen: seen.clone(),
            writes: (0..300).map(|i| put(&format!("new/{i}"), n.to_string())).collect(),
        };
        store.commit(batch(1)).await.unwrap();
        blind(store.as_ref(), vec![Write { key: key(count / 2), value: None }]).await;
        assert_eq!(store.commit(batch(2)).await, Err(StoreError::Conflict));
        assert_eq!(value(store.as_ref(), "new/299").await, Some("1".into()), "{count}");
    }
}

#[tokio::test]
async fn long_ranges_are_read_in_pages_of_one_moment() {
    let Some(etcd) = Etcd::start() else { return };
    let store = open_at(&etcd.url(), "/kw").await;
    for part in 0..10 {
        blind(store.as_ref(), (0..1000).map(|i| put(&format!("{part}/{i:04}"), "x")).collect()).await;
    }
    let writing = async {
        for i in 0..200 {
            blind(store.as_ref(), vec![put(&format!("0/new{i}"), ""), put(&format!("9/new{i}"), "")]).await;
        }
    };
    let reading = async {
        for _ in 0..5 {
            let keys = store.keys(b"", b"", usize::MAX).await.unwrap();
            assert_eq!(keys.len() % 2, 0, "both or none");
            let rows = store.scan(b"", b"", usize::MAX).await.unwrap();
            assert_eq!(rows.len() % 2, 0);
            assert!(keys.len() >= 10_000 && rows.len() >= keys.len() && rows.is_sorted_by(|(a, _), (b, _)| a < b));
        }
    };
    futures_util::join!(writing, reading);
    let long = vec![put(&"k".repeat(KEY_LEN_MAX), "1")];
    blind(store.as_ref(), long).await;
    assert_eq!(store.keys(b"k", b"", 2).await.unwrap().len(), 1);
}
