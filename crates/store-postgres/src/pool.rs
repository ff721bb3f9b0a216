//! The connections that read.
use crate::error::{closing, is_of_connection, misshapen, refused};
use crate::placed::{Placed, whole};
use crate::session::{Dialer, Session, from_database};
use bytes::Bytes;
use futures_util::future::try_join_all;
use kw_store::{Key, Row, StoreError};
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::timeout;
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
    permits: Semaphore,
    permits_max: u32,
    idle: Mutex<Vec<Reader>>,
    idle_max: usize,
}

impl Pool {
    pub fn new(dialer: Arc<Dialer>, max_parallel: usize, idle_max: usize) -> Self {
        let permits_max = u32::try_from(max_parallel).unwrap_or(u32::MAX).clamp(1, 10_000);
        let permits = Semaphore::new(permits_max as usize);
        Self { dialer, permits, permits_max, idle: Mutex::default(), idle_max }
    }

    /// Asks, and asks once more on a new connection if the first turns out to be dead.
    pub async fn ask(&self, question: &Question) -> Result<Vec<(Key, Row)>, StoreError> {
        self.dialer.position.sound()?;
        let _permit = self.permits.acquire().await.map_err(|_| closing())?;
        while let Some(reader) = self.take() {
            match reader.session.in_time(async { Ok(reader.ask(question).await) }).await? {
                Ok(rows) => return self.keep(reader, rows).await,
                Err(e) if is_of_connection(&e) => reader.session.end().await,
                Err(e) => return self.keep(reader, Err(refused(&e))).await,
            }
        }
        let reader = Reader::open(&self.dialer).await?;
        match reader.session.in_time(async { Ok(reader.ask(question).await) }).await? {
            Ok(rows) => self.keep(reader, rows).await,
            Err(e) => Err(refused(&e)),
        }
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

    async fn ask(&self, question: &Question) -> Result<Result<Vec<(Key, Row)>, StoreError>, Error> {
        match question {
            Question::Get(key) => self.get(key).await,
            Question::Range { start, end, limit, with_values } => self.range(start, end, *limit, *with_values).await,
        }
    }

    async fn get(&self, key: &Key) -> Result<Result<Vec<(Key, Row)>, StoreError>, Error> {
        let placed = Placed::of(key);
        let row = self.session.client.query_opt(&self.get, &[&placed.head, &placed.tail_digest]).await?;
        let found = row.map(|row| Ok((key.clone(), content(&row, 0)?)));
        Ok(found.into_iter().collect())
    }

    async fn range(
        &self,
        start: &Key,
        end: &Key,
        limit: usize,
        with_values: bool,
    ) -> Result<Result<Vec<(Key, Row)>, StoreError>, Error> {
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
        let rows = self.session.client.query(statement, &parameters).await?;
        let read = rows.iter().map(|row| {
            let key = key_of(row)?;
            let row =
                if with_values { content(row, 2)? } else { Row { value: Bytes::new(), revision: Default::default() } };
            Ok((key, row))
        });
        Ok(read.collect())
    }
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
