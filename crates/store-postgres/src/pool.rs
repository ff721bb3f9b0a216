//! The connections that read.
use crate::error::{closing, is_of_connection, misshapen, refused, too_slow};
use crate::placed::{Placed, whole};
use crate::session::{Dialer, Session, from_database};
use bytes::Bytes;
use futures_util::TryStreamExt;
use futures_util::future::try_join_all;
use kw_store::{ANSWER_TIME_MAX, Key, Row, StoreError};
use parking_lot::Mutex;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::error::Elapsed;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Error, Statement};

/// How long reads that are under way may take to end when the store is closed.
const DRAIN_MAX: Duration = Duration::from_secs(5);

/// What is to be read.
pub(crate) enum Question {
    Get(Key),
    /// The rows with `start <= key < end` (an empty end: all), `limit` at most; without their values where only keys matter.
    Range {
        start: Key,
        end: Key,
        limit: usize,
        with_values: bool,
    },
}

/// Some connections, opened when they are first needed.
pub(crate) struct Pool {
    dialer: Arc<Dialer>,
    permits: Arc<Semaphore>,
    permits_max: u32,
    idle: Mutex<Vec<Reader>>,
    idle_max: usize,
}

impl Pool {
    pub fn new(dialer: Arc<Dialer>, max_parallel: usize, idle_max: usize) -> Self {
        let permits_max = u32::try_from(max_parallel).unwrap_or(u32::MAX).clamp(1, 10_000);
        let permits = Arc::new(Semaphore::new(permits_max as usize));
        Self { dialer, permits, permits_max, idle: Mutex::default(), idle_max }
    }

    /// Asks, and asks once more on a new connection if the first turns out to be dead. From a database that is silent it has
    /// an error within [`ANSWER_TIME_MAX`], and within the same time after the last row of a long answer.
    pub async fn ask(self: &Arc<Self>, question: &Question) -> Result<Vec<(Key, Row)>, StoreError> {
        self.dialer.position.sound()?;
        let deadline = Instant::now() + ANSWER_TIME_MAX;
        let permit = timeout_at(deadline, self.permits.clone().acquire_owned()).await;
        let permit = permit.map_err(|_| too_slow())?.map_err(|_| closing())?;
        while let Some(reader) = self.take() {
            match reader.ask(question, deadline).await {
                Ok(Ok(rows)) => return self.keep(reader, rows).await,
                Ok(Err(e)) if is_of_connection(&e) => reader.session.end().await,
                Ok(Err(e)) => return self.keep(reader, Err(refused(&e))).await,
                Err(Elapsed { .. }) => {
                    // The others are of the same age, and would let further requests wait as long.
                    self.idle.lock().clear();
                    return Err(too_slow());
                }
            }
        }
        let opened = timeout_at(deadline, self.open(permit)).await;
        let (reader, _permit) = opened.map_err(|_| too_slow())??;
        match reader.ask(question, deadline).await.map_err(|_| too_slow())? {
            Ok(rows) => self.keep(reader, rows).await,
            Err(e) => Err(refused(&e)),
        }
    }

    /// A new connection. It is opened to the end when nobody waits any more, for whoever asks next: finding the one of several
    /// hosts that serves may take longer than a question may.
    async fn open(
        self: &Arc<Self>,
        permit: OwnedSemaphorePermit,
    ) -> Result<(Reader, OwnedSemaphorePermit), StoreError> {
        let (tell, told) = oneshot::channel();
        let pool = self.clone();
        tokio::spawn(async move {
            let opened = Reader::open(&pool.dialer).await.map(|reader| (reader, permit));
            if let Err(Ok((reader, _permit))) = tell.send(opened) {
                pool.keep(reader, ()).await;
            }
        });
        told.await.unwrap_or_else(|_| Err(closing()))
    }

    /// Waits for the reads that are under way and ends the connections.
    pub async fn close(&self) {
        let _drained = timeout(DRAIN_MAX, self.permits.acquire_many(self.permits_max)).await;
        self.permits.close();
        let readers = std::mem::take(&mut *self.idle.lock());
        futures_util::future::join_all(readers.into_iter().map(|reader| reader.session.end())).await;
    }

    /// The connection that was used last, so that those which are not needed stay unused.
    fn take(&self) -> Option<Reader> {
        let mut idle = self.idle.lock();
        while let Some(reader) = idle.pop() {
            if !reader.session.client.is_closed() {
                return Some(reader);
            }
        }
        None
    }

    async fn keep<T>(&self, reader: Reader, outcome: T) -> T {
        let surplus = {
            let mut idle = self.idle.lock();
            if idle.len() < self.idle_max {
                idle.push(reader);
                None
            } else {
                Some(reader)
            }
        };
        if let Some(reader) = surplus {
            reader.session.end().await;
        }
        outcome
    }
}

/// A connection with the statements that read.
struct Reader {
    session: Session,
    get: Statement,
    /// With and without values, to the end of all keys and to an end that is given.
    ranges: [Statement; 4],
}

impl Reader {
    async fn open(dialer: &Dialer) -> Result<Self, StoreError> {
        let session = dialer.dial().await?;
        let sql = &dialer.sql;
        let texts =
            [sql.get(), sql.range(false, false), sql.range(false, true), sql.range(true, false), sql.range(true, true)];
        let prepare =
            async { try_join_all(texts.iter().map(|t| session.client.prepare(t))).await.map_err(|e| refused(&e)) };
        let statements = session.in_time(prepare).await?;
        let Ok([get, ranges @ ..]) = <[Statement; 5]>::try_from(statements) else {
            return Err(StoreError::Unavailable("a statement is missing".to_owned()));
        };
        Ok(Self { session, get, ranges })
    }

    /// `Err` when the database says nothing until `deadline`, or for [`ANSWER_TIME_MAX`] in the middle of its answer.
    async fn ask(&self, question: &Question, deadline: Instant) -> Result<Answer, Elapsed> {
        match question {
            Question::Get(key) => timeout_at(deadline, self.get(key)).await,
            Question::Range { start, end, limit, with_values } => {
                self.range((start, end), *limit, *with_values, deadline).await
            }
        }
    }

    async fn get(&self, key: &Key) -> Answer {
        let placed = Placed::of(key);
        let row = self.session.client.query_opt(&self.get, &[&placed.head, &placed.tail_digest]).await?;
        let found = row.map(|row| Ok((key.clone(), content(&row, 0)?)));
        Ok(found.into_iter().collect())
    }

    async fn range(
        &self,
        (start, end): (&Key, &Key),
        limit: usize,
        with_values: bool,
        deadline: Instant,
    ) -> Result<Answer, Elapsed> {
        let (from, to) = (Placed::of(start), Placed::of(end));
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let mut parameters: Vec<&(dyn ToSql + Sync)> = vec![&from.head, &from.tail, &limit];
        if !end.is_empty() {
            parameters.extend([&to.head as &(dyn ToSql + Sync), &to.tail]);
        }
        let [keys_on, keys_between, rows_on, rows_between] = &self.ranges;
        let statement = match (with_values, end.is_empty()) {
            (false, true) => keys_on,
            (false, false) => keys_between,
            (true, true) => rows_on,
            (true, false) => rows_between,
        };
        let rows = match timeout_at(deadline, self.session.client.query_raw(statement, parameters)).await? {
            Ok(rows) => rows,
            Err(error) => return Ok(Err(error)),
        };
        let (mut rows, mut read) = (pin!(rows), Vec::new());
        let mut patience = deadline;
        loop {
            match timeout_at(patience, rows.try_next()).await? {
                Ok(Some(row)) => match row_of(&row, with_values) {
                    Ok(row) => read.push(row),
                    Err(error) => return Ok(Ok(Err(error))),
                },
                Ok(None) => return Ok(Ok(Ok(read))),
                Err(error) => return Ok(Err(error)),
            }
            patience = Instant::now() + ANSWER_TIME_MAX;
        }
    }
}

/// What the database answers: rows, or that one of them is not what it should be; or why it does not.
type Answer = Result<Result<Vec<(Key, Row)>, StoreError>, Error>;

fn row_of(row: &tokio_postgres::Row, with_values: bool) -> Result<(Key, Row), StoreError> {
    let key = key_of(row)?;
    let row = if with_values { content(row, 2)? } else { Row { value: Bytes::new(), revision: Default::default() } };
    Ok((key, row))
}

/// The first two columns.
pub(crate) fn key_of(row: &tokio_postgres::Row) -> Result<Key, StoreError> {
    let head: &[u8] = row.try_get(0).map_err(|e| misshapen(&e))?;
    let tail: &[u8] = row.try_get(1).map_err(|e| misshapen(&e))?;
    Ok(whole(head, tail))
}

/// The value in this column and the revision in the next.
fn content(row: &tokio_postgres::Row, column: usize) -> Result<Row, StoreError> {
    let value: &[u8] = row.try_get(column).map_err(|e| misshapen(&e))?;
    let revision: i64 = row.try_get(column + 1).map_err(|e| misshapen(&e))?;
    Ok(Row { value: Bytes::copy_from_slice(value), revision: from_database(revision) })
}
