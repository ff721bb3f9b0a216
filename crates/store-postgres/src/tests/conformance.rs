use super::cluster::Cluster;
use super::*;
use futures_util::future::join_all;
use kw_store::suite;
use kw_store::{KEY_LEN_MAX, Write};

#[tokio::test]
async fn passes_the_suite() {
    let Some(cluster) = Cluster::start() else { return };
    let next = AtomicU64::new(0);
    let fresh = async || open_at(&cluster.url(), &format!("t{}", next.fetch_add(1, Ordering::Relaxed))).await;
    suite::run(fresh).await;
}

#[tokio::test]
async fn nodes_on_it_pass_the_suite() {
    let Some(cluster) = Cluster::start() else { return };
    let next = AtomicU64::new(0);
    suite::shared::run(async |nodes| {
        let (url, table) = (cluster.url(), format!("t{}", next.fetch_add(1, Ordering::Relaxed)));
        join_all((0..nodes).map(|_| open_at(&url, &table))).await
    })
    .await;
}

#[tokio::test]
async fn a_unix_socket_and_a_schema_will_do() {
    let Some(cluster) = Cluster::start() else { return };
    cluster.sql("CREATE SCHEMA apart").await;
    let store = open_at(&cluster.words(), "apart.rows").await;
    blind(store.as_ref(), vec![put("a", "1")]).await;
    assert_eq!(value(store.as_ref(), "a").await, Some("1".into()));
    store.close().await.unwrap();
    let again = open_at(&cluster.words(), "apart.rows").await;
    assert_eq!(value(again.as_ref(), "a").await, Some("1".into()));
    assert_eq!(again.newest().await, Ok(Revision(1)));
    cluster.sql("DO $$ BEGIN ASSERT (SELECT count(*) FROM apart.rows_changes) = 1; END $$").await;
}

/// Keys longer than what an index takes, which no compression makes shorter.
#[tokio::test]
async fn long_keys_are_kept_apart_and_in_order() {
    let Some(cluster) = Cluster::start() else { return };
    let store = open_at(&cluster.url(), "rows").await;
    let noise = |seed: u32, len: usize| {
        let mut state = seed | 1;
        let mut next = move || {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            (state >> 11) as u8
        };
        (0..len).map(|_| next()).collect::<Vec<u8>>()
    };
    let long = noise(7, KEY_LEN_MAX);
    let mut keys: Vec<Key> = vec![long.clone().into(), long[..1024].to_vec().into(), long[..1025].to_vec().into()];
    keys.extend((0..20).map(|seed| Key::from([&long[..1500], &noise(seed * 31 + 5, 9000)].concat())));
    keys.push(long[..1023].to_vec().into());
    let writes = keys.iter().map(|key| Write { key: key.clone(), value: Some(key.slice(..8)) });
    let at = blind(store.as_ref(), writes.collect()).await;
    keys.sort();
    assert_eq!(store.keys(b"", b"", 100).await.unwrap(), keys);
    for window in keys.windows(3) {
        assert_eq!(store.keys(&window[0], &window[2], 100).await.unwrap(), window[..2]);
        assert_eq!(store.get(&window[1]).await.unwrap().unwrap().revision, at);
    }
    let batch = Batch {
        began: at,
        seen: vec![(keys[9].clone(), at)],
        writes: vec![Write { key: keys[9].clone(), value: None }],
    };
    store.commit(batch.clone()).await.unwrap();
    assert_eq!(store.commit(batch).await, Err(StoreError::Conflict));
    keys.remove(9);
    assert_eq!(store.keys(b"", b"", 100).await.unwrap(), keys);
}
