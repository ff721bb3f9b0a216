use super::etcd::Etcd;
use super::*;
use futures_util::future::join_all;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// What the writers were told.
#[derive(Default)]
struct Tally {
    acknowledged: Mutex<Vec<String>>,
    incremented: AtomicU64,
    unknown: AtomicU64,
    unavailable: AtomicU64,
}

#[tokio::test]
async fn no_acknowledged_write_is_lost_when_etcd_crashes() {
    let Some(etcd) = Etcd::start() else { return };
    let (a, b) = (open_at(&etcd.url(), "/kw").await, open_at(&etcd.url(), "/kw").await);
    let (tally, stop) = (Tally::default(), AtomicBool::new(false));
    let writers = join_all((0..12).map(|i| write(if i % 2 == 0 { &a } else { &b }, i, &tally, &stop)));
    let etcd = Arc::new(etcd);
    let crashes = async {
        for _ in 0..3 {
            tokio::time::sleep(Duration::from_millis(400)).await;
            let etcd = etcd.clone();
            let crash = move || {
                etcd.kill();
                etcd.run();
                etcd.wait();
            };
            tokio::task::spawn_blocking(crash).await.unwrap();
        }
        let before = tally.acknowledged.lock().len();
        let mut waited = 0;
        while tally.acknowledged.lock().len() < before + 100 {
            tokio::time::sleep(Duration::from_millis(100)).await;
            waited += 1;
            assert!(waited < 200, "the service comes back by itself");
        }
        println!("back after {} ms", waited * 100);
        stop.store(true, Ordering::Relaxed);
    };
    futures_util::join!(writers, crashes);
    let unknown = tally.unknown.load(Ordering::Relaxed);
    println!(
        "{} acknowledged, {} increments, {unknown} unknown, {} refused",
        tally.acknowledged.lock().len(),
        tally.incremented.load(Ordering::Relaxed),
        tally.unavailable.load(Ordering::Relaxed)
    );
    for node in [&a, &b] {
        node.newest().await.unwrap();
        let there: std::collections::HashSet<Key> =
            node.keys(b"n/", b"n0", usize::MAX).await.unwrap().into_iter().collect();
        for key in tally.acknowledged.lock().iter() {
            assert!(there.contains(key.as_bytes()), "{key} was acknowledged");
        }
        let (counted, told) = (count(node.as_ref(), "counter").await, tally.incremented.load(Ordering::Relaxed));
        assert!(
            (told..=told + unknown).contains(&counted),
            "{counted} counted, {told} acknowledged, {unknown} unknown"
        );
    }
    assert!(tally.unavailable.load(Ordering::Relaxed) > 0);
}

async fn write(store: &Arc<dyn Store>, writer: usize, tally: &Tally, stop: &AtomicBool) {
    for i in 0_usize.. {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let key = format!("n/{writer}/{i}");
        let alone = store.commit(Batch { writes: vec![put(&key, "1")], ..Batch::default() }).await;
        match alone {
            Ok(_) => tally.acknowledged.lock().push(key),
            Err(StoreError::Unknown(_)) => _ = tally.unknown.fetch_add(1, Ordering::Relaxed),
            Err(StoreError::Unavailable(_)) => _ = tally.unavailable.fetch_add(1, Ordering::Relaxed),
            Err(e) => unreachable!("{e}"),
        }
        match try_increment(store.as_ref(), "counter").await {
            Ok(_) => _ = tally.incremented.fetch_add(1, Ordering::Relaxed),
            Err(StoreError::Unknown(_)) => _ = tally.unknown.fetch_add(1, Ordering::Relaxed),
            Err(StoreError::Unavailable(_)) => _ = tally.unavailable.fetch_add(1, Ordering::Relaxed),
            Err(StoreError::Conflict) => {}
            Err(e) => unreachable!("{e}"),
        }
    }
}
