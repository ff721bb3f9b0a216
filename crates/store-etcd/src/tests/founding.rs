use super::etcd::Etcd;
use super::*;
use futures_util::future::join_all;

async fn refusal(etcd: &Etcd, path: &str) -> OpenError {
    match open(&options(&etcd.url(), path)).await {
        Ok(_) => unreachable!("opened {path}"),
        Err(e) => e,
    }
}

#[tokio::test]
async fn nodes_may_found_it_together() {
    let Some(etcd) = Etcd::start() else { return };
    let url = etcd.url();
    let stores = join_all((0..6).map(|_| open_at(&url, "kw"))).await;
    for (i, store) in stores.iter().enumerate() {
        blind(store.as_ref(), vec![put(&format!("{i}"), "1")]).await;
    }
    for store in &stores {
        store.newest().await.unwrap();
        assert_eq!(store.keys(b"", b"", 10).await.unwrap().len(), 6);
    }
    let keys = etcd.control(&["get", "--prefix", "/kw/", "--keys-only"]);
    let keys: Vec<&str> = keys.lines().filter(|line| !line.is_empty()).collect();
    assert_eq!(keys.len(), 8);
    assert_eq!(keys[..3], ["/kw/format", "/kw/head", "/kw/row/0"]);
    assert!(etcd.control(&["get", "/kw/format"]).contains("keywright-store 1\nid "));
}

#[tokio::test]
async fn what_is_not_ours_is_refused() {
    let Some(etcd) = Etcd::start() else { return };
    etcd.control(&["put", "/vault/core/lock", "x"]);
    let error = refusal(&etcd, "/vault").await;
    assert!(matches!(&error, OpenError::Foreign(path) if path == "/vault/"), "{error}");
    assert!(matches!(refusal(&etcd, "/").await, OpenError::Foreign(_)));
    etcd.control(&["put", "/other/format", "something else"]);
    assert!(matches!(refusal(&etcd, "other").await, OpenError::Foreign(_)));
    let store = open_at(&etcd.url(), "/kw").await;
    store.close().await.unwrap();
    etcd.control(&["put", "/kw/format", "keywright-store 2\nid 00\nmore\n"]);
    let error = refusal(&etcd, "/kw").await;
    assert!(matches!(error, OpenError::Newer { found: 2, .. }));
    assert!(error.to_string().contains("newer version"));
    for address in ["", " , ", "ftp://a:1", "http://name:LEAKME@a:1", "http://a:1/path", "a b", "http://a:x"] {
        let Err(error) = open(&options(address, "/kw")).await else { unreachable!("opened {address}") };
        assert!(matches!(error, OpenError::Option(_)) && !error.to_string().contains("LEAKME"), "{address}: {error}");
    }
}

/// A cluster under a running server that is not the one of the start.
#[tokio::test]
async fn another_store_at_the_same_place_is_refused() {
    let Some(etcd) = Etcd::start() else { return };
    let (url, switches) = super::proxy::start(etcd.port).await;
    let store = open_at(&url, "/kw").await;
    blind(store.as_ref(), vec![put("a", "1")]).await;
    etcd.control(&["del", "--prefix", "/kw/"]);
    let _other = open_at(&etcd.url(), "/kw").await;
    switches.cut();
    tokio::time::sleep(Duration::from_millis(50)).await;
    let outcome = store.commit(Batch { writes: vec![put("a", "2")], ..Batch::default() }).await;
    assert!(matches!(outcome, Err(StoreError::Corrupt(_))), "{outcome:?}");
    assert!(matches!(store.newest().await, Err(StoreError::Corrupt(_))));
}
