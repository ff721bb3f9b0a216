//! Scheduled snapshots by the real server, and the copy that a restore makes.
use crate::support::{Server, Setup};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::time::Duration;

const CONFIG: &str = "sys/storage/raft/snapshot-auto/config/daily";
const STATUS: &str = "sys/storage/raft/snapshot-auto/status/daily";

fn taken(server: &Server) -> Value {
    for _ in 0..200 {
        let status = server.root().get(STATUS).ok().data();
        if status["last_snapshot_end"] != json!("") {
            return status;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("no snapshot was taken: {}", server.log());
}

#[test]
fn a_scheduled_snapshot_restores_and_the_copy_holds_its_revocations() {
    let setup = Setup::embedded();
    let server = setup.open();
    server.mount("kv", json!({"type": "kv", "options": {"version": "2"}}));
    server.root().post("kv/data/a", json!({"data": {"v": "first"}})).ok();
    let folder = setup.path("snapshots");
    let plan = json!({"interval": "1h", "retain": 2, "storage_type": "local", "path_prefix": folder});
    server.root().post(CONFIG, plan).ok();
    let status = taken(&server);
    assert_eq!((&status["last_snapshot_error"], &status["consecutive_errors"]), (&json!(""), &json!(0)), "{status}");
    assert!(status["rehearsed_rows"].as_u64().unwrap() > 10, "{status}");
    let files: Vec<_> = fs::read_dir(&folder).unwrap().map(|e| e.unwrap().path()).collect();
    assert_eq!(files.len(), 1, "the scratch store is gone: {files:?}");
    let file = Path::new(status["last_snapshot_url"].as_str().unwrap());
    assert_eq!(files[0], file);

    server.root().post("kv/data/a", json!({"data": {"v": "second"}})).ok();
    let keys = server.keys.clone();
    server.root().raw("POST", "sys/storage/raft/snapshot", &fs::read(file).unwrap()).ok();
    assert!(server.is_sealed());
    server.unseal();
    assert_eq!(server.root().get("kv/data/a").data()["data"]["v"], json!("first"));
    assert_eq!(server.nobody().get("sys/seal-status").json()["revocations_held"], json!(true));
    let held = server.root().get("sys/leases/held").ok().data();
    assert_eq!((&held["held"], &held["waiting"]), (&json!(true), &json!(0)));
    assert!(server.log().contains("this is a restored copy"), "{}", server.log());
    // It is one after a restart too.
    server.stop();
    let server = setup.reopen(&keys);
    assert_eq!(server.root().get("sys/leases/held").ok().data()["held"], json!(true));
    server.root().post("sys/leases/release", json!({})).ok();
    assert_eq!(server.root().get("sys/leases/held").ok().data()["held"], json!(false));
    assert_eq!(server.nobody().get("sys/seal-status").json()["revocations_held"], Value::Null);
}
