use super::etcd::Etcd;
use super::*;
use futures_util::future::join_all;
use std::time::Duration;

#[tokio::test]
async fn an_answer_is_never_older_than_its_question() {
    let Some(etcd) = Etcd::start() else { return };
    let (a, b) = (open_at(&etcd.url(), "/kw").await, open_at(&etcd.url(), "/kw").await);
    for i in 0..200 {
        let (writer, reader) = if i % 2 == 0 { (&a, &b) } else { (&b, &a) };
        // Into the cache of the reader, so that it has something to forget.
        value(reader.as_ref(), "x").await;
        let at = blind(writer.as_ref(), vec![put("x", i.to_string())]).await;
        assert_eq!(value(writer.as_ref(), "x").await, Some(i.to_string().into()), "one's own write, at once");
        assert!(reader.newest().await.unwrap() >= at);
        assert!(reader.revision() >= at, "the watch has come that far");
        assert_eq!(value(reader.as_ref(), "x").await, Some(i.to_string().into()));
    }
}

#[tokio::test]
async fn a_watcher_hears_of_the_other_nodes_commits() {
    let Some(etcd) = Etcd::start() else { return };
    let (a, b) = (open_at(&etcd.url(), "/kw").await, open_at(&etcd.url(), "/kw").await);
    let heard = Arc::new(Recorder::default());
    b.watch(Key::from_static(b"w/"), heard.clone());
    // The watch is in place before the clock runs.
    b.newest().await.unwrap();
    let mut want = Vec::new();
    for i in 0..20 {
        let writer = if i % 5 == 0 { &b } else { &a };
        let at = blind(writer.as_ref(), vec![put("other", "1"), put(&format!("w/{i}"), "1")]).await;
        want.push((vec![Key::from(format!("w/{i}"))], at));
    }
    // By the watch alone; nobody asks.
    for _ in 0..50 {
        if heard.told.lock().len() == want.len() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(*heard.told.lock(), want, "all, once, in order");
    assert_eq!(heard.lost.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn counters_lose_nothing() {
    let Some(etcd) = Etcd::start() else { return };
    let nodes = join_all((0..3).map(|_| open_at_owned(etcd.url()))).await;
    let conflicts = AtomicU64::new(0);
    let work = (0..24).map(|i| {
        let (node, conflicts) = (nodes[i % 3].clone(), &conflicts);
        async move {
            for _ in 0..20 {
                while let Err(e) = try_increment(node.as_ref(), ["x", "y"][i % 2]).await {
                    assert_eq!(e, StoreError::Conflict);
                    conflicts.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
    });
    join_all(work).await;
    for node in &nodes {
        assert_eq!((count(node.as_ref(), "x").await, count(node.as_ref(), "y").await), (240, 240));
    }
    assert!(conflicts.load(Ordering::Relaxed) > 0, "nothing was contended");
}

async fn open_at_owned(url: String) -> Arc<dyn Store> {
    open_at(&url, "/kw").await
}

/// What may be used once is used once, whichever node is asked.
#[tokio::test]
async fn exactly_one_of_all_nodes_wins() {
    let Some(etcd) = Etcd::start() else { return };
    let nodes = join_all((0..3).map(|_| open_at_owned(etcd.url()))).await;
    for round in 0..10 {
        let name = format!("ticket/{round}");
        let at = blind(nodes[0].as_ref(), vec![put(&name, "1")]).await;
        let use_it = |i: usize| {
            let writes = vec![kw_store::suite::delete(&name), put(&format!("won/{round}/{i}"), "")];
            let seen = vec![(Key::copy_from_slice(name.as_bytes()), at)];
            nodes[i % 3].commit(Batch { began: at, seen, writes })
        };
        let outcomes = join_all((0..24).map(use_it)).await;
        assert_eq!(outcomes.iter().filter(|o| o.is_ok()).count(), 1);
        assert!(outcomes.iter().all(|o| o.is_ok() || *o == Err(StoreError::Conflict)));
    }
    assert_eq!(nodes[1].keys(b"won/", b"won0", 100).await.unwrap().len(), 10);
}
