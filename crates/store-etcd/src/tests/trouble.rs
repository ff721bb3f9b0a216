use super::etcd::Etcd;
use super::proxy;
use super::*;
use crate::store::EtcdStore;
use kw_store::Write;
use std::time::Duration;
use tokio::time::{Instant, sleep};

fn only(key: &str, value: &str) -> Batch {
    Batch { writes: vec![put(key, value.to_owned())], ..Batch::default() }
}

/// The answer is lost, the commit has taken place, and reading tells.
#[tokio::test]
async fn a_lost_answer_is_unknown() {
    let Some(etcd) = Etcd::start() else { return };
    let (url, switches) = proxy::start(etcd.port).await;
    let store = open_at(&url, "/kw").await;
    let first = blind(store.as_ref(), vec![put("a", "1")]).await;
    assert_eq!(value(store.as_ref(), "a").await, Some("1".into()));
    switches.mute.store(true, Ordering::Relaxed);
    let (outcome, ()) = futures_util::join!(store.commit(only("a", "2")), async {
        sleep(Duration::from_millis(300)).await;
        switches.mute.store(false, Ordering::Relaxed);
        switches.cut();
    });
    assert!(matches!(outcome, Err(StoreError::Unknown(_))), "{outcome:?}");
    assert_eq!(value(store.as_ref(), "a").await, Some("2".into()), "it took place, and the old row is forgotten");
    assert!(store.newest().await.unwrap() > first);
    blind(store.as_ref(), vec![put("a", "3")]).await;
    assert_eq!(etcd.control(&["get", "--prefix", "/kw/fence/", "--keys-only"]).trim().lines().count(), 1);
}

/// Whether it took place or not: when the answer comes it is decided, and reading tells.
#[tokio::test]
async fn after_an_unknown_commit_reading_tells() {
    let Some(etcd) = Etcd::start() else { return };
    let (url, switches) = proxy::start(etcd.port).await;
    let store = open_at(&url, "/kw").await;
    let (mut unknown, mut absent) = (0, 0);
    for i in 0_u64..40 {
        value(store.as_ref(), "a").await;
        let batch = only("a", &format!("{i} {}", "x".repeat(300_000)));
        let (outcome, ()) = futures_util::join!(store.commit(batch), async {
            sleep(Duration::from_micros(i * 1500)).await;
            switches.cut();
        });
        assert!(matches!(outcome, Ok(_) | Err(StoreError::Unknown(_))), "{outcome:?}");
        unknown += u32::from(outcome.is_err());
        let found = value(store.as_ref(), "a").await;
        absent += u32::from(found.as_ref().is_none_or(|v| !v.starts_with(format!("{i} ").as_bytes())));
        sleep(Duration::from_millis(20)).await;
        store.newest().await.unwrap();
        assert_eq!(value(store.as_ref(), "a").await, found);
    }
    println!("{unknown} of 40 were not known, of which {absent} did not take place");
    assert!(unknown > 0);
}

/// A commit that never arrived cannot arrive later, and one beside it that was fenced off is sent again.
#[tokio::test]
async fn a_fence_keeps_late_commits_out() {
    let Some(etcd) = Etcd::start() else { return };
    let store = EtcdStore::open(&options(&etcd.url(), "/kw")).await.unwrap();
    let dialer = store.dialer().clone();
    let layout = dialer.layout.clone();
    let fence = crate::fence::Fence::new(&dialer, &Counting);
    let late = crate::txn::transaction(&layout, Vec::new(), &[put("a", "late")], fence.key(fence.generation()));
    store.commit(only("a", "1")).await.unwrap();
    let handle = store.handle().clone();
    let (fence, answer) = handle
        .spawn(async move {
            fence.raise(&dialer, 1).await.unwrap();
            assert_eq!(fence.generation(), 2);
            let answer: crate::messages::TxnResponse = dialer.ask(crate::commit::TXN, late).await.unwrap();
            (fence, answer)
        })
        .await
        .unwrap();
    assert!(!answer.succeeded);
    assert!(crate::txn::fetched(answer.responses.get(1)).is_some(), "it can tell why");
    assert_eq!(store.get(b"a").await.unwrap().unwrap().value, "1");
    let dialer = store.dialer().clone();
    let committer = crate::commit::Committer { dialer: dialer.clone(), fence };
    // A commit that was on its way is sent again behind a new fence.
    let again = async move {
        let raise = committer.fence.raise(&dialer, 2);
        let batch = only("a", "2");
        futures_util::join!(raise, committer.commit(&batch)).1
    };
    handle.spawn(again).await.unwrap().unwrap();
    // Whichever of the two came last, the fence is older than this.
    store.commit(only("b", "1")).await.unwrap();
    let (dialer, newest) = (store.dialer().clone(), store.newest().await.unwrap());
    let remove = async move { crate::trim::remove_fences(&dialer, newest).await.unwrap() };
    handle.spawn(remove).await.unwrap();
    assert_eq!(etcd.control(&["get", "--prefix", "/kw/fence/", "--keys-only"]), "", "when it is old");
    assert_eq!(store.get(b"a").await.unwrap().unwrap().value, "2");
}

#[tokio::test]
async fn cut_connections_are_replaced() {
    let Some(etcd) = Etcd::start() else { return };
    let (url, switches) = proxy::start(etcd.port).await;
    let store = open_at(&url, "/kw").await;
    let heard = Arc::new(Recorder::default());
    store.watch(Key::new(), heard.clone());
    for i in 0..5 {
        blind(store.as_ref(), vec![put("a", i.to_string())]).await;
        assert_eq!(store.scan(b"", b"", 10).await.unwrap().len(), 1);
        switches.cut();
        assert_eq!(store.scan(b"", b"", 10).await.unwrap().len(), 1, "a read is asked again");
    }
    store.newest().await.unwrap();
    let told: Vec<Revision> = heard.told.lock().iter().map(|(_, at)| *at).collect();
    assert!(told.is_sorted(), "{told:?}");
    assert_eq!(heard.lost.load(Ordering::Relaxed), 0, "nothing is lost by a cut");
    switches.down.store(true, Ordering::Relaxed);
    switches.cut();
    sleep(Duration::from_millis(100)).await;
    let began = Instant::now();
    let outcome = store.commit(only("a", "x")).await;
    assert!(matches!(outcome, Err(StoreError::Unavailable(_))), "{outcome:?}");
    assert!(matches!(store.keys(b"", b"", 1).await, Err(StoreError::Unavailable(_))));
    assert!(matches!(store.newest().await, Err(StoreError::Unavailable(_))));
    assert!(began.elapsed() < Duration::from_secs(2), "what is refused is known at once");
    switches.down.store(false, Ordering::Relaxed);
    blind(store.as_ref(), vec![put("a", "back")]).await;
    assert_eq!(value(store.as_ref(), "a").await, Some("back".into()));
}

/// A node whose news were compacted away must forget, not believe that nothing has happened.
#[tokio::test]
async fn who_was_away_too_long_forgets() {
    let Some(etcd) = Etcd::start() else { return };
    let (url, switches) = proxy::start(etcd.port).await;
    let near = EtcdStore::open(&options(&etcd.url(), "/kw")).await.unwrap();
    let far = open_at(&url, "/kw").await;
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
    let last = blind(&near, vec![put("b", "1")]).await;
    let dialer = near.dialer().clone();
    let compacting = async move {
        crate::trim::compact(&dialer, last).await.unwrap();
        crate::trim::compact(&dialer, last).await.unwrap();
    };
    near.handle().spawn(compacting).await.unwrap();
    switches.down.store(false, Ordering::Relaxed);
    let newest = loop {
        match far.newest().await {
            Ok(newest) => break newest,
            Err(e) => assert!(matches!(e, StoreError::Unavailable(_)), "{e}"),
        }
    };
    assert_eq!(newest, last);
    assert_eq!(heard.lost.load(Ordering::Relaxed), 1);
    assert_eq!(value(far.as_ref(), "a").await, Some("4".into()));
}

/// News that stop while the connection goes on: nobody may be told that he is up to date.
#[tokio::test]
async fn a_process_that_stands_still_is_no_hang() {
    let Some(etcd) = Etcd::start() else { return };
    let store = open_at(&etcd.url(), "/kw").await;
    blind(store.as_ref(), vec![put("a", "1")]).await;
    etcd.stop();
    let began = Instant::now();
    let (newest, read, commit) = futures_util::join!(
        async { (store.newest().await, began.elapsed()) },
        async { (store.get(b"b").await, began.elapsed()) },
        async { (store.commit(only("a", "2")).await, began.elapsed()) },
    );
    println!("newest {newest:?}, read {read:?}, commit {commit:?}");
    assert!(matches!(newest.0, Err(StoreError::Unavailable(_))) && newest.1 < Duration::from_secs(5));
    assert!(matches!(read.0, Err(StoreError::Unavailable(_))) && read.1 < Duration::from_secs(5));
    assert!(matches!(commit.0, Err(StoreError::Unknown(_))) && commit.1 < Duration::from_secs(8));
    etcd.go_on();
    let mut tries = 0;
    while store.newest().await.is_err() {
        tries += 1;
        assert!(tries < 10, "it comes back");
    }
    assert!(value(store.as_ref(), "a").await.is_some());
    blind(store.as_ref(), vec![put("a", "3")]).await;
    assert_eq!(value(store.as_ref(), "a").await, Some("3".into()));
}

/// A restored backup has another cluster number, and lacks what was acknowledged since.
#[tokio::test]
async fn a_cluster_that_went_back_is_refused() {
    let Some(etcd) = Etcd::start() else { return };
    let store = EtcdStore::open(&options(&etcd.url(), "/kw")).await.unwrap();
    blind(&store, vec![put("a", "1")]).await;
    store.dialer().position.jump(Revision(1000));
    assert!(matches!(store.newest().await, Err(StoreError::Corrupt(_))));
    let outcome = store.commit(only("a", "2")).await;
    assert!(matches!(outcome, Err(StoreError::Corrupt(_))), "{outcome:?}");
}

/// etcd's quota: reads go on.
#[tokio::test]
async fn no_room_is_said() {
    let quota = |_: &std::path::Path| vec!["--quota-backend-bytes=4000000".to_owned()];
    let Some(etcd) = Etcd::start_with("http", quota) else { return };
    let store = open_at(&etcd.url(), "/kw").await;
    blind(store.as_ref(), vec![put("a", "1")]).await;
    let large = |i: usize| Batch {
        writes: vec![Write { key: format!("large/{i}").into(), value: Some(vec![7; 500_000].into()) }],
        ..Batch::default()
    };
    let mut outcome = Ok(Revision(0));
    for i in 0..30 {
        outcome = store.commit(large(i)).await;
        if outcome.is_err() {
            break;
        }
    }
    assert_eq!(outcome, Err(StoreError::NoSpace));
    assert_eq!(value(store.as_ref(), "a").await, Some("1".into()));
    store.newest().await.unwrap();
}
