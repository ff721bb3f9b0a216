use super::cluster::Cluster;
use super::proxy;
use super::*;
use crate::store::PostgresStore;
use std::time::Duration;

#[tokio::test]
async fn a_cut_at_the_commit_is_unknown() {
    let Some(cluster) = Cluster::start() else { return };
    let (port, switches) = proxy::start(cluster.port).await;
    let store = open_at(&cluster.url_at(port), "rows").await;
    let first = blind(store.as_ref(), vec![put("a", "1")]).await;
    assert_eq!(value(store.as_ref(), "a").await, Some("1".into()));
    switches.mute_commits.store(true, Ordering::Relaxed);
    let outcome = store.commit(Batch { writes: vec![put("a", "2")], ..Batch::default() }).await;
    assert!(matches!(outcome, Err(StoreError::Unknown(_))), "{outcome:?}");
    assert_eq!(value(store.as_ref(), "a").await, Some("2".into()), "it took place, and the old row is forgotten");
    switches.mute_commits.store(false, Ordering::Relaxed);
    assert_eq!(store.newest().await, Ok(Revision(first.0 + 1)));
    assert_eq!(blind(store.as_ref(), vec![put("a", "3")]).await, Revision(first.0 + 2));
}

/// Whether it took place or not: when the answer comes it is decided, and reading tells.
#[tokio::test]
async fn after_an_unknown_commit_reading_tells() {
    let Some(cluster) = Cluster::start() else { return };
    let (port, switches) = proxy::start(cluster.port).await;
    let store = open_at(&cluster.url_at(port), "rows").await;
    for i in 0..30 {
        value(store.as_ref(), "a").await;
        switches.cut_commits.store(true, Ordering::Relaxed);
        let large = format!("{i} {}", "x".repeat(200_000));
        let outcome = store.commit(Batch { writes: vec![put("a", large)], ..Batch::default() }).await;
        assert!(matches!(outcome, Err(StoreError::Unknown(_))), "{outcome:?}");
        switches.cut_commits.store(false, Ordering::Relaxed);
        let found = value(store.as_ref(), "a").await;
        tokio::time::sleep(Duration::from_millis(20)).await;
        store.newest().await.unwrap();
        assert_eq!(value(store.as_ref(), "a").await, found);
    }
}

#[tokio::test]
async fn cut_connections_are_replaced() {
    let Some(cluster) = Cluster::start() else { return };
    let (port, switches) = proxy::start(cluster.port).await;
    let store = open_at(&cluster.url_at(port), "rows").await;
    for i in 0..5 {
        blind(store.as_ref(), vec![put("a", i.to_string())]).await;
        assert_eq!(store.scan(b"", b"", 10).await.unwrap().len(), 1);
        switches.cut();
        tokio::time::sleep(Duration::from_millis(30)).await;
        assert_eq!(store.scan(b"", b"", 10).await.unwrap().len(), 1, "a read is asked again");
    }
    switches.down.store(true, Ordering::Relaxed);
    switches.cut();
    tokio::time::sleep(Duration::from_millis(30)).await;
    let outcome = store.commit(Batch { writes: vec![put("a", "x")], ..Batch::default() }).await;
    assert!(matches!(outcome, Err(StoreError::Unavailable(_))), "{outcome:?}");
    assert!(matches!(store.keys(b"", b"", 1).await, Err(StoreError::Unavailable(_))));
    assert!(matches!(store.newest().await, Err(StoreError::Unavailable(_))));
    switches.down.store(false, Ordering::Relaxed);
    blind(store.as_ref(), vec![put("a", "back")]).await;
    assert_eq!(value(store.as_ref(), "a").await, Some("back".into()));
}

/// Nobody waits for a line that swallows everything as long as a statement may take, neither with connections of before nor
/// with new ones.
#[tokio::test]
async fn a_silent_line_is_no_hang() {
    let Some(cluster) = Cluster::start() else { return };
    let (port, switches) = proxy::start(cluster.port).await;
    let store = open_at(&cluster.url_at(port), "rows").await;
    blind(store.as_ref(), vec![put("a", "1")]).await;
    assert_eq!(store.scan(b"", b"", 10).await.unwrap().len(), 1);
    switches.silent.store(true, Ordering::Relaxed);
    for connections in ["of before", "new"] {
        let asked = async {
            futures_util::join!(
                async { store.newest().await.map(drop) },
                async { store.get(b"b").await.map(drop) },
                async { store.scan(b"", b"", 10).await.map(drop) },
            )
        };
        // A statement may take 30 seconds.
        let (newest, get, scan) = tokio::time::timeout(Duration::from_secs(25), asked).await.expect(connections);
        for outcome in [newest, get, scan] {
            assert!(matches!(outcome, Err(StoreError::Unavailable(_))), "{connections}: {outcome:?}");
        }
    }
    switches.silent.store(false, Ordering::Relaxed);
    switches.cut();
    for tries in 0.. {
        match store.newest().await {
            Ok(_) => break,
            Err(e) => assert!(tries < 10, "it comes back: {e}"),
        }
    }
    assert_eq!(store.scan(b"", b"", 10).await.unwrap().len(), 1);
    blind(store.as_ref(), vec![put("a", "2")]).await;
    assert_eq!(value(store.as_ref(), "a").await, Some("2".into()));
}

/// A node that was away for longer than changes are kept must forget, not believe that nothing has happened.
#[tokio::test]
async fn who_was_away_too_long_forgets() {
    let Some(cluster) = Cluster::start() else { return };
    let (port, switches) = proxy::start(cluster.port).await;
    let near = PostgresStore::open(&options(&cluster.url(), "rows")).await.unwrap();
    let far = open_at(&cluster.url_at(port), "rows").await;
    let heard = Arc::new(Recorder::default());
    far.watch(Key::new(), heard.clone());
    blind(&near, vec![put("a", "1")]).await;
    far.newest().await.unwrap();
    assert_eq!(value(far.as_ref(), "a").await, Some("1".into()));
    switches.down.store(true, Ordering::Relaxed);
    switches.cut();
    for i in 2..5 {
        blind(&near, vec![put("a", i.to_string())]).await;
    }
    // The first mark is set, the second lets go of what lies before the first.
    for _ in 0..2 {
        crate::trim::trim(near.dialer(), Duration::ZERO).await.unwrap();
    }
    blind(&near, vec![put("b", "1")]).await;
    cluster.sql("DO $$ BEGIN ASSERT (SELECT count(*) FROM rows_changes) = 1; END $$").await;
    switches.down.store(false, Ordering::Relaxed);
    let newest = loop {
        match far.newest().await {
            Ok(newest) => break newest,
            Err(e) => assert!(matches!(e, StoreError::Unavailable(_)), "{e}"),
        }
    };
    assert_eq!(newest, Revision(5));
    assert_eq!(heard.lost.load(Ordering::Relaxed), 1);
    assert_eq!(value(far.as_ref(), "a").await, Some("4".into()));
}

#[tokio::test]
async fn a_database_that_went_back_is_refused() {
    let Some(cluster) = Cluster::start() else { return };
    let store = open_at(&cluster.url(), "rows").await;
    blind(store.as_ref(), vec![put("a", "1")]).await;
    blind(store.as_ref(), vec![put("a", "2")]).await;
    cluster.sql("UPDATE rows_meta SET revision = 1").await;
    assert!(matches!(store.newest().await, Err(StoreError::Corrupt(_))));
    let outcome = store.commit(Batch { writes: vec![put("a", "3")], ..Batch::default() }).await;
    assert!(matches!(outcome, Err(StoreError::Corrupt(_))), "{outcome:?}");
    assert!(matches!(store.get(b"a").await, Err(StoreError::Corrupt(_))), "also what was remembered is forgotten");
}

/// A statement that fails leaves nothing behind, and the answer says so.
#[tokio::test]
async fn a_failed_statement_writes_nothing() {
    let Some(cluster) = Cluster::start() else { return };
    let store = open_at(&cluster.url(), "rows").await;
    let at = blind(store.as_ref(), vec![put("a", "1")]).await;
    cluster.sql("ALTER TABLE rows ADD CONSTRAINT small CHECK (length(value) < 10)").await;
    let writes = vec![put("b", "1"), put("c", "x".repeat(20))];
    let outcome = store.commit(Batch { writes, ..Batch::default() }).await;
    assert!(matches!(outcome, Err(StoreError::Unavailable(_))), "{outcome:?}");
    assert_eq!(store.newest().await, Ok(at));
    assert_eq!(value(store.as_ref(), "b").await, None);
    blind(store.as_ref(), vec![put("b", "2")]).await;
}
