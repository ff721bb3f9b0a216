//! What a backend must do that several processes share: the nodes of these cases are several openings of the same rows.
use super::{Recorder, blind, delete, put, value};
use crate::{Batch, Key, Revision, Store, StoreError};
use futures_util::future::join_all;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// So many looks, so far apart: what news may take to arrive by themselves.
const LOOKS: u32 = 50;
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// Runs all cases. `fresh` makes an empty store and opens it so many times. Needs a tokio runtime with time.
pub async fn run(fresh: impl AsyncFn(usize) -> Vec<Arc<dyn Store>>) {
    an_answer_is_never_older_than_its_question(&fresh(2).await).await;
    a_watcher_hears_of_the_other_nodes_commits(&fresh(2).await).await;
    counters_lose_nothing(&fresh(3).await).await;
    exactly_one_of_all_nodes_wins(&fresh(3).await).await;
}

/// Reads a number, adds one, commits once.
pub async fn try_increment(store: &dyn Store, name: &str) -> Result<Revision, StoreError> {
    let row = store.get(name.as_bytes()).await?;
    let text = row.as_ref().map_or("0".into(), |r| String::from_utf8_lossy(&r.value).into_owned());
    let count: u64 = text.parse().expect("a number");
    let seen = vec![(Key::copy_from_slice(name.as_bytes()), row.map_or(Revision(0), |r| r.revision))];
    store.commit(Batch { began: store.revision(), seen, writes: vec![put(name, (count + 1).to_string())] }).await
}

/// The number, as it is now on whatever node.
pub async fn count(store: &dyn Store, name: &str) -> u64 {
    store.newest().await.expect("the newest revision");
    let value = value(store, name).await.unwrap_or_default();
    String::from_utf8_lossy(&value).parse().unwrap_or(0)
}

async fn an_answer_is_never_older_than_its_question(nodes: &[Arc<dyn Store>]) {
    let [a, b] = nodes else { unreachable!("two nodes were asked for") };
    for i in 0..200 {
        let (writer, reader) = if i % 2 == 0 { (a, b) } else { (b, a) };
        // Into the cache of the reader, so that it has something to forget.
        value(reader.as_ref(), "x").await;
        let at = blind(writer.as_ref(), vec![put("x", i.to_string())]).await;
        assert_eq!(value(writer.as_ref(), "x").await, Some(i.to_string().into()), "one's own write, at once");
        assert!(reader.newest().await.expect("the newest revision") >= at);
        assert!(reader.revision() >= at, "the news have come that far");
        assert_eq!(value(reader.as_ref(), "x").await, Some(i.to_string().into()));
    }
}

async fn a_watcher_hears_of_the_other_nodes_commits(nodes: &[Arc<dyn Store>]) {
    let [a, b] = nodes else { unreachable!("two nodes were asked for") };
    let heard = Arc::new(Recorder::default());
    b.watch(Key::from_static(b"w/"), heard.clone());
    // Whatever tells of news is in place before the clock runs.
    b.newest().await.expect("the newest revision");
    let mut want = Vec::new();
    for i in 0..20 {
        let writer = if i % 5 == 0 { b } else { a };
        let at = blind(writer.as_ref(), vec![put("other", "1"), put(&format!("w/{i}"), "1")]).await;
        want.push((vec![Key::from(format!("w/{i}"))], at));
    }
    // By the news alone; nobody asks.
    for _ in 0..LOOKS {
        if heard.told.lock().len() == want.len() {
            break;
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
    assert_eq!(*heard.told.lock(), want, "all, once, in order");
    assert_eq!(heard.lost.load(Ordering::Relaxed), 0);
}

async fn counters_lose_nothing(nodes: &[Arc<dyn Store>]) {
    let conflicts = AtomicU64::new(0);
    let work = nodes.iter().cycle().take(24).zip(["x", "y"].into_iter().cycle()).map(|(node, name)| {
        let conflicts = &conflicts;
        async move {
            for _ in 0..20 {
                while let Err(e) = try_increment(node.as_ref(), name).await {
                    assert_eq!(e, StoreError::Conflict);
                    conflicts.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
    });
    join_all(work).await;
    for node in nodes {
        assert_eq!((count(node.as_ref(), "x").await, count(node.as_ref(), "y").await), (240, 240));
    }
    assert!(conflicts.load(Ordering::Relaxed) > 0, "nothing was contended");
}

/// What may be used once is used once, whichever node is asked.
async fn exactly_one_of_all_nodes_wins(nodes: &[Arc<dyn Store>]) {
    let [first, second, ..] = nodes else { unreachable!("three nodes were asked for") };
    for round in 0..10 {
        let name = format!("ticket/{round}");
        let at = blind(first.as_ref(), vec![put(&name, "1")]).await;
        let uses = nodes.iter().cycle().take(24).enumerate().map(|(i, node)| {
            let writes = vec![delete(&name), put(&format!("won/{round}/{i}"), "")];
            let seen = vec![(Key::copy_from_slice(name.as_bytes()), at)];
            node.commit(Batch { began: at, seen, writes })
        });
        let outcomes = join_all(uses).await;
        assert_eq!(outcomes.iter().filter(|o| o.is_ok()).count(), 1);
        assert!(outcomes.iter().all(|o| o.is_ok() || *o == Err(StoreError::Conflict)));
    }
    assert_eq!(second.keys(b"won/", b"won0", 100).await.expect("the winners").len(), 10);
}
