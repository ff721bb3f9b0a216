//! `cargo test --release -p kw-store-etcd speed -- --ignored --nocapture`
use super::etcd::Etcd;
use super::*;
use futures_util::future::join_all;
use std::time::Duration;

const MEASURED: Duration = Duration::from_secs(3);

#[tokio::test]
#[ignore = "measures"]
async fn speed() {
    let Some(etcd) = Etcd::start() else { return };
    let store = open_at(&etcd.url(), "/kw").await;
    for committers in [1, 32, 256] {
        let done = AtomicU64::new(0);
        let work = (0..committers).map(|i| {
            let (store, done) = (&store, &done);
            async move {
                loop {
                    blind(store.as_ref(), vec![put(&format!("row/{i}"), "x".repeat(300))]).await;
                    done.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
        let _ = tokio::time::timeout(MEASURED, join_all(work)).await;
        println!(
            "{committers:4} committers: {:8.0} commits/s",
            done.load(Ordering::Relaxed) as f64 / MEASURED.as_secs_f64()
        );
    }
    for (what, waiting) in [("newest(), one at a time", 1), ("newest(), 1000 at a time", 1000)] {
        let done = AtomicU64::new(0);
        let work = (0..waiting).map(|_| async {
            loop {
                store.newest().await.unwrap();
                done.fetch_add(1, Ordering::Relaxed);
            }
        });
        let _ = tokio::time::timeout(MEASURED, join_all(work)).await;
        println!("{what}: {:8.0}/s", done.load(Ordering::Relaxed) as f64 / MEASURED.as_secs_f64());
    }
    let done = AtomicU64::new(0);
    let work = (0..64).map(|i| {
        let (store, done) = (&store, &done);
        async move {
            for n in 0_u64.. {
                // Rows that are not there and not remembered.
                store.get(format!("none/{i}/{n}").as_bytes()).await.unwrap();
                done.fetch_add(1, Ordering::Relaxed);
            }
        }
    });
    let _ = tokio::time::timeout(MEASURED, join_all(work)).await;
    println!("64 readers past the cache: {:8.0}/s", done.load(Ordering::Relaxed) as f64 / MEASURED.as_secs_f64());
}
