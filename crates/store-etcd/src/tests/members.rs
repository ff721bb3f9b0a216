//! Three members, of which one is lost.
use super::etcd::Etcd;
use super::*;
use tokio::time::{Instant, sleep};

fn all(members: &[Etcd]) -> String {
    members.iter().map(Etcd::url).collect::<Vec<_>>().join(",")
}

/// Waits until it works again, which must be soon.
async fn comes_back(store: &dyn Store, what: &str) {
    let began = Instant::now();
    while let Err(e) = store.commit(Batch { writes: vec![put("back", "1")], ..Batch::default() }).await {
        assert!(!matches!(e, StoreError::Conflict | StoreError::Corrupt(_)), "{e}");
        assert!(began.elapsed() < Duration::from_secs(20), "{what}: {e}");
    }
    store.newest().await.unwrap();
    println!("{what}: back after {:?}", began.elapsed());
}

#[tokio::test]
async fn one_of_three_may_be_killed() {
    let Some(members) = Etcd::start_three() else { return };
    let (a, b) = (open_at(&all(&members), "/kw").await, open_at(&all(&members), "/kw").await);
    let heard = Arc::new(Recorder::default());
    b.watch(Key::from_static(b"n/"), heard.clone());
    let mut acknowledged = Vec::new();
    for (i, member) in members.iter().enumerate() {
        for n in 0..10 {
            let key = format!("n/{i}/{n}");
            blind(a.as_ref(), vec![put(&key, "1")]).await;
            acknowledged.push(Key::from(key));
        }
        member.kill();
        comes_back(a.as_ref(), "killed").await;
        comes_back(b.as_ref(), "killed, the other node").await;
        assert_eq!(b.keys(b"n/", b"n0", 100).await.unwrap(), acknowledged);
        member.run();
        member.wait();
    }
    b.newest().await.unwrap();
    let told: Vec<Key> = heard.told.lock().iter().flat_map(|(keys, _)| keys.clone()).collect();
    assert_eq!(told, acknowledged, "all, once, in order");
    assert_eq!(heard.lost.load(Ordering::Relaxed), 0);
}

/// The member to which both nodes are connected first stands still: its news stop, and its connections stay open.
#[tokio::test]
async fn one_of_three_may_stand_still() {
    let Some(members) = Etcd::start_three() else { return };
    let (a, b) = (open_at(&all(&members), "/kw").await, open_at(&all(&members), "/kw").await);
    for (i, member) in members.iter().enumerate() {
        value(b.as_ref(), "x").await;
        member.stop();
        comes_back(a.as_ref(), "stopped").await;
        blind(a.as_ref(), vec![put("x", i.to_string())]).await;
        comes_back(b.as_ref(), "stopped, the other node").await;
        assert_eq!(value(b.as_ref(), "x").await, Some(i.to_string().into()));
        member.go_on();
        sleep(Duration::from_millis(500)).await;
    }
    // Without a majority nothing is answered, and nothing hangs.
    members.iter().take(2).for_each(Etcd::kill);
    sleep(Duration::from_millis(500)).await;
    let began = Instant::now();
    let newest = a.newest().await;
    assert!(matches!(newest, Err(StoreError::Unavailable(_))), "{newest:?}");
    assert!(matches!(a.get(b"none").await, Err(StoreError::Unavailable(_))));
    assert!(began.elapsed() < Duration::from_secs(10));
    members.iter().take(2).for_each(Etcd::run);
    comes_back(a.as_ref(), "a majority again").await;
}
