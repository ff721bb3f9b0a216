//! Reading all rows as of one moment, for a snapshot.
use crate::error::{closing, misshapen, refused};
use crate::pool::key_of;
use crate::session::{Dialer, Session};
use bytes::Bytes;
use futures_util::StreamExt;
use kw_store::{Key, StoreError};
use std::pin::pin;
use std::sync::{Arc, mpsc};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

type Chunk = Result<Vec<(Key, Bytes)>, StoreError>;

/// A chunk is handed over when it has so many rows or bytes.
const CHUNK_ROWS: usize = 256;
const CHUNK_BYTES: usize = 1024 * 1024;

/// How many chunks may wait for a slow writer.
const CHUNKS_WAITING: usize = 4;

/// Writes a snapshot. Blocks the calling thread, which must not be the store's own.
pub(crate) fn write(handle: &Handle, dialer: Arc<Dialer>, out: &mut dyn std::io::Write) -> Result<(), StoreError> {
    let room = Arc::new(Semaphore::new(CHUNKS_WAITING));
    let (chunks, received) = mpsc::channel();
    handle.spawn(export(dialer, chunks, room.clone()));
    let mut rows = Rows { received, room, chunk: Vec::new().into_iter(), whole: false };
    let written = kw_store::snapshot::write(out, &mut rows);
    rows.room.close();
    written
}

/// The rows as they come in. An empty chunk is the end; if it is missing, so are rows.
struct Rows {
    received: mpsc::Receiver<Chunk>,
    room: Arc<Semaphore>,
    chunk: std::vec::IntoIter<(Key, Bytes)>,
    whole: bool,
}

impl Iterator for Rows {
    type Item = Result<(Key, Bytes), StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(row) = self.chunk.next() {
            return Some(Ok(row));
        }
        if self.whole {
            return None;
        }
        let chunk = match self.received.recv() {
            Ok(Ok(chunk)) => chunk,
            Ok(Err(e)) => return Some(Err(e)),
            Err(_) => return Some(Err(closing())),
        };
        self.room.add_permits(1);
        self.whole = chunk.is_empty();
        self.chunk = chunk.into_iter();
        self.chunk.next().map(Ok)
    }
}

async fn export(dialer: Arc<Dialer>, chunks: mpsc::Sender<Chunk>, room: Arc<Semaphore>) {
    let outcome = match dialer.dial().await {
        Ok(session) => {
            let outcome = read(&dialer, &session, &chunks, &room).await;
            session.end().await;
            outcome
        }
        Err(e) => Err(e),
    };
    // Whoever has stopped reading does not want to know.
    let _ = chunks.send(outcome.map(|()| Vec::new()));
}

/// One statement reads everything, so it is of one moment.
async fn read(
    dialer: &Dialer,
    session: &Session,
    chunks: &mpsc::Sender<Chunk>,
    room: &Semaphore,
) -> Result<(), StoreError> {
    session.client.batch_execute("SET statement_timeout = 0").await.map_err(|e| refused(&e))?;
    let none: [&(dyn tokio_postgres::types::ToSql + Sync); 0] = [];
    let stream = session.client.query_raw(&dialer.sql.everything(), none).await.map_err(|e| refused(&e))?;
    let mut stream = pin!(stream);
    let (mut chunk, mut bytes) = (Vec::new(), 0);
    while let Some(row) = stream.next().await {
        let row = row.map_err(|e| refused(&e))?;
        let value: &[u8] = row.try_get(2).map_err(|e| misshapen(&e))?;
        bytes += value.len();
        chunk.push((key_of(&row)?, Bytes::copy_from_slice(value)));
        if chunk.len() >= CHUNK_ROWS || bytes >= CHUNK_BYTES {
            hand_over(chunks, room, std::mem::take(&mut chunk)).await?;
            bytes = 0;
        }
    }
    if chunk.is_empty() { Ok(()) } else { hand_over(chunks, room, chunk).await }
}

async fn hand_over(chunks: &mpsc::Sender<Chunk>, room: &Semaphore, chunk: Vec<(Key, Bytes)>) -> Result<(), StoreError> {
    room.acquire().await.map_err(|_| closing())?.forget();
    chunks.send(Ok(chunk)).map_err(|_| closing())
}
