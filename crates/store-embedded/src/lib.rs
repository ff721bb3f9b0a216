//! The default store: durable, in one directory, without another process.
//!
//! Commits go to a log that is synced before anybody is told (`committer`), one fsync for all that queued up during the one
//! before; from there they are folded into a table on disk (`folder`, `base`). Reads look at the rows that are not folded yet
//! (`overlay`), then at the table. `docs/storage.md` describes the files.
//!
//! Invariant: what was acknowledged is read back, or reading says that the store is damaged and where; nothing is ever
//! silently dropped.
mod base;
mod blocks;
mod committer;
mod desk;
mod dir;
mod file;
mod folder;
mod handoff;
mod known;
mod mark;
mod overlay;
mod reader;
mod record;
mod replay;
mod segment;
mod store;

use kw_store::{Cached, Revision, Store, StoreError};
use kw_types::Rng;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fmt, io};

/// How a store is opened.
#[derive(Clone)]
pub struct Options {
    /// Gives a new store its identity.
    pub rng: Arc<dyn Rng>,
    /// Memory for rows that were read, in bytes; 0: none are kept.
    pub row_cache_bytes: usize,
    /// Memory for pages of the table, in bytes.
    pub base_cache_bytes: usize,
    /// The length of a segment of the log, in bytes, at least 64 KiB. Up to two segments of rows are held in memory, and
    /// no batch may be longer than one.
    pub segment_bytes: u64,
}

impl Options {
    /// What fits a server that is to stay below 40 MB.
    pub fn new(rng: Arc<dyn Rng>) -> Self {
        Self { rng, row_cache_bytes: 6 << 20, base_cache_bytes: 6 << 20, segment_bytes: 4 << 20 }
    }
}

/// Opens the store in this directory, or makes one if the directory is missing or empty. Call it on a thread that may block.
///
/// Needs no runtime. Commits made on a tokio runtime are handed over by the batch, by a task of that runtime: so it must be
/// running for them to finish, as it must for tokio's own I/O.
pub fn open(dir: &Path, options: &Options) -> Result<Arc<dyn Store>, OpenError> {
    let store = store::EmbeddedStore::open(dir, options)?;
    match options.row_cache_bytes {
        0 => Ok(Arc::new(store)),
        bytes => Ok(Arc::new(Cached::new(store, bytes))),
    }
}

/// Checks everything in a directory that no process uses: every page, every row and every record. Changes nothing that is
/// whole. Takes as long as reading all files.
pub fn verify(dir: &Path) -> Result<Report, OpenError> {
    store::verify(dir)
}

/// What [`verify`] has seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    /// Rows in the table.
    pub base_rows: u64,
    /// Records in the log, folded or not.
    pub log_records: u64,
    /// The newest revision.
    pub revision: Revision,
}

/// Why a store could not be opened.
#[derive(Debug)]
pub enum OpenError {
    /// Another process has it open.
    InUse(PathBuf),
    /// It was written by a newer version of this program.
    Newer { dir: PathBuf, found: u32 },
    /// The operating system refused; says what was tried.
    Io { what: String, error: io::Error },
    /// What is there cannot be used; says which file and where.
    Store(StoreError),
}

impl OpenError {
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |error| Self::Io { what, error }
    }

    pub(crate) fn corrupt(path: &Path, offset: u64, what: impl fmt::Display) -> Self {
        Self::Store(StoreError::Corrupt(format!("{}, offset {offset}: {what}", path.display())))
    }
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InUse(dir) => write!(
                f,
                "the data directory {} is in use by another process: stop that one first, or give this one its own directory",
                dir.display()
            ),
            Self::Newer { dir, found } => write!(
                f,
                "the data directory {} has format {found}, and this version knows formats up to 1: start a newer version",
                dir.display()
            ),
            Self::Io { what, error } => write!(f, "{what}: {error}"),
            Self::Store(error @ StoreError::Corrupt(_)) => {
                write!(f, "{error}. Nothing was changed: keep a copy of the directory, then restore a snapshot")
            }
            Self::Store(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for OpenError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { error, .. } => Some(error),
            Self::Store(error) => Some(error),
            Self::InUse(_) | Self::Newer { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests;
