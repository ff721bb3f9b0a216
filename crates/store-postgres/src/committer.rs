//! The one task of a node that commits: what queued up during the last transaction goes into the next one.
//!
//! A transaction takes two trips. The first locks the row of revisions, which puts all commits of all nodes in one order,
//! and reads, as it is under the lock, what was seen and what other nodes have committed. The second writes and commits.
use crate::error::{is_of_connection, misshapen, of_commit, refused};
use crate::group::{Columns, Keys, Verdict, judge, seen_keys};
use crate::position::{News, Position};
use crate::session::{Dialer, Session, from_database, to_database};
use crate::sql::{CATCH_UP_MAX, Sql};
use futures_util::future::OptionFuture;
use futures_util::{join, try_join};
use kw_store::{Batch, Key, Revision, StoreError};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Error, Row, Statement};

/// How many batches go into one transaction.
const GROUP_BATCHES_MAX: usize = 1024;

/// How much is written in one transaction, in bytes, unless a single batch is larger.
const GROUP_BYTES_MAX: usize = 8 * 1024 * 1024;

/// The largest batch, in bytes of keys and values: far below what one statement may be.
pub(crate) const BATCH_BYTES_MAX: usize = 64 * 1024 * 1024;

/// How long the committer waits after it could not connect, at first and at most.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(20), Duration::from_millis(250));

type Parameter<'p> = &'p (dyn ToSql + Sync);

/// A batch on its way, with the place for its answer.
pub(crate) struct Pending {
    pub batch: Batch,
    pub answer: oneshot::Sender<Result<Revision, StoreError>>,
}

pub(crate) struct Committer {
    pub dialer: Arc<Dialer>,
    /// Where [`crate::follower`] of all nodes listen.
    pub channel: String,
    pub queue: mpsc::UnboundedReceiver<Pending>,
}

impl Committer {
    /// Works until the queue is closed and empty.
    pub async fn run(mut self) {
        let mut line: Option<Line> = None;
        let mut waiting = VecDeque::new();
        let mut arrived = Vec::new();
        let mut backoff = BACKOFF.0;
        loop {
            if waiting.is_empty() && self.queue.recv_many(&mut arrived, GROUP_BATCHES_MAX).await == 0 {
                break;
            }
            while let Ok(pending) = self.queue.try_recv() {
                arrived.push(pending);
            }
            waiting.extend(arrived.drain(..));
            let group = take_group(&mut waiting);
            match self.commit(&mut line, &group).await {
                Ok(outcomes) => {
                    backoff = BACKOFF.0;
                    group.into_iter().zip(outcomes).for_each(|(pending, outcome)| answer(pending, outcome));
                }
                Err(error) => {
                    if let Some(line) = line.take() {
                        line.session.end().await;
                    }
                    let unreachable = matches!(error, StoreError::Unavailable(_));
                    group.into_iter().for_each(|pending| answer(pending, Err(error.clone())));
                    if unreachable {
                        tokio::time::sleep(backoff).await;
                        backoff = (backoff * 2).min(BACKOFF.1);
                    }
                }
            }
        }
        if let Some(line) = line {
            line.session.end().await;
        }
    }

    /// Errors are for the whole group, and the connection is of no use after one.
    async fn commit(
        &self,
        line: &mut Option<Line>,
        group: &[Pending],
    ) -> Result<Vec<Result<Revision, StoreError>>, StoreError> {
        let position = &self.dialer.position;
        position.sound()?;
        let keys = seen_keys(group.iter().map(|pending| &pending.batch));
        let (line, locked) = self.lock(line, &keys).await?;
        // Whoever is told of a conflict reads again: what others changed must be forgotten by then.
        position.advance(&locked.news);
        let verdict = judge(group.iter().map(|pending| &pending.batch), &locked.found, locked.news.to);
        if verdict.changes.is_empty() {
            line.session.in_time(line.give_up()).await?;
            return Ok(verdict.outcomes);
        }
        let finished = line.session.in_time(async { Ok(line.finish(&verdict, &self.channel).await) }).await;
        match finished.unwrap_or_else(|_| Err(StoreError::Unknown("no answer to the commit in time".to_owned()))) {
            Ok(()) => {
                position.advance(&News { changes: verdict.changes, to: verdict.last, lost: false });
                Ok(verdict.outcomes)
            }
            Err(error) => {
                if matches!(error, StoreError::Unknown(_)) {
                    self.settle().await;
                }
                Err(error)
            }
        }
    }

    /// After a commit of unknown outcome: waits until it has one, so that whoever reads, on being told, reads the truth. The
    /// lost transaction holds the lock until its end, and whoever gets the lock next sees what it left. If the database
    /// cannot be reached, there is nothing to wait for.
    async fn settle(&self) {
        let position = &self.dialer.position;
        let mut line = None;
        match self.lock(&mut line, &[]).await {
            Ok((_, locked)) => position.advance(&locked.news),
            Err(e) => tracing::warn!("what became of a commit could not be looked up yet: {e}"),
        }
        if let Some(line) = line {
            line.session.end().await;
        }
        // Rows that were remembered from before may be old, whatever was found.
        position.forget();
    }

    /// Takes the lock, on a new connection if need be: nothing has been written yet, so trying again is safe.
    async fn lock<'l>(&self, line: &'l mut Option<Line>, keys: &[Key]) -> Result<(&'l Line, Locked), StoreError> {
        let position = &self.dialer.position;
        if let Some(known) = line.take().filter(|line| !line.session.client.is_closed()) {
            match known.session.in_time(async { Ok(known.lock(keys, position).await) }).await? {
                Ok(locked) => return Ok((line.insert(known), locked?)),
                Err(e) if !is_of_connection(&e) => return Err(refused(&e)),
                Err(_) => known.session.end().await,
            }
        }
        let fresh = Line::open(&self.dialer).await?;
        let locked =
            fresh.session.in_time(async { fresh.lock(keys, position).await.map_err(|e| refused(&e))? }).await?;
        Ok((line.insert(fresh), locked))
    }
}

/// What holds under the lock.
struct Locked {
    /// The revisions of the keys that are there.
    found: HashMap<Key, Revision>,
    /// What other nodes have committed.
    news: News,
}

/// The connection that commits, with its statements.
struct Line {
    session: Session,
    lock: Statement,
    missed: Statement,
    seen: Statement,
    upsert: Statement,
    delete: Statement,
    log: Statement,
    finish: Statement,
    notify: Statement,
}

impl Line {
    async fn open(dialer: &Dialer) -> Result<Self, StoreError> {
        let session = dialer.dial().await?;
        let sql: &Sql = &dialer.sql;
        let texts = [sql.lock(), sql.missed(), sql.seen(), sql.upsert(), sql.delete(), sql.log(), sql.finish()];
        let prepare = async {
            let client = &session.client;
            let statements = futures_util::future::try_join_all(texts.iter().map(|text| client.prepare(text)));
            try_join!(statements, client.prepare("SELECT pg_notify($1, $2)")).map_err(|e| refused(&e))
        };
        let (statements, notify) = session.in_time(prepare).await?;
        let Ok([lock, missed, seen, upsert, delete, log, finish]) = <[Statement; 7]>::try_from(statements) else {
            return Err(StoreError::Unavailable("a statement is missing".to_owned()));
        };
        Ok(Self { session, lock, missed, seen, upsert, delete, log, finish, notify })
    }

    /// The first trip. Its statements are sent at once; each sees what is committed when it runs, which is after the lock.
    async fn lock(&self, keys: &[Key], position: &Position) -> Result<Result<Locked, StoreError>, Error> {
        let known = position.reached();
        let client = &self.session.client;
        let columns = Keys::of(keys);
        let since: [Parameter<'_>; 1] = [&to_database(known)];
        let seen =
            (!keys.is_empty()).then_some(async { client.query(&self.seen, &[&columns.heads, &columns.digests]).await });
        let (_, locked, missed, seen) = try_join!(
            client.batch_execute("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"),
            client.query_one(&self.lock, &[]),
            client.query(&self.missed, &since),
            async { OptionFuture::from(seen).await.transpose() },
        )?;
        Ok(understand(keys, known, position, &locked, &missed, &seen.unwrap_or_default()))
    }

    /// Ends a transaction that has nothing to write.
    async fn give_up(&self) -> Result<(), StoreError> {
        self.session.client.batch_execute("ROLLBACK").await.map_err(|e| refused(&e))
    }

    /// The second trip. An error of a statement before the commit means that nothing was written: the server then takes
    /// the `COMMIT` for a `ROLLBACK`. It never gets to it if the statement's error was the last that it said.
    async fn finish(&self, verdict: &Verdict, channel: &str) -> Result<(), StoreError> {
        let client = &self.session.client;
        let columns = Columns::of(verdict);
        let (put, deleted) = (&columns.put, &columns.deleted);
        let upsert = (!put.heads.is_empty()).then_some(async {
            let row: [Parameter<'_>; 5] = [&put.heads, &put.digests, &put.tails, &columns.values, &columns.revisions];
            client.execute(&self.upsert, &row).await
        });
        let delete = (!deleted.heads.is_empty())
            .then_some(async { client.execute(&self.delete, &[&deleted.heads, &deleted.digests]).await });
        let log: [Parameter<'_>; 2] = [&columns.logged_at, &columns.logged];
        let last: [Parameter<'_>; 1] = [&to_database(verdict.last)];
        let said: [Parameter<'_>; 2] = [&channel, &verdict.last.0.to_string()];
        let (upserted, deleted, logged, finished, notified, committed) = join!(
            OptionFuture::from(upsert),
            OptionFuture::from(delete),
            client.execute(&self.log, &log),
            client.execute(&self.finish, &last),
            client.execute(&self.notify, &said),
            client.batch_execute("COMMIT"),
        );
        let before =
            [upserted.transpose(), deleted.transpose(), logged.map(Some), finished.map(Some), notified.map(Some)];
        if let Some(error) = before.iter().find_map(|outcome| outcome.as_ref().err()) {
            return Err(match error.as_db_error() {
                Some(_) => refused(error),
                None => StoreError::Unknown(crate::error::text(error)),
            });
        }
        committed.map_err(|e| of_commit(&e))
    }
}

fn understand(
    keys: &[Key],
    known: Revision,
    position: &Position,
    locked: &Row,
    missed: &[Row],
    seen: &[Row],
) -> Result<Locked, StoreError> {
    let number = |row: &Row, i: usize| row.try_get::<_, i64>(i).map_err(|e| misshapen(&e));
    let newest = from_database(number(locked, 0)?);
    let trimmed = from_database(number(locked, 1)?);
    position.check(newest, known)?;
    let mut changes: Vec<(Revision, Vec<Key>)> = Vec::new();
    for row in missed {
        let key: &[u8] = row.try_get(1).map_err(|e| misshapen(&e))?;
        add_change(&mut changes, from_database(number(row, 0)?), key);
    }
    let mut found = HashMap::new();
    for row in seen {
        let place = usize::try_from(number(row, 0)?).unwrap_or(0);
        if let Some(key) = place.checked_sub(1).and_then(|i| keys.get(i)) {
            found.insert(key.clone(), from_database(number(row, 1)?));
        }
    }
    let lost = trimmed > known || missed.len() > CATCH_UP_MAX;
    Ok(Locked { found, news: News { changes, to: newest, lost } })
}

/// Adds a changed key to its commit; rows come in the order of revisions.
pub(crate) fn add_change(changes: &mut Vec<(Revision, Vec<Key>)>, at: Revision, key: &[u8]) {
    let key = Key::copy_from_slice(key);
    match changes.last_mut() {
        Some((last, keys)) if *last == at => keys.push(key),
        _ => changes.push((at, vec![key])),
    }
}

/// How much a batch writes, in bytes.
pub(crate) fn weight(batch: &Batch) -> usize {
    let of_write = |w: &kw_store::Write| w.key.len() + w.value.as_ref().map_or(0, |v| v.len());
    batch.writes.iter().map(of_write).sum()
}

fn take_group(waiting: &mut VecDeque<Pending>) -> Vec<Pending> {
    let mut bytes = 0;
    let mut group = Vec::new();
    while let Some(next) = waiting.front() {
        bytes += weight(&next.batch);
        if !group.is_empty() && (bytes > GROUP_BYTES_MAX || group.len() >= GROUP_BATCHES_MAX) {
            break;
        }
        group.extend(waiting.pop_front());
    }
    group
}

fn answer(pending: Pending, outcome: Result<Revision, StoreError>) {
    // Whoever has stopped waiting needs no answer.
    let _ = pending.answer.send(outcome);
}
