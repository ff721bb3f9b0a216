//! Committing: one batch, one transaction.
use crate::dialer::{Dialer, revision};
use crate::error::{is_of_login, may_pass, of_commit, too_slow};
use crate::fence::Fence;
use crate::messages::{Compare, TxnRequest, TxnResponse};
use crate::txn::{SEEN_MAX, as_seen, fetched, transaction, unchanged};
use futures_util::future::join_all;
use kw_store::{Batch, Key, Revision, StoreError};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout};

pub(crate) const TXN: &str = "/etcdserverpb.KV/Txn";

/// How long a commit waits for the watch to bring its own news before it tells the watchers itself.
const NEWS_MAX: Duration = Duration::from_secs(1);

/// How often a batch is sent that has certainly not been written: by a fence, a login that ran out, or a head that moved.
const ATTEMPTS_MAX: u32 = 6;

pub(crate) struct Committer {
    pub dialer: Arc<Dialer>,
    pub fence: Fence,
}

/// What became of a transaction.
enum Outcome {
    Done(Revision),
    Conflict,
    /// Nothing was written, and not for a reason that lies in the batch.
    Again,
}

impl Committer {
    /// See [`kw_store::Store::commit`]. The watchers have been told when this returns, whatever it returns.
    pub async fn commit(&self, batch: &Batch) -> Result<Revision, StoreError> {
        for _ in 0..ATTEMPTS_MAX {
            let outcome = if batch.seen.len() <= SEEN_MAX {
                self.send(batch, as_seen(&self.dialer.layout, &batch.seen)).await?
            } else {
                self.send_guarded(batch).await?
            };
            match outcome {
                Outcome::Done(at) => return Ok(at),
                Outcome::Conflict => return Err(StoreError::Conflict),
                Outcome::Again => {}
            }
        }
        Err(StoreError::Conflict)
    }

    /// For more seen rows than a transaction can compare: looks at them in parts, and then commits only if nobody has
    /// committed anything meanwhile.
    async fn send_guarded(&self, batch: &Batch) -> Result<Outcome, StoreError> {
        let head = self.dialer.head().await?;
        let looks = batch.seen.chunks(SEEN_MAX).map(|seen| async {
            let compare = as_seen(&self.dialer.layout, seen);
            let answer: TxnResponse = self.dialer.ask(TXN, TxnRequest { compare, ..TxnRequest::default() }).await?;
            Ok::<_, StoreError>(answer.succeeded)
        });
        for holds in join_all(looks).await {
            if !holds? {
                let head = self.dialer.head().await?;
                self.catch_up(head.newest).await;
                return Ok(Outcome::Conflict);
            }
        }
        let guard = unchanged(self.dialer.layout.head(), head.newest);
        match self.send(batch, vec![guard]).await? {
            Outcome::Conflict => Ok(Outcome::Again),
            outcome => Ok(outcome),
        }
    }

    async fn send(&self, batch: &Batch, compare: Vec<Compare>) -> Result<Outcome, StoreError> {
        let dialer = &self.dialer;
        let generation = self.fence.generation();
        let request = transaction(&dialer.layout, compare, &batch.writes, self.fence.key(generation));
        let connected = timeout(dialer.request_timeout, dialer.connection()).await;
        let connection = connected.unwrap_or_else(|_| Err(too_slow()))?;
        match connection.call(TXN, request, dialer.request_timeout).await {
            Ok(answer) => self.judge(batch, &answer).await,
            Err(status) => {
                if may_pass(&status) {
                    connection.give_up();
                }
                if is_of_login(&status) {
                    return Ok(Outcome::Again);
                }
                let error = of_commit(&status);
                if matches!(error, StoreError::Unknown(_)) {
                    self.decide(generation).await;
                }
                Err(error)
            }
        }
    }

    async fn judge(&self, batch: &Batch, answer: &TxnResponse) -> Result<Outcome, StoreError> {
        let at = revision(answer.header);
        self.dialer.position.sound()?;
        match (answer.succeeded, batch.writes.is_empty()) {
            (true, true) => Ok(Outcome::Done(fetched(answer.responses.last()).unwrap_or(at))),
            (true, false) => {
                self.hear_own(batch, at).await;
                Ok(Outcome::Done(at))
            }
            (false, _) if fetched(answer.responses.get(1)).is_some() => Ok(Outcome::Again),
            (false, _) => {
                // Whoever is told of a conflict reads again: what others changed must be forgotten by then.
                self.catch_up(fetched(answer.responses.first()).unwrap_or(at)).await;
                Ok(Outcome::Conflict)
            }
        }
    }

    /// After this, what was remembered of the rows that we have written is forgotten.
    async fn hear_own(&self, batch: &Batch, at: Revision) {
        let position = &self.dialer.position;
        if !position.come_to(at, Instant::now() + NEWS_MAX, true).await {
            let keys: Vec<Key> = batch.writes.iter().map(|write| write.key.clone()).collect();
            position.tell_early(&keys, at);
        }
    }

    /// After this, nothing is remembered that was replaced up to this revision.
    async fn catch_up(&self, at: Revision) {
        let position = &self.dialer.position;
        if !position.come_to(at, Instant::now() + NEWS_MAX, true).await {
            position.forget();
        }
    }

    /// After this, reading tells whether a commit took place of which nothing was heard; unless etcd cannot be reached, when
    /// it may still appear later.
    async fn decide(&self, generation: u64) {
        match self.fence.raise(&self.dialer, generation).await {
            Ok(at) => self.catch_up(at).await,
            Err(_) => self.dialer.position.forget(),
        }
    }
}
