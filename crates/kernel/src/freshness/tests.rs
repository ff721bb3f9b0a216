use super::*;
use crate::tests::bed::{Bed, ROOT};
use futures_util::future::BoxFuture;
use kw_store::{Batch, CACHE_BYTES, Cached, Key, Layer, MemoryStore, Revision, Row, Store, StoreError, Watcher};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use tokio::runtime::Builder;

/// One node's way to a store that many share: the news of others come when it asks how far the store is.
struct Way {
    inner: Arc<MemoryStore>,
    news: Arc<News>,
    watchers: Mutex<Vec<(Key, Arc<dyn Watcher>)>>,
    questions: AtomicU64,
    is_silent: AtomicBool,
}

#[derive(Default)]
struct News(Mutex<Vec<(Vec<Key>, Revision)>>);

impl Watcher for News {
    fn changed(&self, keys: &[Key], at: Revision) {
        self.0.lock().push((keys.to_vec(), at));
    }
    fn lost(&self) {}
}

impl Way {
    fn to(inner: &Arc<MemoryStore>) -> Arc<Self> {
        let news = Arc::new(News::default());
        inner.watch(Key::new(), news.clone());
        let (watchers, questions) = (Mutex::default(), AtomicU64::new(0));
        Arc::new(Self { inner: inner.clone(), news, watchers, questions, is_silent: AtomicBool::new(false) })
    }

    fn tell(&self) {
        for (keys, at) in self.news.0.lock().drain(..) {
            for (prefix, watcher) in self.watchers.lock().iter() {
                let within: Vec<Key> = keys.iter().filter(|key| key.starts_with(prefix)).cloned().collect();
                watcher.changed(&within, at);
            }
        }
    }
}

/// As it is held by the node's cache.
struct Held(Arc<Way>);

impl Layer for Held {
    fn inner(&self) -> &dyn Store {
        self.0.inner.as_ref()
    }
    fn peek(&self, _: &[u8]) -> Option<Result<Option<Row>, StoreError>> {
        None
    }
    fn commit(&self, batch: Batch) -> BoxFuture<'_, Result<Revision, StoreError>> {
        Box::pin(async move {
            let done = self.0.inner.commit(batch).await;
            self.0.tell();
            done
        })
    }
    fn newest(&self) -> BoxFuture<'_, Result<Revision, StoreError>> {
        Box::pin(async move {
            self.0.questions.fetch_add(1, Ordering::SeqCst);
            if self.0.is_silent.load(Ordering::SeqCst) {
                std::future::pending::<()>().await;
            }
            self.0.tell();
            Ok(self.0.inner.revision())
        })
    }
    fn is_shared(&self) -> bool {
        true
    }
    fn watch(&self, prefix: Key, watcher: Arc<dyn Watcher>) {
        self.0.watchers.lock().push((prefix, watcher));
    }
}

/// Two nodes; the second with its way to the store.
struct Pair {
    one: Bed,
    two: Bed,
    way: Arc<Way>,
}

impl Pair {
    async fn new(consistency: Consistency) -> Self {
        let inner = Arc::new(MemoryStore::new());
        let open = |way: &Arc<Way>| Arc::new(Cached::new(Held(way.clone()), CACHE_BYTES)) as Arc<dyn Store>;
        let one = Bed::on(inner.clone(), open(&Way::to(&inner))).await;
        let way = Way::to(&inner);
        let mut two = one.beside_on(open(&way)).await;
        two.kernel.set_consistency(consistency);
        Self { one, two, way }
    }

    /// A token that the second node knows, and that is good no more.
    async fn revoked(&self) -> String {
        let token = self.one.token(ROOT, json!({})).await;
        assert!(self.two.lives(&token).await);
        assert_eq!(self.one.call("POST", "auth/token/revoke", ROOT, json!({"token": token})).await.0, 204);
        token
    }

    fn questions(&self) -> u64 {
        self.way.questions.swap(0, Ordering::SeqCst)
    }

    /// Both clocks of both nodes go on.
    async fn pass(&self, millis: u64) {
        tokio::time::advance(Duration::from_millis(millis)).await;
        self.two.turn_back_millis(-i64::try_from(millis).unwrap());
    }
}

fn paused(work: impl AsyncFnOnce()) {
    let runtime = Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    tokio::task::LocalSet::new().block_on(&runtime, work());
}

#[test]
fn a_strict_answer_is_never_older_than_its_request() {
    paused(async || {
        let pair = Pair::new(Consistency::Strict).await;
        for _ in 0..5 {
            let token = pair.revoked().await;
            pair.questions();
            assert!(!pair.two.lives(&token).await);
            assert!(pair.questions() > 0);
        }
    });
}

#[test]
fn a_bounded_read_is_a_second_old_at_most() {
    paused(async || {
        let pair = Pair::new(Consistency::Bounded).await;
        let token = pair.revoked().await;
        pair.questions();
        pair.pass(900).await;
        assert!(pair.two.lives(&token).await, "what was known less than a second ago");
        assert_eq!(pair.questions(), 0);
        pair.pass(101).await;
        assert!(!pair.two.lives(&token).await);
        assert!(pair.questions() > 0);
        // What a job has asked for serves the reads after it.
        pair.pass(5000).await;
        pair.two.kernel.catch_up(Method::Other).await.unwrap();
        pair.questions();
        assert!(pair.two.lives(ROOT).await);
        assert_eq!(pair.questions(), 0);
    });
}

#[test]
fn what_may_change_something_is_strict() {
    paused(async || {
        let pair = Pair::new(Consistency::Bounded).await;
        let token = pair.revoked().await;
        assert_eq!(pair.two.call("POST", "auth/token/create", &token, json!({})).await.0, 403);
    });
}

/// A machine that was suspended finds its clock of the day far ahead, and the other where it was.
#[test]
fn neither_clock_alone_is_believed() {
    paused(async || {
        let pair = Pair::new(Consistency::Bounded).await;
        for clocks in [(0, 1001), (0, -1), (1001, 0)] {
            let token = pair.revoked().await;
            tokio::time::advance(Duration::from_millis(clocks.0)).await;
            pair.two.turn_back_millis(-clocks.1);
            assert!(!pair.two.lives(&token).await, "{clocks:?}");
        }
    });
}

#[test]
fn a_store_that_says_nothing_is_waited_for_in_bounds() {
    paused(async || {
        for (consistency, method, bound) in [
            (Consistency::Strict, "GET", ANSWER_TIME_MAX),
            (Consistency::Bounded, "GET", AGE_MAX),
            (Consistency::Bounded, "POST", ANSWER_TIME_MAX),
        ] {
            let pair = Pair::new(consistency).await;
            pair.way.is_silent.store(true, Ordering::SeqCst);
            pair.pass(1001).await;
            let began = Instant::now();
            let (status, body) = pair.two.call(method, "auth/token/lookup-self", ROOT, Value::Null).await;
            assert_eq!(status, 503, "{body}");
            assert_eq!(began.elapsed().as_secs(), bound.as_secs(), "{consistency:?} {method}");
            pair.way.is_silent.store(false, Ordering::SeqCst);
            assert!(pair.two.lives(ROOT).await);
        }
    });
}
