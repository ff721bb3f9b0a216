mod nodes;

use crate::rotation::RotationRow;
use crate::rows::SETTINGS;
use crate::{Answer, FirstMount, Kernel, KernelParts, Method, Presented, Received, Registry, Settings};
use futures_util::future::join;
use kw_barrier::SystemRng;
use kw_barrier::ceremony::InitRequest;
use kw_store::suite::Dying;
use kw_store::{MemoryStore, Store};
use kw_types::{Fault, SystemClock};
use serde_json::{Value, json};
use std::sync::Arc;

fn kernel_on(store: Arc<dyn Store>) -> Kernel {
    Kernel::new(KernelParts {
        store,
        clock: Arc::new(SystemClock),
        rng: Arc::new(SystemRng),
        registry: Registry::new(Vec::new(), Vec::new()),
        settings: Settings {
            version: "0.1.0".to_owned(),
            api_version: "1.18.5".to_owned(),
            build_date: String::new(),
            cluster_name: String::new(),
            api_addr: "http://127.0.0.1:8200".to_owned(),
            cluster_addr: String::new(),
            default_lease_ttl: kw_types::Ttl::from_hours(768),
            max_lease_ttl: kw_types::Ttl::from_hours(768),
            raw_storage: false,
            audit_by_api: true,
            audit_devices: Vec::new(),
            lockouts: Default::default(),
            sanitized: Value::Null,
            log_level: "info".to_owned(),
        },
    })
}

struct Running {
    kernel: Kernel,
    share: String,
    token: String,
}

async fn running_on(store: Arc<dyn Store>) -> Running {
    let kernel = kernel_on(store);
    let none: [FirstMount; 0] = [];
    let keys = kernel.start_dev(&none, None).await.unwrap();
    Running { kernel, share: keys.unseal_key.expose().clone(), token: keys.root_token.expose().clone() }
}

async fn running() -> Running {
    running_on(Arc::new(MemoryStore::new())).await
}

impl Running {
    async fn call(&self, method: Method, path: &str, body: impl Into<bytes::Bytes>) -> Answer {
        let received = Received {
            method,
            raw_path: path,
            body: body.into(),
            token: Some(Presented::new(&self.token)),
            ..Received::default()
        };
        self.kernel.handle(&received).await
    }

    async fn put(&self, path: &str, body: Value) -> (u16, Value) {
        let answer = self.call(Method::Put, path, body.to_string()).await;
        (answer.status, serde_json::from_slice(&answer.body).unwrap_or_default())
    }

    async fn note(&self, name: &str, text: &str) -> Result<(), Fault> {
        self.kernel.transact(async |txn| txn.rescoped(SETTINGS).put(name, text)).await
    }

    async fn noted(&self, name: &str) -> Option<String> {
        self.kernel.view(SETTINGS).get(name).await.unwrap()
    }

    async fn snapshot(&self) -> bytes::Bytes {
        let answer = self.call(Method::Get, "sys/storage/raft/snapshot", "").await;
        assert_eq!((answer.status, answer.content_type), (200, "application/gzip"));
        answer.body.into_vec().into()
    }

    async fn restore(&self, path: &str, archive: &bytes::Bytes) -> u16 {
        self.call(Method::Post, path, archive.clone()).await.status
    }
}

const RESTORE: &str = "sys/storage/raft/snapshot";
const FORCE: &str = "sys/storage/raft/snapshot-force";

/// The pipeline wants a thread with a `LocalSet`.
fn on_a_loop(work: impl AsyncFnOnce()) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    tokio::task::LocalSet::new().block_on(&runtime, work());
}

async fn rows_of_restore(store: &dyn Store) -> usize {
    let keys = store.keys(b"", b"", usize::MAX).await.unwrap();
    keys.iter().filter(|k| k.starts_with(b"restore/") || k.as_ref() == b"core/restoring").count()
}

#[test]
fn a_snapshot_takes_the_place_of_everything() {
    on_a_loop(async || {
        let server = running().await;
        server.note("kept", "before").await.unwrap();
        let archive = server.snapshot().await;
        server.note("kept", "after").await.unwrap();
        server.note("new", "x").await.unwrap();
        assert_eq!(server.restore(RESTORE, &archive).await, 204);
        assert!(server.kernel.is_sealed());
        assert!(server.kernel.unseal_with_share(&server.share).await.unwrap());
        assert_eq!(server.noted("kept").await.as_deref(), Some("before"));
        assert_eq!(server.noted("new").await, None);
        assert_eq!(rows_of_restore(server.kernel.store.as_ref()).await, 0);
        assert_eq!(server.call(Method::Get, "sys/key-status", "").await.status, 200);
    });
}

#[test]
fn what_is_no_snapshot_of_this_server_changes_nothing() {
    on_a_loop(async || {
        let (server, other) = (running().await, running().await);
        let archive = server.snapshot().await;
        let mut cut = archive.to_vec();
        cut.truncate(cut.len() / 2);
        let mut flipped = archive.to_vec();
        let middle = flipped.len() / 2;
        flipped[middle] ^= 1;
        for bad in [Vec::new(), b"{}".to_vec(), cut, flipped] {
            assert_eq!(server.restore(RESTORE, &bad.clone().into()).await, 400);
            assert_eq!(server.restore(FORCE, &bad.into()).await, 400);
        }
        assert_eq!(other.restore(RESTORE, &archive).await, 400);
        assert!(!server.kernel.is_sealed() && !other.kernel.is_sealed());
        // Forced, it is the other server from then on.
        assert_eq!(other.restore(FORCE, &archive).await, 204);
        assert!(other.kernel.unseal_with_share(&other.share).await.is_err());
        assert!(other.kernel.unseal_with_share(&server.share).await.unwrap());
    });
}

#[test]
fn a_snapshot_that_somebody_has_written_anew_is_refused() {
    on_a_loop(async || {
        let server = running().await;
        let contents = super::archive::unpack(&server.snapshot().await).unwrap();
        let mut rows = Vec::new();
        kw_store::snapshot::read(&mut contents.state.as_slice(), |key, value| {
            rows.push(Ok((key, value)));
            Ok(())
        })
        .unwrap();
        rows.pop();
        let mut state = Vec::new();
        kw_store::snapshot::write(&mut state, rows.into_iter()).unwrap();
        let meta = super::archive::Meta { version: 1, id: String::new(), index: 1, term: 1, size: state.len() };
        // All but the keys is there to make a whole archive.
        let stranger = running().await;
        let archive = super::archive::pack(&stranger.kernel.barrier, &meta, &state, 0).unwrap();
        assert_eq!(server.restore(RESTORE, &archive.into()).await, 400);
        assert!(!server.kernel.is_sealed());
    });
}

#[test]
fn after_a_rekeying_an_older_snapshot_needs_force() {
    on_a_loop(async || {
        let server = running().await;
        let archive = server.snapshot().await;
        let (_, begun) = server.put("sys/rekey/init", json!({"secret_shares": 1, "secret_threshold": 1})).await;
        let (status, done) =
            server.put("sys/rekey/update", json!({"key": server.share, "nonce": begun["nonce"]})).await;
        assert_eq!((status, &done["complete"]), (200, &Value::Bool(true)));
        assert_eq!(server.restore(RESTORE, &archive).await, 400);
        assert_eq!(server.restore(FORCE, &archive).await, 204);
        assert!(server.kernel.unseal_with_share(done["keys"][0].as_str().unwrap()).await.is_err());
        assert!(server.kernel.unseal_with_share(&server.share).await.unwrap());
    });
}

/// Whatever commit the process dies at, the next start has either everything of before or everything of the snapshot.
#[test]
fn a_restore_that_is_cut_off_is_finished_or_has_not_begun() {
    on_a_loop(async || {
        let mut cut_off = 0;
        for commits in 0.. {
            let inner = Arc::new(MemoryStore::new());
            let server = running_on(inner.clone()).await;
            for n in 0..120 {
                server.note(&format!("old-{n}"), "old").await.unwrap();
            }
            let archive = server.snapshot().await;
            for n in 0..120 {
                server.note(&format!("new-{n}"), "new").await.unwrap();
            }
            for n in 0..60 {
                server.note(&format!("old-{n}"), "changed").await.unwrap();
            }
            let store = Arc::new(Dying::after(usize::MAX, inner.clone(), false));
            let dying = Running { kernel: kernel_on(store.clone()), ..server };
            assert!(dying.kernel.unseal_with_share(&dying.share).await.unwrap());
            store.revive(commits);
            let status = dying.restore(RESTORE, &archive).await;
            cut_off += usize::from(status == 503);

            let after = Running { kernel: kernel_on(inner.clone()), ..dying };
            assert!(after.kernel.unseal_with_share(&after.share).await.unwrap());
            let is_restored = after.noted("new-0").await.is_none();
            for n in 0..120 {
                let (old, new) = (after.noted(&format!("old-{n}")).await, after.noted(&format!("new-{n}")).await);
                let changed = if n < 60 && !is_restored { "changed" } else { "old" };
                assert_eq!((old.as_deref(), new.is_none()), (Some(changed), is_restored), "{commits} commits, row {n}");
            }
            if is_restored {
                assert_eq!(rows_of_restore(inner.as_ref()).await, 0);
            }
            if status == 204 {
                break;
            }
        }
        assert!(cut_off > 6, "{cut_off}");
    });
}

#[test]
fn of_two_that_initialise_at_once_one_does() {
    on_a_loop(async || {
        let kernel = kernel_on(Arc::new(MemoryStore::new()));
        let request = InitRequest { secret_shares: 1, secret_threshold: 1, ..InitRequest::default() };
        let (one, other) = join(kernel.initialise(&request, &[], None), kernel.initialise(&request, &[], None)).await;
        assert_eq!(usize::from(one.is_ok()) + usize::from(other.is_ok()), 1);
        assert!(kernel.is_sealed());
    });
}

#[test]
fn sealing_ends_all_ceremonies() {
    on_a_loop(async || {
        let server = running().await;
        assert_eq!(server.put("sys/generate-root/attempt", json!({})).await.0, 200);
        let shares = json!({"secret_shares": 1, "secret_threshold": 1});
        assert_eq!(server.put("sys/rekey/init", shares.clone()).await.0, 200);
        assert_eq!(server.put("sys/seal", json!({})).await.0, 204);
        assert_eq!(server.put("sys/seal", json!({})).await.0, 204, "whoever asks, it is sealed");
        assert!(server.kernel.unseal_with_share(&server.share).await.unwrap());
        assert_eq!(server.put("sys/generate-root/attempt", json!({})).await.0, 200);
        assert_eq!(server.put("sys/rekey/init", shares).await.0, 200);
    });
}

#[test]
fn a_named_ceremony_is_not_cancelled_by_mistake() {
    on_a_loop(async || {
        let server = running().await;
        for path in ["sys/generate-root/attempt", "sys/rekey/init"] {
            let (_, begun) = server.put(path, json!({"secret_shares": 1, "secret_threshold": 1})).await;
            let cancel = |nonce: &Value| server.call(Method::Delete, path, json!({ "nonce": nonce }).to_string());
            assert_eq!(cancel(&json!("another")).await.status, 400);
            assert_eq!(cancel(&begun["nonce"]).await.status, 204);
            assert_eq!(cancel(&begun["nonce"]).await.status, 204);
        }
    });
}

#[test]
fn the_operator_decides_when_keys_are_rotated() {
    on_a_loop(async || {
        let server = running().await;
        let term = async || server.kernel.barrier.status().unwrap().term;
        assert_eq!(server.put("sys/rotate/config", json!({"max_operations": 10})).await.0, 400);
        assert_eq!(server.put("sys/rotate/config", json!({"interval": "1h"})).await.0, 400);
        assert_eq!(server.put("sys/rotate/config", json!({"interval": "24h", "enabled": false})).await.0, 204);
        // What was reserved in advance when the server was opened is more than this, and does not count here.
        assert_eq!(server.put("sys/rotate/config", json!({"max_operations": 1_000_000})).await.0, 204);
        assert_eq!(server.put("sys/rotate/config", json!({"enabled": true})).await.0, 204);
        server.kernel.seal_upkeep().await.unwrap();
        assert_eq!(term().await, 1);
        // Fewer than the API takes, so that the test need not encrypt a million rows.
        let allow = async |enabled| {
            let row = RotationRow { max_operations: 5, enabled, ..RotationRow::default() };
            server.kernel.transact(async |txn| row.put(txn)).await.unwrap();
        };
        allow(false).await;
        server.kernel.seal_upkeep().await.unwrap();
        assert_eq!(term().await, 1);
        allow(true).await;
        server.kernel.seal_upkeep().await.unwrap();
        assert_eq!(term().await, 2);
        server.kernel.seal_upkeep().await.unwrap();
        assert_eq!(term().await, 2);
    });
}

#[test]
fn the_key_status_tells_what_was_made_with_the_key() {
    on_a_loop(async || {
        let server = running().await;
        let made = async || {
            let answer = server.call(Method::Get, "sys/key-status", "").await;
            let status: Value = serde_json::from_slice(&answer.body.into_vec()).unwrap();
            status["encryptions"].as_u64().unwrap()
        };
        let before = made().await;
        assert!((1..1000).contains(&before), "{before}: what is reserved in advance is not made");
        for at in 0..10 {
            server.note("counted", &at.to_string()).await.unwrap();
        }
        assert_eq!(made().await, before + 10);
        server.kernel.close().await.unwrap();
        assert_eq!(server.put("sys/unseal", json!({"key": server.share})).await.0, 200);
        let after = made().await;
        assert!((before + 10..before + 50).contains(&after), "{before} {after}: kept over a restart");
        assert_eq!(server.put("sys/rotate", json!({})).await.0, 204);
        server.note("counted", "more").await.unwrap();
        assert_eq!(made().await, 1);
    });
}

#[test]
fn a_token_for_one_use_can_seal() {
    on_a_loop(async || {
        let server = running().await;
        let made = server
            .kernel
            .transact(async |txn| {
                let new = crate::token::NewToken { num_uses: 1, ..server.kernel.root_token("test", None) };
                crate::token::create(&server.kernel, txn, new).await
            })
            .await
            .unwrap();
        let once = Running { token: made.text.expose().clone(), ..server };
        assert_eq!(once.put("sys/seal", json!({})).await.0, 204);
        assert!(once.kernel.unseal_with_share(&once.share).await.unwrap());
        assert_eq!(once.put("sys/seal", json!({})).await.0, 403);
    });
}
