//! One node's way to the ledger: late, cut at times, and now and then without an answer.
use crate::chance::Dice;
use crate::flaw::Flaw;
use crate::ledger::Ledger;
use crate::mark::Mark;
use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use kw_store::{Batch, Key, Revision, Row, Store, StoreError, Watcher};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::time::sleep;

/// How the network between a node and the ledger behaves.
#[derive(Debug)]
pub struct Net {
    /// No message passes.
    pub is_cut: AtomicBool,
    /// No reply is lost any more.
    pub is_healed: AtomicBool,
    /// The longest way of a message, in milliseconds.
    pub latency_ms: u64,
    /// Of a thousand commits, so many get no reply.
    pub lost_replies: u64,
    /// The longest time that news of a commit takes to another node, in milliseconds.
    pub news_ms: u64,
}

/// How long a request waits for a network that is cut.
const PATIENCE: Duration = Duration::from_secs(3);

/// A store of this process, or one that other nodes write too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    Local,
    Shared,
}

/// A node's connection, for one life of the node.
pub struct Link {
    ledger: Arc<Ledger>,
    net: Arc<Net>,
    ear: Arc<Ear>,
    dice: Arc<Dice>,
    flaw: Flaw,
    sort: Sort,
}

/// The place in the order of commits up to which the watchers have been told.
pub struct Ear {
    reached: Mark,
    watchers: Mutex<Vec<(Key, Arc<dyn Watcher>)>>,
}

impl Ear {
    /// Tells what was not told yet, in order.
    fn advance(&self, ledger: &Ledger, to: u64) {
        let reached = self.reached.get();
        if to <= reached {
            return;
        }
        self.tell(ledger, reached, to);
        self.reached.raise(to);
    }

    fn tell(&self, ledger: &Ledger, after: u64, to: u64) {
        for (at, keys) in ledger.changes(after, to) {
            for (prefix, watcher) in self.watchers.lock().iter() {
                let within: Vec<Key> = keys.iter().filter(|key| key.starts_with(prefix)).cloned().collect();
                if !within.is_empty() {
                    watcher.changed(&within, at);
                }
            }
        }
    }

    fn lost(&self) {
        self.watchers.lock().iter().for_each(|(_, watcher)| watcher.lost());
    }
}

impl Link {
    pub fn new(ledger: Arc<Ledger>, net: Arc<Net>, dice: Dice, flaw: Flaw, sort: Sort) -> Self {
        let ear = Ear { reached: Mark::new(ledger.revision()), watchers: Mutex::default() };
        Self { ledger, net, ear: Arc::new(ear), dice: Arc::new(dice), flaw, sort }
    }

    /// The stream of news; it goes on as long as it is polled. Now and then it tells something twice, or nothing but that news
    /// was missed.
    pub fn news(&self) -> impl Future<Output = ()> + use<> {
        let (ledger, net, ear, dice) = (self.ledger.clone(), self.net.clone(), self.ear.clone(), self.dice.fork(3));
        let newest = ledger.newest();
        async move {
            loop {
                newest.reaches(ear.reached.get() + 1).await;
                sleep(Duration::from_millis(dice.below(net.news_ms + 1))).await;
                while net.is_cut.load(Ordering::Relaxed) {
                    sleep(Duration::from_millis(100)).await;
                }
                let reached = ear.reached.get();
                match dice.below(20) {
                    0 => ear.tell(&ledger, reached.saturating_sub(2), reached),
                    1 => ear.lost(),
                    _ => {}
                }
                ear.advance(&ledger, newest.get());
            }
        }
    }

    /// One way of a message. Errors: no way was found in time.
    async fn trip(&self) -> Result<(), StoreError> {
        if self.sort == Sort::Local {
            for _ in 0..self.dice.below(3) {
                tokio::task::yield_now().await;
            }
            return Ok(());
        }
        match self.dice.below(8) {
            0..=3 => {
                for _ in 0..self.dice.below(4) {
                    tokio::task::yield_now().await;
                }
            }
            // A straggler.
            4 => sleep(Duration::from_millis(self.dice.below(self.net.latency_ms * 10 + 1))).await,
            _ => sleep(Duration::from_millis(self.dice.below(self.net.latency_ms + 1))).await,
        }
        let mut waited = Duration::ZERO;
        while self.net.is_cut.load(Ordering::Relaxed) {
            if waited >= PATIENCE {
                return Err(StoreError::Unavailable("the network is cut".to_owned()));
            }
            let step = Duration::from_millis(self.dice.between(50, 300));
            sleep(step).await;
            waited += step;
        }
        Ok(())
    }

    async fn ask<T>(&self, question: impl FnOnce(&Ledger) -> T) -> Result<T, StoreError> {
        self.trip().await?;
        let found = question(&self.ledger);
        self.trip().await?;
        Ok(found)
    }

    async fn commit_local(&self, batch: Batch) -> Result<Revision, StoreError> {
        if self.flaw != Flaw::NoSync {
            sleep(Duration::from_millis(self.dice.below(4))).await;
        }
        let at = self.ledger.commit(&batch)?;
        self.ear.advance(&self.ledger, at);
        if self.flaw == Flaw::NoSync {
            let (ledger, pause) = (self.ledger.clone(), Duration::from_millis(self.dice.between(500, 3000)));
            tokio::task::spawn_local(async move {
                sleep(pause).await;
                ledger.sync(at);
            });
        } else {
            self.ledger.sync(at);
        }
        self.trip().await?;
        Ok(Revision(at))
    }

    async fn commit_shared(&self, batch: Batch) -> Result<Revision, StoreError> {
        self.trip().await?;
        let batch = self.flaw.spoil(batch, &self.ledger);
        if !self.net.is_healed.load(Ordering::Relaxed) && self.dice.permille(self.net.lost_replies) {
            return self.lose_reply(batch).await;
        }
        let done = self.ledger.commit(&batch);
        let told = self.ledger.revision();
        if self.trip().await.is_err() {
            self.ear.lost();
            return Err(StoreError::Unknown("no reply to the commit".to_owned()));
        }
        // Whoever is told of success or of a conflict reads again: what others changed must be forgotten by then.
        self.ear.advance(&self.ledger, told);
        self.ledger.sync(told);
        done.map(Revision)
    }

    /// The batch is applied, or not, or some time later; nobody is told which.
    async fn lose_reply(&self, batch: Batch) -> Result<Revision, StoreError> {
        match self.dice.below(3) {
            0 => {}
            1 => drop(self.ledger.commit(&batch)),
            _ => {
                let (ledger, pause) = (self.ledger.clone(), Duration::from_millis(self.dice.below(2000)));
                let batch = batch.clone();
                tokio::task::spawn_local(async move {
                    sleep(pause).await;
                    drop(ledger.commit(&batch));
                });
            }
        }
        sleep(Duration::from_millis(self.dice.below(500))).await;
        if self.flaw == Flaw::BlindRetry {
            sleep(Duration::from_millis(self.dice.below(500))).await;
            let at = self.ledger.commit(&Batch { seen: Vec::new(), ..batch })?;
            self.ear.advance(&self.ledger, at);
            return Ok(Revision(at));
        }
        if self.dice.permille(500) {
            self.ear.lost();
        }
        Err(StoreError::Unknown("the reply was lost".to_owned()))
    }

    async fn reach_newest(&self) -> Result<Revision, StoreError> {
        let newest = self.ask(Ledger::revision).await?;
        if self.flaw == Flaw::NewestBeforeNews {
            return Ok(Revision(newest));
        }
        if self.dice.permille(700) {
            // The answer brings the news with it.
            self.ear.advance(&self.ledger, newest);
            return Ok(Revision(newest));
        }
        match tokio::time::timeout(PATIENCE, self.ear.reached.reaches(newest)).await {
            Ok(_) => Ok(Revision(newest)),
            Err(_) => Err(StoreError::Unavailable("no news in time".to_owned())),
        }
    }
}

impl Store for Link {
    fn kind(&self) -> &'static str {
        "simulated"
    }

    fn peek(&self, key: &[u8]) -> Option<Result<Option<Row>, StoreError>> {
        // A local store has some rows at hand, and goes to the disk for others.
        (self.sort == Sort::Local && self.dice.permille(500)).then(|| Ok(self.ledger.get(key)))
    }

    fn get<'a>(&'a self, key: &'a [u8]) -> BoxFuture<'a, Result<Option<Row>, StoreError>> {
        self.ask(|ledger| ledger.get(key)).boxed()
    }

    fn scan<'a>(
        &'a self,
        start: &'a [u8],
        end: &'a [u8],
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<(Key, Row)>, StoreError>> {
        self.ask(move |ledger| ledger.range(start, end, limit)).boxed()
    }

    fn keys<'a>(&'a self, start: &'a [u8], end: &'a [u8], limit: usize) -> BoxFuture<'a, Result<Vec<Key>, StoreError>> {
        let keys = move |ledger: &Ledger| ledger.range(start, end, limit).into_iter().map(|(key, _)| key).collect();
        self.ask(keys).boxed()
    }

    fn commit(&self, batch: Batch) -> BoxFuture<'_, Result<Revision, StoreError>> {
        match self.sort {
            Sort::Local => self.commit_local(batch).boxed(),
            Sort::Shared => self.commit_shared(batch).boxed(),
        }
    }

    fn revision(&self) -> Revision {
        Revision(self.ear.reached.get())
    }

    fn newest(&self) -> BoxFuture<'_, Result<Revision, StoreError>> {
        self.reach_newest().boxed()
    }

    fn is_shared(&self) -> bool {
        self.sort == Sort::Shared
    }

    fn watch(&self, prefix: Key, watcher: Arc<dyn Watcher>) {
        // The cache of rows watches everything, and nobody else does.
        if self.flaw == Flaw::CacheNeverDropped && prefix == Bytes::new() {
            return;
        }
        if matches!(self.flaw, Flaw::DeafTo(to) if prefix == to) {
            return;
        }
        self.ear.watchers.lock().push((prefix, watcher));
    }

    fn snapshot(&self, out: &mut dyn std::io::Write) -> Result<(), StoreError> {
        let rows = self.ledger.range(b"", b"", usize::MAX);
        kw_store::snapshot::write(out, rows.into_iter().map(|(key, row)| Ok((key, row.value))))
    }

    fn close(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        std::future::ready(Ok(())).boxed()
    }
}
