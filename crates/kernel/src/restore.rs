//! A snapshot in the place of all rows, in steps that a crash may come between.
//!
//! 1. The new rows are written beside the old ones, under [`STAGED`]. Nothing else has happened yet.
//! 2. The barrier is sealed and the row [`MARK`] is written: from here on there is no way back.
//! 3. The new rows are copied to their places, and old ones that have no successor are deleted.
//! 4. The mark says "clearing", what was staged is deleted, then the mark.
//!
//! Whoever finds the mark (each unsealing looks for it) goes on from there. A batch of step 3 or 4 commits only if the mark is as
//! it was when the step began, so that somebody who was slow cannot undo what somebody else has finished.
use crate::held::Held;
use crate::kernel::Kernel;
use bytes::Bytes;
use kw_store::{Batch, Key, Revision, Store, StoreError, Write, prefix_end};
use kw_types::Fault;

pub(crate) const STAGED: &[u8] = b"restore/";
const MARK: &[u8] = b"core/restoring";
const MOVING: &[u8] = b"moving";
const CLEARING: &[u8] = b"clearing";

/// How much is written at once: below what any backend takes in one commit.
const BATCH_BYTES: usize = 256 * 1024;
const BATCH_ROWS: usize = 100;

impl Kernel {
    /// Replaces all rows by these, and leaves the server sealed. They must hold the rows that a barrier is opened with. What
    /// comes out is a copy that holds its revocations, see [`Held`].
    ///
    /// Errors: 400 while another restore is running. After any other error the store holds either what it held, or the next
    /// unsealing finishes what was begun.
    pub(crate) async fn restore(&self, rows: Vec<(Key, Bytes)>) -> Result<(), Fault> {
        let _alone = self.seal.restoring.try_lock();
        let _alone = _alone.map_err(|_| Fault::bad_request("another snapshot is being restored; wait for its end"))?;
        let store = self.store.as_ref();
        clear(store, STAGED, None).await?;
        let mut writer = Writer::new(store, None);
        let (held, since) = Held::row(self.now())?;
        let rows = rows.into_iter().filter(|(key, _)| !is_restore_row(key) && *key != held);
        for (key, value) in rows.chain([(held.clone(), since)]) {
            writer.write(Write { key: [STAGED, &key].concat().into(), value: Some(value) }).await?;
        }
        writer.flush().await?;
        self.forget_keys();
        mark(store, MOVING, Revision(0)).await?;
        self.finish_restore().await
    }

    /// Finishes a restore that was begun. Does nothing where there is none.
    pub(crate) async fn finish_restore(&self) -> Result<(), Fault> {
        let store = self.store.as_ref();
        loop {
            let Some(row) = store.get(MARK).await? else { return Ok(()) };
            let done = if row.value == MOVING {
                replace(store, row.revision).await
            } else {
                finish(store, row.revision).await
            };
            match done {
                // After a conflict, somebody else has gone on; the mark tells how far.
                Ok(()) | Err(StoreError::Conflict) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// Step 3.
async fn replace(store: &dyn Store, marked: Revision) -> Result<(), StoreError> {
    tracing::warn!("a restore is carried out");
    let mut writer = Writer::new(store, Some(marked));
    let (mut start, end) = (STAGED.to_vec(), prefix_end(STAGED));
    loop {
        let page = store.scan(&start, &end, BATCH_ROWS).await?;
        let Some((last, _)) = page.last() else { break };
        start = [last, b"\0".as_slice()].concat();
        for (key, row) in page {
            writer.write(Write { key: key.slice(STAGED.len()..), value: Some(row.value) }).await?;
        }
    }
    let mut start = Vec::new();
    loop {
        let page = store.keys(&start, &[], 1000).await?;
        let Some(last) = page.last() else { break };
        start = [last, b"\0".as_slice()].concat();
        for key in page.into_iter().filter(|key| !is_restore_row(key)) {
            if store.get(&[STAGED, &key].concat()).await?.is_none() {
                writer.write(Write { key, value: None }).await?;
            }
        }
    }
    writer.flush().await?;
    mark(store, CLEARING, marked).await
}

/// Step 4.
async fn finish(store: &dyn Store, marked: Revision) -> Result<(), StoreError> {
    clear(store, STAGED, Some(marked)).await?;
    let writes = vec![Write { key: Key::from_static(MARK), value: None }];
    store.commit(Batch { writes, ..only_if(Some(marked)) }).await?;
    tracing::warn!("a restore is complete");
    Ok(())
}

async fn mark(store: &dyn Store, phase: &'static [u8], former: Revision) -> Result<(), StoreError> {
    let writes = vec![Write { key: Key::from_static(MARK), value: Some(Bytes::from_static(phase)) }];
    store.commit(Batch { writes, ..only_if(Some(former)) }).await.map(|_| ())
}

async fn clear(store: &dyn Store, prefix: &[u8], marked: Option<Revision>) -> Result<(), StoreError> {
    let mut writer = Writer::new(store, marked);
    let (mut start, end) = (prefix.to_vec(), prefix_end(prefix));
    loop {
        let page = store.keys(&start, &end, 1000).await?;
        let Some(last) = page.last() else { return writer.flush().await };
        start = [last, b"\0".as_slice()].concat();
        for key in page {
            writer.write(Write { key, value: None }).await?;
        }
    }
}

fn is_restore_row(key: &[u8]) -> bool {
    key == MARK || key.starts_with(STAGED)
}

/// A batch that commits only if the mark is as it was seen.
fn only_if(marked: Option<Revision>) -> Batch {
    Batch { seen: marked.map(|revision| (Key::from_static(MARK), revision)).into_iter().collect(), ..Batch::default() }
}

/// Collects writes and commits them by the batch.
struct Writer<'a> {
    store: &'a dyn Store,
    marked: Option<Revision>,
    batch: Batch,
    bytes: usize,
}

impl<'a> Writer<'a> {
    fn new(store: &'a dyn Store, marked: Option<Revision>) -> Self {
        Self { store, marked, batch: only_if(marked), bytes: 0 }
    }

    async fn write(&mut self, write: Write) -> Result<(), StoreError> {
        self.bytes += write.key.len() + write.value.as_ref().map_or(0, Bytes::len);
        self.batch.writes.push(write);
        if self.bytes >= BATCH_BYTES || self.batch.writes.len() >= BATCH_ROWS { self.flush().await } else { Ok(()) }
    }

    async fn flush(&mut self) -> Result<(), StoreError> {
        self.bytes = 0;
        let batch = std::mem::replace(&mut self.batch, only_if(self.marked));
        if batch.writes.is_empty() { Ok(()) } else { self.store.commit(batch).await.map(|_| ()) }
    }
}
