//! From a `storage` block to an open store: the one place that knows all of them.
use crate::config::{Etcd, PostgreSql, Storage};
use crate::start::event_loop;
use kw_barrier::SystemRng;
use kw_store::{Cached, MemoryStore, Store};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Rows of a scratch store are written once and read once.
const SCRATCH_CACHE_BYTES: usize = 256 << 10;

/// Opens the store, or makes one where there is none. Errors: what is wrong and what to do, for the operator.
pub(crate) fn open(storage: &Storage, disable_cache: bool) -> Result<Arc<dyn Store>, String> {
    match storage {
        Storage::InMem if disable_cache => Ok(Arc::new(MemoryStore::new())),
        Storage::InMem => Ok(Arc::new(Cached::new(MemoryStore::new(), 8 << 20))),
        Storage::Etcd(cluster) => open_cluster(cluster),
        Storage::PostgreSql(database) => open_database(database),
        Storage::Embedded { path, cache_size } => {
            let mut options = kw_store_embedded::Options::new(Arc::new(SystemRng));
            // Rows that are asked for again and again, and the way to those that are not.
            let half = usize::try_from(*cache_size / 2).unwrap_or(usize::MAX);
            (options.row_cache_bytes, options.base_cache_bytes) = if disable_cache { (0, 0) } else { (half, half) };
            kw_store_embedded::open(path, &options).map_err(|e| e.to_string())
        }
    }
}

fn open_cluster(cluster: &Etcd) -> Result<Arc<dyn Store>, String> {
    let mut options = kw_store_etcd::Options::new(Arc::new(SystemRng));
    if let Some(address) = &cluster.address {
        options.address.clone_from(address);
    }
    if let Some(path) = &cluster.path {
        options.path.clone_from(path);
    }
    if let Some(time) = cluster.request_timeout {
        options.request_timeout = Duration::from_secs(time.seconds());
    }
    if let Some(time) = cluster.keep_versions {
        options.keep = (time.seconds() > 0).then(|| Duration::from_secs(time.seconds()));
    }
    options.username.clone_from(&cluster.username);
    options.password.clone_from(&cluster.password);
    options.tls_ca_file.clone_from(&cluster.tls_ca_file);
    options.tls_cert_file.clone_from(&cluster.tls_cert_file);
    options.tls_key_file.clone_from(&cluster.tls_key_file);
    event_loop()?.block_on(kw_store_etcd::open(&options)).map_err(|e| e.to_string())
}

/// Opens an empty store in an empty directory, to try something out. It is to need little memory.
pub(crate) fn open_scratch(path: &Path) -> Result<Arc<dyn Store>, String> {
    let mut options = kw_store_embedded::Options::new(Arc::new(SystemRng));
    options.row_cache_bytes = SCRATCH_CACHE_BYTES;
    kw_store_embedded::open(path, &options).map_err(|e| e.to_string())
}

fn open_database(database: &PostgreSql) -> Result<Arc<dyn Store>, String> {
    let mut options = kw_store_postgres::Options::new(database.connection_url.clone(), Arc::new(SystemRng));
    if let Some(table) = &database.table {
        options.table.clone_from(table);
    }
    if let Some(parallel) = database.max_parallel {
        options.max_parallel = parallel;
    }
    options.max_idle_connections = database.max_idle_connections;
    event_loop()?.block_on(kw_store_postgres::open(&options)).map_err(|e| e.to_string())
}
