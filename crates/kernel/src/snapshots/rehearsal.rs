//! Restoring a snapshot into a scratch store, to see that it can be done.
use super::take::{Shared, scratch_path};
use super::{OpenScratch, archive, blocking, failed};
use crate::kernel::Kernel;
use crate::rows::CORE;
use bytes::Bytes;
use kw_barrier::Barrier;
use kw_barrier::seal::KEYRING_ROW;
use kw_store::{Batch, Key, RowCipher, Store, StoreError, Write, snapshot};
use kw_types::Fault;
use std::fs::{self, DirBuilder, File};
use std::io::BufReader;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::runtime::{Builder, Runtime};

/// How much is written at once: below what any store takes in one commit.
const BATCH_BYTES: usize = 256 * 1024;
const BATCH_ROWS: usize = 100;

/// Reads the file, restores it, opens it with this server's root key, and decrypts every row. Gives the number of rows.
///
/// Errors: what does not fit: 500 for what the file holds, 503 for what stood in the way.
pub(super) async fn rehearse(kernel: &Kernel, file: &Path) -> Result<u64, Fault> {
    let parent = file.parent().unwrap_or(Path::new("."));
    let scratch = Scratch(scratch_path(parent, kernel));
    let (open, path, at) = (kernel.snapshots.scratch(), file.to_owned(), scratch.0.clone());
    let (store, rows, contents) = blocking(move || restore(&open, &path, &at)).await?;
    if !contents.is_ours(&kernel.barrier)? {
        return Err(damaged("its sums are not those that were written"));
    }
    let row = format!("{CORE}{KEYRING_ROW}");
    let keyring = store.get(row.as_bytes()).await?.ok_or_else(|| damaged("it holds no keyring"))?;
    let barrier = kernel.barrier.beside(&keyring.value).map_err(|_| damaged("its keyring does not open"))?;
    let read = blocking(move || {
        let read = decrypt_all(store.as_ref(), &barrier);
        loop_of_thread()?.block_on(store.close())?;
        // Held until nothing uses the directory any more.
        drop(scratch);
        read
    })
    .await?;
    if read == rows { Ok(rows) } else { Err(damaged(&format!("of {rows} rows, {read} were restored"))) }
}

/// A directory that goes at the end.
struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            tracing::warn!(path = %self.0.display(), %error, "the scratch store of a rehearsal could not be removed");
        }
    }
}

fn restore(open: &Arc<OpenScratch>, file: &Path, at: &Path) -> Result<(Shared, u64, archive::Contents), Fault> {
    DirBuilder::new().mode(0o700).create(at).map_err(failed(format!("making {}", at.display())))?;
    let store = open(at).map_err(|why| Fault::unavailable(format!("the scratch store: {why}")))?;
    let packed = File::open(file).map_err(failed(format!("reading {}", file.display())))?;
    let runtime = loop_of_thread()?;
    let (rows, contents) = archive::read(BufReader::new(packed), |mut state| {
        let mut filling = Filling { store: store.as_ref(), runtime: &runtime, batch: Batch::default(), bytes: 0 };
        let rows = snapshot::read(&mut state, |key, value| filling.add(key, value)).map_err(unreadable)?;
        filling.flush().map_err(unreadable)?;
        Ok(rows)
    })?;
    Ok((store, rows, contents))
}

/// Collects rows and commits them by the batch.
struct Filling<'a> {
    store: &'a dyn Store,
    runtime: &'a Runtime,
    batch: Batch,
    bytes: usize,
}

impl Filling<'_> {
    fn add(&mut self, key: Key, value: Bytes) -> Result<(), StoreError> {
        self.bytes += key.len() + value.len();
        self.batch.writes.push(Write { key, value: Some(value) });
        if self.bytes >= BATCH_BYTES || self.batch.writes.len() >= BATCH_ROWS { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), StoreError> {
        self.bytes = 0;
        let batch = std::mem::take(&mut self.batch);
        if batch.writes.is_empty() { Ok(()) } else { self.runtime.block_on(self.store.commit(batch)).map(drop) }
    }
}

fn decrypt_all(store: &dyn Store, barrier: &Barrier) -> Result<u64, Fault> {
    let runtime = loop_of_thread()?;
    let (mut start, mut rows) = (Vec::new(), 0);
    loop {
        let page = runtime.block_on(store.scan(&start, &[], BATCH_ROWS))?;
        for (key, row) in &page {
            // Rows under `core/` are not the barrier's, and those of an unfinished restore may be another's; an empty one has nothing.
            let is_clear =
                row.value.is_empty() || key.starts_with(CORE.as_bytes()) || key.starts_with(crate::restore::STAGED);
            if !is_clear && barrier.open(key, &row.value).is_err() {
                return Err(damaged(&format!("the row {} does not decrypt", String::from_utf8_lossy(key))));
            }
        }
        rows += page.len() as u64;
        match page.last() {
            Some((last, _)) if page.len() == BATCH_ROWS => start = [last, b"\0".as_slice()].concat(),
            _ => return Ok(rows),
        }
    }
}

/// A store's futures need a loop to run on; this thread may block on one.
fn loop_of_thread() -> Result<Runtime, Fault> {
    Builder::new_current_thread().enable_all().build().map_err(Fault::internal)
}

fn unreadable(error: StoreError) -> Fault {
    match error {
        StoreError::Corrupt(what) => damaged(&what),
        other => Fault::from(other),
    }
}

fn damaged(what: &str) -> Fault {
    Fault::new(kw_types::FaultKind::Internal, format!("the snapshot cannot be restored: {what}"))
}
