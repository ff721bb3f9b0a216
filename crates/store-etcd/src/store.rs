//! The store as the rest of the server sees it. All work is done on a thread of its own, since requests are served by many
//! event loops.
use crate::commit::Committer;
use crate::dialer::Dialer;
use crate::error::{closing, too_slow};
use crate::fence::Fence;
use crate::newest::Asked;
use crate::reads::Pages;
use crate::{OpenError, Options, export, follower, founding, newest, reads, trim, txn};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use kw_store::{Batch, Key, Revision, Row, Store, StoreError, Watcher};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::runtime::{Builder, Handle};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot, watch};
use tokio::time::timeout;

/// How many commits are on their way at once. More would only wait in etcd, which refuses them when they are too many.
const COMMITS_MAX: u32 = 256;

pub(crate) struct EtcdStore {
    dialer: Arc<Dialer>,
    committer: Arc<Committer>,
    commits: Arc<Semaphore>,
    closed: AtomicBool,
    /// `None` when the store is closed. The store's thread ends when this is gone.
    questions: Mutex<Option<mpsc::UnboundedSender<Asked>>>,
    handle: Handle,
    ended: watch::Receiver<bool>,
}

impl EtcdStore {
    pub async fn open(options: &Options) -> Result<Self, OpenError> {
        let dialer = Arc::new(Dialer::new(options)?);
        let options = options.clone();
        let (ready, opened) = oneshot::channel();
        let (end, ended) = watch::channel(false);
        let run = move || {
            match Builder::new_current_thread().enable_all().build() {
                Ok(runtime) => runtime.block_on(live(dialer, options, ended, ready)),
                // Whoever has stopped waiting needs no answer.
                Err(e) => drop(ready.send(Err(OpenError::Io(e)))),
            }
            let _ = end.send(true);
        };
        std::thread::Builder::new().name("store-etcd".to_owned()).spawn(run).map_err(OpenError::Io)?;
        opened.await.unwrap_or_else(|_| Err(closing().into()))
    }

    /// For tests: the event loop of the store.
    #[cfg(test)]
    pub fn handle(&self) -> &Handle {
        &self.handle
    }

    /// For tests: what talks to the cluster.
    #[cfg(test)]
    pub fn dialer(&self) -> &Arc<Dialer> {
        &self.dialer
    }

    /// Does this on the store's thread.
    async fn work<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, StoreError>> + Send + 'static,
    ) -> Result<T, StoreError> {
        if self.closed.load(Ordering::Acquire) {
            return Err(closing());
        }
        let (tell, told) = oneshot::channel();
        self.handle.spawn(async move { tell.send(work.await) });
        told.await.unwrap_or_else(|_| Err(closing()))
    }

    async fn range(
        &self,
        start: &[u8],
        end: &[u8],
        limit: usize,
        with_values: bool,
    ) -> Result<Vec<(Key, Row)>, StoreError> {
        let pages = Pages::new(&self.dialer, start, end, with_values);
        let dialer = self.dialer.clone();
        self.work(async move { reads::range(&dialer, pages, limit).await }).await
    }
}

/// The life of the store's thread: until the store is closed or dropped.
async fn live(
    dialer: Arc<Dialer>,
    options: Options,
    ended: watch::Receiver<bool>,
    ready: oneshot::Sender<Result<EtcdStore, OpenError>>,
) {
    let at = match founding::find_or_found(&dialer, options.rng.as_ref()).await {
        Ok(at) => at,
        Err(e) => return drop(ready.send(Err(e))),
    };
    dialer.position.jump(at);
    tokio::spawn(follower::run(dialer.clone()));
    tokio::spawn(trim::run(dialer.clone(), options.keep));
    let (ask, questions) = mpsc::unbounded_channel();
    let fence = Fence::new(&dialer, options.rng.as_ref());
    let store = EtcdStore {
        committer: Arc::new(Committer { dialer: dialer.clone(), fence }),
        dialer: dialer.clone(),
        commits: Arc::new(Semaphore::new(COMMITS_MAX as usize)),
        closed: AtomicBool::new(false),
        questions: Mutex::new(Some(ask)),
        handle: Handle::current(),
        ended,
    };
    drop(ready.send(Ok(store)));
    newest::run(dialer, questions).await;
}

/// Waiting for one's turn is not yet sending. The semaphore is closed with the store.
async fn turn(committer: &Committer, commits: Arc<Semaphore>) -> Result<OwnedSemaphorePermit, StoreError> {
    let turn = timeout(committer.dialer.request_timeout, commits.acquire_owned()).await;
    turn.map_err(|_| too_slow())?.map_err(|_| closing())
}

impl Store for EtcdStore {
    fn kind(&self) -> &'static str {
        "etcd"
    }

    fn peek(&self, _key: &[u8]) -> Option<Result<Option<Row>, StoreError>> {
        None
    }

    fn get<'a>(&'a self, key: &'a [u8]) -> BoxFuture<'a, Result<Option<Row>, StoreError>> {
        let (dialer, key) = (self.dialer.clone(), Key::copy_from_slice(key));
        self.work(async move { reads::get(&dialer, &key).await }).boxed()
    }

    fn scan<'a>(
        &'a self,
        start: &'a [u8],
        end: &'a [u8],
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<(Key, Row)>, StoreError>> {
        self.range(start, end, limit, true).boxed()
    }

    fn keys<'a>(&'a self, start: &'a [u8], end: &'a [u8], limit: usize) -> BoxFuture<'a, Result<Vec<Key>, StoreError>> {
        let rows = self.range(start, end, limit, false);
        rows.map(|rows| rows.map(|rows| rows.into_iter().map(|(key, _)| key).collect())).boxed()
    }

    fn commit(&self, batch: Batch) -> BoxFuture<'_, Result<Revision, StoreError>> {
        async move {
            kw_store::check_limits(&batch)?;
            txn::check_size(&batch)?;
            if self.closed.load(Ordering::Acquire) {
                return Err(closing());
            }
            let (tell, told) = oneshot::channel();
            let (committer, commits) = (self.committer.clone(), self.commits.clone());
            self.handle.spawn(async move {
                let outcome = match turn(&committer, commits).await {
                    Ok(_turn) => committer.commit(&batch).await,
                    Err(e) => Err(e),
                };
                // Whoever has stopped waiting needs no answer.
                let _ = tell.send(outcome);
            });
            let gone = || Err(StoreError::Unknown("the store's thread has ended".to_owned()));
            told.await.unwrap_or_else(|_| gone())
        }
        .boxed()
    }

    fn revision(&self) -> Revision {
        self.dialer.position.reached()
    }

    fn newest(&self) -> BoxFuture<'_, Result<Revision, StoreError>> {
        async move {
            self.dialer.position.sound()?;
            let (tell, told) = oneshot::channel();
            // The answer of a closed store; the lock is not held while waiting.
            self.questions.lock().as_ref().and_then(|queue| queue.send(tell).ok()).ok_or_else(closing)?;
            told.await.unwrap_or_else(|_| Err(closing()))
        }
        .boxed()
    }

    fn is_shared(&self) -> bool {
        true
    }

    fn watch(&self, prefix: Key, watcher: Arc<dyn Watcher>) {
        self.dialer.position.watch(prefix, watcher);
    }

    fn snapshot(&self, out: &mut dyn std::io::Write) -> Result<(), StoreError> {
        export::write(&self.handle, self.dialer.clone(), out)
    }

    fn close(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        async move {
            self.closed.store(true, Ordering::Release);
            // All turns at once: nothing is on its way any more. A commit ends in bounded time, whatever etcd does.
            if let Ok(turns) = self.commits.acquire_many(COMMITS_MAX).await {
                turns.forget();
                self.commits.close();
            }
            self.questions.lock().take();
            let mut ended = self.ended.clone();
            // An error means that the thread is gone, which is as good.
            let _ = ended.wait_for(|ended| *ended).await;
            Ok(())
        }
        .boxed()
    }
}
