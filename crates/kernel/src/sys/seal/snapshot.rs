//! `sys/storage/raft`: the store's node as Vault shows it, and snapshots of the store.
use super::archive::{Contents, Meta, pack, unpack};
use crate::kernel::Kernel;
use crate::sys::{Call, SysRoutes};
use crate::versions::{FORMAT_ROW, StoreFormat};
use bytes::Bytes;
use kw_barrier::seal::{CONFIG_ROW, KEYRING_ROW, ROOT_KEY_ROW};
use kw_engine::{Body, Data, Reply};
use kw_schema::{Request, Response};
use kw_store::{Key, StoreError, snapshot};
use kw_types::{Fault, RngExt};
use serde::Serialize;

pub(super) fn routes(routes: SysRoutes) -> SysRoutes {
    let routes = routes.at("storage/raft/snapshot").read(save).write(restore).sudo();
    let routes = routes.at("storage/raft/snapshot-force").write(restore_any).sudo();
    routes.at("storage/raft/configuration").read(configuration)
}

/// Saves a copy of all rows, of one moment and as they are stored: encrypted.
#[derive(Request)]
struct Save {}

async fn save(call: &Call<'_>, _: Save) -> Result<Reply, Fault> {
    let kernel = call.kernel;
    let store = kernel.store.clone();
    let index = store.revision().0;
    let state = blocking(move || {
        let mut state = Vec::new();
        store.snapshot(&mut state).map(|()| state).map_err(Fault::from)
    })
    .await?;
    let id = format!("keywright-{index}-{}", hex::encode(kernel.rng.bytes::<4>()));
    let meta = Meta { version: 1, id, index, term: 1, size: state.len() };
    let mtime = u64::try_from(kernel.now().seconds()).unwrap_or_default();
    let bytes = pack(&kernel.barrier, &meta, &state, mtime)?;
    Ok(Reply::new(Body::Bare { content_type: "application/gzip", bytes }))
}

/// Puts a snapshot, which is the body, in the place of everything, and seals. It must be of this server and of its present
/// unseal keys.
#[derive(Request)]
struct Restore {}

async fn restore(call: &Call<'_>, _: Restore) -> Result<(), Fault> {
    put_in_place(call, false).await
}

/// Puts a snapshot, which is the body, in the place of everything, and seals: of whatever server. The unseal keys are from then on
/// those of the snapshot.
#[derive(Request)]
struct RestoreAny {}

async fn restore_any(call: &Call<'_>, _: RestoreAny) -> Result<(), Fault> {
    put_in_place(call, true).await
}

async fn put_in_place(call: &Call<'_>, forced: bool) -> Result<(), Fault> {
    let kernel = call.kernel;
    let packed = call.resolved.received.body.clone();
    let (contents, rows) = blocking(move || {
        let contents = unpack(&packed)?;
        let mut rows: Vec<(Key, Bytes)> = Vec::new();
        let read = snapshot::read(&mut contents.state.as_slice(), |key, value| {
            // Rows come in the order of keys, so that a key that occurs twice shows.
            if rows.last().is_some_and(|(last, _)| *last >= key) {
                return Err(StoreError::Corrupt("rows out of order".to_owned()));
            }
            rows.push((key, value));
            Ok(())
        });
        match read {
            Ok(_) => Ok((contents, rows)),
            Err(error) => Err(Fault::bad_request("the snapshot's rows cannot be read").because(error)),
        }
    })
    .await?;
    check(kernel, &contents, &rows, forced)?;
    drop(contents);
    tracing::warn!(rows = rows.len(), forced, "a snapshot is put in the place of all data");
    kernel.expect_older_store("a snapshot was restored").await?;
    kernel.restore(rows).await
}

/// Whether the server could be unsealed afterwards, and unless it is forced, with the keys of today.
fn check(kernel: &Kernel, contents: &Contents, rows: &[(Key, Bytes)], forced: bool) -> Result<(), Fault> {
    let row = |name: &str| {
        let key = format!("{}{name}", crate::rows::CORE);
        rows.iter().find(|(k, _)| k == key.as_bytes()).map(|(_, value)| value)
    };
    let (Some(_), Some(_), Some(keyring)) = (row(CONFIG_ROW), row(ROOT_KEY_ROW), row(KEYRING_ROW)) else {
        return Err(Fault::bad_request("the snapshot is of a server that was not initialised"));
    };
    check_format(row(FORMAT_ROW))?;
    // A plan that is dropped does nothing; that it can be made shows that the root key is still the same.
    if forced || (contents.is_ours(&kernel.barrier)? && kernel.barrier.plan_checkpoint(keyring).is_ok()) {
        return Ok(());
    }
    Err(Fault::bad_request(
        "could not verify the snapshot: it was changed, or is of a server with other unseal keys; use the snapshot-force API to bypass this check",
    ))
}

/// Errors: 400 when only a newer version could open it.
fn check_format(row: Option<&Bytes>) -> Result<(), Fault> {
    let Some(row) = row else { return Ok(()) };
    let format: StoreFormat =
        serde_json::from_slice(row).map_err(|_| Fault::bad_request("the snapshot's format cannot be read"))?;
    format.check().map_err(|_| Fault::bad_request("the snapshot was written by a newer Keywright: restore it there"))
}

/// Runs what takes long on a thread that may block.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, Fault> + Send + 'static) -> Result<T, Fault> {
    tokio::task::spawn_blocking(work).await.map_err(Fault::internal)?
}

/// Shows the nodes of the store: this one.
#[derive(Request)]
struct Configuration {}

#[derive(Serialize, Response)]
struct ConfigurationAnswer {
    /// The nodes, under `servers`.
    config: Nodes,
}

#[derive(Serialize)]
struct Nodes {
    servers: [Node; 1],
    index: u64,
}

#[derive(Serialize)]
struct Node {
    node_id: String,
    address: String,
    leader: bool,
    protocol_version: &'static str,
    voter: bool,
}

async fn configuration(call: &Call<'_>, _: Configuration) -> Result<Data<ConfigurationAnswer>, Fault> {
    let kernel = call.kernel;
    let node_id = kernel.seal.cluster.lock().as_ref().map(|c| c.id.clone()).unwrap_or_default();
    let address = if kernel.settings.cluster_addr.is_empty() {
        kernel.settings.api_addr.clone()
    } else {
        kernel.settings.cluster_addr.clone()
    };
    let node = Node { node_id, address, leader: true, protocol_version: "3", voter: true };
    let index = kernel.store.newest().await?.0;
    Ok(Data(ConfigurationAnswer { config: Nodes { servers: [node], index } }))
}
