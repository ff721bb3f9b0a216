//! Where the data lives.
use super::etcd::{self, Etcd};
use super::section::Section;
use super::{ConfigError, Level, Notice, keys};
use kw_types::Secret;
use std::path::PathBuf;

/// The caches of the embedded store where nothing is said, in bytes.
pub const CACHE_SIZE: u64 = 12 << 20;

/// The store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Storage {
    /// In memory: lost at the end of the process.
    InMem,
    /// In a directory of this machine.
    Embedded {
        path: PathBuf,
        /// In bytes.
        cache_size: u64,
    },
    /// In an etcd cluster.
    Etcd(Etcd),
    /// In a PostgreSQL database, or another that speaks its wire.
    PostgreSql(PostgreSql),
}

impl Storage {
    /// The word in configuration and in `sys/seal-status`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::InMem => "inmem",
            Self::Embedded { .. } => "embedded",
            Self::Etcd(_) => "etcd",
            Self::PostgreSql(_) => "postgresql",
        }
    }
}

/// How the database is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PostgreSql {
    /// With the password, hence secret.
    pub connection_url: Secret<String>,
    /// `None`: the store's own default.
    pub table: Option<String>,
    /// How many connections read at once. `None`: the store's own default.
    pub max_parallel: Option<usize>,
    /// How many idle connections are kept. `None`: all.
    pub max_idle_connections: Option<usize>,
}

/// Refuses a configuration without a store.
pub(super) fn check_is_there(top: &Section<'_>) -> Result<(), ConfigError> {
    match top.has("storage") || top.has("backend") {
        true => Ok(()),
        false => Err(top.wrong_here("no storage: add storage \"embedded\" { path = \"/var/lib/keywright\" }")),
    }
}

/// Reads the last of the `storage` and `backend` blocks, if there is one.
pub(super) fn read(top: &Section<'_>, notices: &mut Vec<Notice>) -> Result<Option<Storage>, ConfigError> {
    let mut blocks = top.blocks("backend", 1)?;
    blocks.extend(top.blocks("storage", 1)?);
    blocks.pop().map(|block| read_block(&block, notices)).transpose()
}

/// Reads one block that names a store, whatever the block is called.
pub(super) fn read_block(block: &Section<'_>, notices: &mut Vec<Notice>) -> Result<Storage, ConfigError> {
    let known = match block.label(0) {
        Some("inmem" | "inmem_ha" | "inmem_transactional") => {
            block.check_keys(keys::STORAGE_INMEM, notices);
            return Ok(Storage::InMem);
        }
        Some("etcd") => return etcd::read(block, notices).map(Storage::Etcd),
        Some("postgresql") => return postgresql(block, notices),
        Some("embedded") => keys::STORAGE_EMBEDDED,
        Some(kind @ ("file" | "raft")) => {
            let text = format!("storage {kind:?} is kept in the embedded store, in the same directory");
            notices.push(block.notice(Level::Info, &text));
            keys::STORAGE_TAKEN_OVER
        }
        _ => {
            return Err(block.wrong_here(
                "this storage type is not supported: use \"embedded\", \"etcd\", \"postgresql\" or \"inmem\"",
            ));
        }
    };
    block.check_keys(known, notices);
    let Some(path) = block.path("path")? else {
        return Err(block.wrong_here("storage needs path: the directory for the data"));
    };
    let cache_size = match block.bytes("cache_size")? {
        None => CACHE_SIZE,
        Some(size) => u64::try_from(size).map_err(|_| block.wrong("cache_size", "cache_size must not be negative"))?,
    };
    Ok(Storage::Embedded { path, cache_size })
}

fn postgresql(block: &Section<'_>, notices: &mut Vec<Notice>) -> Result<Storage, ConfigError> {
    block.check_keys(keys::STORAGE_POSTGRESQL, notices);
    let Some(url) = block.string("connection_url")? else {
        return Err(
            block.wrong_here("storage \"postgresql\" needs connection_url: postgres://user:password@host:5432/name")
        );
    };
    let count = |key: &str| -> Result<Option<usize>, ConfigError> {
        let Some(number) = block.integer(key)? else { return Ok(None) };
        usize::try_from(number).map(Some).map_err(|_| block.wrong(key, &format!("{key} must not be negative")))
    };
    Ok(Storage::PostgreSql(PostgreSql {
        connection_url: Secret::new(url),
        table: block.string("table")?,
        max_parallel: count("max_parallel")?,
        max_idle_connections: count("max_idle_connections")?,
    }))
}
