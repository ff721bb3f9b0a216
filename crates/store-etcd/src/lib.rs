//! The store in an etcd cluster, shared by all nodes of ours.
//!
//! Every node reads and writes. A batch is one transaction of etcd's, which compares what was seen and writes all or nothing
//! (`commit`); etcd gives all transactions one order and syncs many at once, so nothing is gathered here. One stream follows
//! what all nodes commit (`follower`) and tells the watchers. One task asks for the newest revision on behalf of all who
//! want to know it (`newest`). All of this shares one HTTP/2 connection, which moves to another member of the cluster when
//! it fails (`dialer`). `docs/storage.md` describes the keys.
//!
//! Invariant: watchers hear of all commits, in their order and without a gap, or that something was lost; they may hear of
//! this node's own commits twice.
mod address;
mod commit;
mod connection;
mod dialer;
mod error;
mod export;
mod fence;
mod follower;
mod founding;
mod layout;
// Generated; see proto/etcd.proto.
#[rustfmt::skip]
#[allow(clippy::enum_variant_names, reason = "the names are etcd's")]
mod messages;
mod newest;
mod position;
mod reads;
mod store;
mod tls;
mod trim;
mod txn;

use kw_store::{ANSWER_TIME_MAX, CACHE_BYTES, Cached, Store, StoreError};
use kw_types::{Rng, Secret};
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Where the members are if nothing else is said.
pub const ADDRESS: &str = "http://127.0.0.1:2379";

/// What all keys begin with if nothing else is said.
pub const PATH: &str = "/keywright/";

/// How long old versions of rows are kept if nothing else is said.
pub const KEEP: Duration = Duration::from_secs(600);

/// How a store is opened.
#[derive(Clone)]
pub struct Options {
    /// The members: URLs with `http` or `https`, separated by commas. Without a scheme, `https` if a TLS file is named.
    pub address: String,
    /// What all keys begin with; `/` is put before and after it where it is missing.
    pub path: String,
    pub username: Option<String>,
    pub password: Option<Secret<String>>,
    /// CA certificates in PEM. Without them the system's are trusted.
    pub tls_ca_file: Option<PathBuf>,
    /// The chain that is shown to the members, and its key, both in PEM.
    pub tls_cert_file: Option<PathBuf>,
    pub tls_key_file: Option<PathBuf>,
    /// How long a request may take, at least 100 ms.
    pub request_timeout: Duration,
    /// For how long old versions of rows are kept before they are compacted away, for all programs that share the cluster.
    /// `None`: that is the business of whoever runs the cluster.
    pub keep: Option<Duration>,
    /// Memory for rows that were read, in bytes.
    pub row_cache_bytes: usize,
    /// Gives a new store its identity, and each process its own.
    pub rng: Arc<dyn Rng>,
}

impl Options {
    /// The defaults.
    pub fn new(rng: Arc<dyn Rng>) -> Self {
        Self {
            address: ADDRESS.to_owned(),
            path: PATH.to_owned(),
            username: None,
            password: None,
            tls_ca_file: None,
            tls_cert_file: None,
            tls_key_file: None,
            request_timeout: ANSWER_TIME_MAX,
            keep: Some(KEEP),
            row_cache_bytes: CACHE_BYTES,
            rng,
        }
    }
}

/// Opens the store, and founds it if there is none under the path. Needs no runtime of the caller's: the store has a thread
/// of its own.
///
/// When [`Store::newest`] returns, all watchers (and so the cache that is part of this store) have been told of everything up
/// to the revision that it returned. A read that follows it is not older than the call.
pub async fn open(options: &Options) -> Result<Arc<dyn Store>, OpenError> {
    let store = store::EtcdStore::open(options).await?;
    Ok(Arc::new(Cached::new(store, options.row_cache_bytes)))
}

/// Why a store could not be opened. No text holds anything of the password.
#[derive(Debug)]
pub enum OpenError {
    /// An option cannot be used; says which and why.
    Option(String),
    /// The store was founded by a newer version of this program.
    Newer { path: String, found: u32 },
    /// There are keys under this path that are not ours.
    Foreign(String),
    /// The cluster cannot be reached, or refuses what the store needs.
    Store(StoreError),
    /// The operating system refused a thread or its runtime.
    Io(std::io::Error),
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Option(what) => write!(f, "storage \"etcd\": {what}"),
            Self::Newer { path, found } => write!(
                f,
                "the store under {path} has format {found}, and this version knows formats up to {}: start a newer version",
                founding::FORMAT
            ),
            Self::Foreign(path) => {
                write!(f, "etcd has keys under {path} that are not a store of Keywright's: name another `path`")
            }
            Self::Store(error) => write!(f, "storage \"etcd\": {error}"),
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
