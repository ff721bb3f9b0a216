//! Stores of other versions: older ones open, newer ones open if they say that they may be.
//!
//! `tests/fixtures/format-N/data.tar.gz` is the data directory of a server that wrote format N, `share` and `root` are its key
//! share and root token, which open nothing else. It stays as it was: every later version must open it. A version that raises the format adds a fixture of its own, written by `write_the_fixture`.
use crate::support::{Keys, Setup};
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use kw_barrier::SystemRng;
use kw_store::{Batch, Key, Store, Write};
use kw_store_embedded::{OpenError, Options, open};
use serde_json::{Value, json};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The formats of which there is a fixture.
const FORMATS: [u32; 1] = [1];

fn folder(format: u32) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fixtures/format-{format}"))
}

/// A server's folder with the data of that format in it.
fn unpacked(format: u32) -> (Setup, Keys) {
    let setup = Setup::embedded();
    let packed = File::open(folder(format).join("data.tar.gz")).unwrap();
    tar::Archive::new(GzDecoder::new(packed)).unpack(setup.path("")).unwrap();
    let secret = |name: &str| fs::read_to_string(folder(format).join(name)).unwrap();
    let keys = Keys { shares: vec![secret("share")], root: secret("root") };
    (setup, keys)
}

fn with_store(data: &Path, work: impl AsyncFnOnce(&dyn Store)) {
    let store = opened(data);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        work(store.as_ref()).await;
        store.close().await.unwrap();
    });
}

/// Opens the store. A server that another test starts at this moment holds this process's lock until it has become another program.
fn opened(data: &Path) -> Arc<dyn Store> {
    let give_up = Instant::now() + Duration::from_secs(10);
    loop {
        match open(data, &Options::new(Arc::new(SystemRng))) {
            Err(OpenError::InUse(_)) if Instant::now() < give_up => std::thread::sleep(Duration::from_millis(10)),
            settled => return settled.unwrap(),
        }
    }
}

const FORMAT_ROW: &str = "core/format";

fn set_format(data: &Path, format: Value) {
    with_store(data, async |store| {
        let writes =
            vec![Write { key: Key::from_static(FORMAT_ROW.as_bytes()), value: Some(format.to_string().into()) }];
        store.commit(Batch { writes, ..Batch::default() }).await.unwrap();
    });
}

fn format_of(data: &Path) -> Value {
    let mut found = Value::Null;
    with_store(data, async |store| {
        found = serde_json::from_slice(&store.get(FORMAT_ROW.as_bytes()).await.unwrap().unwrap().value).unwrap();
    });
    found
}

#[test]
fn stores_of_all_formats_open_and_go_on() {
    for format in FORMATS {
        let (setup, keys) = unpacked(format);
        let server = setup.reopen(&keys);
        let root = server.root();
        assert_eq!(root.get("kv/data/app?version=1").data()["data"]["password"], json!("first"));
        assert_eq!(root.get("kv/data/app").data()["data"]["password"], json!("second"));
        assert!(root.get("sys/policies/acl/reader").data()["policy"].as_str().unwrap().contains("kv/data/app"));
        let login = server.nobody().post("auth/userpass/login/ann", json!({"password": "not-a-secret"})).ok();
        let ann = server.with(&login.client_token());
        assert_eq!(ann.get("kv/data/app").data()["data"]["password"], json!("second"));
        assert_eq!(root.get("auth/approle/role/ci/role-id").data()["role_id"], json!("ci-role"));
        assert_eq!(root.get("identity/entity/name/ann-entity").data()["name"], json!("ann-entity"));
        root.post("kv/data/app", json!({"data": {"password": "third"}})).ok();
        root.post("sys/rotate", json!({})).ok();
        server.stop();
        let server = setup.reopen(&keys);
        assert_eq!(server.root().get("kv/data/app").data()["data"]["password"], json!("third"));
        server.stop();
        assert!(format_of(&setup.path("data"))["format"].as_u64() >= Some(u64::from(format)));
    }
}

#[test]
fn one_step_down_opens_and_two_are_refused() {
    let (setup, keys) = unpacked(1);
    let data = setup.path("data");
    let now = format_of(&data)["format"].as_u64().unwrap();
    // The next version has written to it, and says that this one can read that; its row has a field of its own.
    let next = json!({"format": now + 1, "min_reader": now, "added_later": true});
    set_format(&data, next.clone());
    let server = setup.reopen(&keys);
    assert_eq!(server.root().get("kv/data/app").data()["data"]["password"], json!("second"));
    server.root().post("kv/data/app", json!({"data": {"password": "by the older"}})).ok();
    server.stop();
    assert_eq!(format_of(&data), next, "an older version does not take the mark of a newer one away");
    // The version after that has written what this one cannot read.
    set_format(&data, json!({"format": now + 2, "min_reader": now + 1}));
    let server = setup.start();
    for _ in 0..2 {
        let refused = server.nobody().post("sys/unseal", json!({"key": keys.shares[0]}));
        assert_eq!(refused.status, 503, "{}", refused.text());
        assert!(refused.text().contains("newer Keywright"), "{}", refused.text());
    }
    let again = json!({"secret_shares": 1, "secret_threshold": 1});
    assert_eq!(server.nobody().post("sys/init", again).status, 503, "nobody may found anew what is there");
    server.stop();
    set_format(&data, next);
    let server = setup.reopen(&keys);
    assert_eq!(server.root().get("kv/data/app").data()["data"]["password"], json!("by the older"));
}

/// Writes the fixture of today's format into its folder, if there is none.
#[test]
#[ignore = "run once, when the format is raised"]
fn write_the_fixture() {
    let setup = Setup::embedded();
    let server = setup.open();
    let root = server.root();
    server.mount("kv", json!({"type": "kv", "options": {"version": "2"}}));
    root.post("kv/data/app", json!({"data": {"password": "first"}})).ok();
    root.post("kv/data/app", json!({"data": {"password": "second"}})).ok();
    server.policy("reader", "path \"kv/data/app\" { capabilities = [\"read\"] }");
    server.mount_auth("userpass", "userpass");
    root.post("auth/userpass/users/ann", json!({"password": "not-a-secret", "token_policies": "reader"})).ok();
    server.mount_auth("approle", "approle");
    root.post("auth/approle/role/ci", json!({"token_policies": "reader"})).ok();
    root.post("auth/approle/role/ci/role-id", json!({"role_id": "ci-role"})).ok();
    root.post("identity/entity", json!({"name": "ann-entity"})).ok();
    let keys = server.keys.clone();
    server.stop();
    let format = format_of(&setup.path("data"))["format"].as_u64().unwrap();
    let folder = folder(u32::try_from(format).unwrap());
    fs::create_dir_all(&folder).unwrap();
    let mut archive = tar::Builder::new(GzEncoder::new(
        File::create_new(folder.join("data.tar.gz")).expect("there is one already"),
        Compression::best(),
    ));
    archive.append_dir_all("data", setup.path("data")).unwrap();
    archive.into_inner().unwrap().finish().unwrap();
    fs::write(folder.join("share"), &keys.shares[0]).unwrap();
    fs::write(folder.join("root"), &keys.root).unwrap();
}
