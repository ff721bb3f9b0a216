//! The store as its users see it; the work is done on a thread of the store's own.
use crate::address::Address;
use crate::committer::{BATCH_BYTES_MAX, Committer, Pending, weight};
use crate::error::closing;
use crate::follower::{Asked, Follower};
use crate::founding::{Identity, find_or_found};
use crate::pool::{Pool, Question};
use crate::position::{News, Position};
use crate::session::Dialer;
use crate::sql::Sql;
use crate::{OpenError, Options, export, trim};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use kw_store::{Batch, Key, Revision, Row, Store, StoreError, Watcher};
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::{Builder, Handle};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::timeout;

/// How long the follower may take to end its connection when the store is closed.
const FOLLOWER_END_MAX: Duration = Duration::from_secs(2);

/// The store in a database.
pub(crate) struct PostgresStore {
    dialer: Arc<Dialer>,
    pool: Arc<Pool>,
    /// `None` when the store is closed, as below.
    commits: Mutex<Option<mpsc::UnboundedSender<Pending>>>,
    questions: Mutex<Option<mpsc::UnboundedSender<Asked>>>,
    handle: Handle,
    ended: watch::Receiver<bool>,
}

impl PostgresStore {
    pub async fn open(options: &Options) -> Result<Self, OpenError> {
        let address = Address::new(&options.connection_url)?;
        let sql = Sql::new(&options.table)?;
        let options = options.clone();
        let (ready, opened) = oneshot::channel();
        let (end, ended) = watch::channel(false);
        let run = move || {
            match Builder::new_current_thread().enable_all().build() {
                Ok(runtime) => runtime.block_on(live(address, sql, options, ended, ready)),
                // Whoever has stopped waiting needs no answer.
                Err(e) => drop(ready.send(Err(OpenError::Io(e)))),
            }
            let _ = end.send(true);
        };
        std::thread::Builder::new().name("store-postgres".to_owned()).spawn(run).map_err(OpenError::Io)?;
        opened.await.unwrap_or_else(|_| Err(closing().into()))
    }

    /// For tests: what opens connections.
    #[cfg(test)]
    pub fn dialer(&self) -> &Dialer {
        &self.dialer
    }

    async fn ask(&self, question: Question) -> Result<Vec<(Key, Row)>, StoreError> {
        if self.commits.lock().is_none() {
            return Err(closing());
        }
        let (tell, told) = oneshot::channel();
        let pool = self.pool.clone();
        self.handle.spawn(async move { tell.send(pool.ask(&question).await) });
        told.await.unwrap_or_else(|_| Err(closing()))
    }

    async fn range(
        &self,
        start: &[u8],
        end: &[u8],
        limit: usize,
        with_values: bool,
    ) -> Result<Vec<(Key, Row)>, StoreError> {
        if limit == 0 {
            return Ok(Vec::new());
        }
        let (start, end) = (Key::copy_from_slice(start), Key::copy_from_slice(end));
        self.ask(Question::Range { start, end, limit, with_values }).await
    }
}

/// The life of the store's thread: until the last commit is answered after the store was closed or dropped.
async fn live(
    address: Address,
    sql: Sql,
    options: Options,
    ended: watch::Receiver<bool>,
    ready: oneshot::Sender<Result<PostgresStore, OpenError>>,
) {
    let identity = match find_or_found(&address, &sql, options.rng.as_ref()).await {
        Ok(identity) => identity,
        Err(e) => return drop(ready.send(Err(e))),
    };
    let channel = channel_of(&identity);
    let position = Arc::new(Position::default());
    position.advance(&News { changes: Vec::new(), to: identity.revision, lost: false });
    let dialer = Arc::new(Dialer { address, sql, store: identity.store, position });
    let idle_max = options.max_idle_connections.unwrap_or(usize::MAX);
    let pool = Arc::new(Pool::new(dialer.clone(), options.max_parallel, idle_max));
    let (commits, queue) = mpsc::unbounded_channel();
    let (ask, questions) = mpsc::unbounded_channel();
    let committer = Committer { dialer: dialer.clone(), channel: channel.clone(), queue };
    let follower = tokio::spawn(Follower { dialer: dialer.clone(), channel, questions }.run());
    tokio::spawn(trim::run(dialer.clone()));
    let store = PostgresStore {
        dialer,
        pool: pool.clone(),
        commits: Mutex::new(Some(commits)),
        questions: Mutex::new(Some(ask)),
        handle: Handle::current(),
        ended,
    };
    drop(ready.send(Ok(store)));
    committer.run().await;
    pool.close().await;
    let _ended_in_time = timeout(FOLLOWER_END_MAX, follower).await;
}

/// Of the store's identity, so that two stores in one database do not wake each other.
fn channel_of(identity: &Identity) -> String {
    identity.store.iter().fold("keywright_".to_owned(), |name, byte| format!("{name}{byte:02x}"))
}

impl Store for PostgresStore {
    fn kind(&self) -> &'static str {
        "postgresql"
    }

    fn peek(&self, _key: &[u8]) -> Option<Result<Option<Row>, StoreError>> {
        None
    }

    fn get<'a>(&'a self, key: &'a [u8]) -> BoxFuture<'a, Result<Option<Row>, StoreError>> {
        let question = Question::Get(Key::copy_from_slice(key));
        self.ask(question).map(|rows| rows.map(|mut rows| rows.pop().map(|(_, row)| row))).boxed()
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
            if weight(&batch) > BATCH_BYTES_MAX {
                return Err(StoreError::TooLarge);
            }
            let (answer, answered) = oneshot::channel();
            let pending = Pending { batch, answer };
            // The answer of a closed store; the lock is not held while waiting.
            self.commits.lock().as_ref().and_then(|queue| queue.send(pending).ok()).ok_or_else(closing)?;
            let gone = || Err(StoreError::Unknown("the store's thread has ended".to_owned()));
            answered.await.unwrap_or_else(|_| gone())
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
            self.commits.lock().take();
            self.questions.lock().take();
            let mut ended = self.ended.clone();
            // An error means that the thread is gone, which is as good.
            let _ = ended.wait_for(|ended| *ended).await;
            Ok(())
        }
        .boxed()
    }
}
