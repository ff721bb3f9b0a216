//! The store in a PostgreSQL database, shared by all nodes of a cluster.
//!
//! Every node reads and writes. One task of each node commits (`committer`): whatever queued up during the last database
//! transaction goes into the next one, and a lock on one row gives all commits of all nodes one order. Another task follows
//! what other nodes commit (`follower`) and tells the watchers. Reads go through a pool of connections (`pool`).
//! `docs/storage.md` describes the tables and says how a cache on top of this store is kept fresh.
//!
//! Invariant: watchers hear of all commits, in their order and without a gap, or that something was lost; and what was told
//! to them is never ahead of what is durable.
mod address;
mod committer;
mod error;
mod export;
mod follower;
mod founding;
mod group;
mod placed;
mod pool;
mod position;
mod session;
mod sql;
mod store;
mod tls;
mod trim;

use kw_store::{CACHE_BYTES, Cached, Store, StoreError};
use kw_types::{Rng, Secret};
use std::fmt;
use std::sync::Arc;

/// The table where nothing else is said.
pub const TABLE: &str = "keywright_kv_store";

/// How a store is opened.
#[derive(Clone)]
pub struct Options {
    /// Where the database is, as a URL (`postgres://user:password@host:5432/name?sslmode=verify-full`) or in libpq's
    /// `key=value` form. Secret, since it holds the password.
    pub connection_url: Secret<String>,
    /// The table of the rows, with or without a schema before it (`schema.table`). The two tables beside it have the same
    /// name with `_meta` and `_changes` behind it. At most 40 letters, digits and `_`.
    pub table: String,
    /// How many connections read at the same time, at least 1. Two more are held: one commits, one listens.
    pub max_parallel: usize,
    /// How many reading connections are kept when they have nothing to do; `None` keeps all.
    pub max_idle_connections: Option<usize>,
    /// Memory for rows that were read, in bytes.
    pub row_cache_bytes: usize,
    /// Gives a new store its identity.
    pub rng: Arc<dyn Rng>,
}

impl Options {
    /// The defaults for this database.
    pub fn new(connection_url: Secret<String>, rng: Arc<dyn Rng>) -> Self {
        Self {
            connection_url,
            table: TABLE.to_owned(),
            max_parallel: 32,
            max_idle_connections: None,
            row_cache_bytes: CACHE_BYTES,
            rng,
        }
    }
}

/// Opens the store, and makes its tables if they are not there. Needs no runtime of the caller's: the store has a thread of
/// its own.
///
/// What [`Store::newest`] promises here is more than its revision: when it returns, all watchers (and so the cache that is
/// part of this store) have been told of everything up to that revision. A read that follows it is not older than the call.
pub async fn open(options: &Options) -> Result<Arc<dyn Store>, OpenError> {
    let store = store::PostgresStore::open(options).await?;
    Ok(Arc::new(Cached::new(store, options.row_cache_bytes)))
}

/// Why a store could not be opened. No text holds anything of the password.
#[derive(Debug)]
pub enum OpenError {
    /// An option cannot be used; says which and why.
    Option(String),
    /// The tables were made by a newer version of this program.
    Newer { table: String, found: i32 },
    /// There is a table of this name that is not ours.
    Foreign(String),
    /// The database cannot be reached, or refuses what the store needs.
    Store(StoreError),
    /// The operating system refused a thread or its runtime.
    Io(std::io::Error),
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Option(what) => write!(f, "storage \"postgresql\": {what}"),
            Self::Newer { table, found } => write!(
                f,
                "the table {table} has format {found}, and this version knows formats up to {}: start a newer version",
                sql::FORMAT
            ),
            Self::Foreign(table) => write!(
                f,
                "the database has a table {table} that is not a store of Keywright's: name another one with `table`"
            ),
            Self::Store(error) => write!(f, "storage \"postgresql\": {error}"),
            Self::Io(error) => write!(f, "starting the thread of the store: {error}"),
        }
    }
}

impl std::error::Error for OpenError {}

impl From<StoreError> for OpenError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

#[cfg(test)]
mod tests;
