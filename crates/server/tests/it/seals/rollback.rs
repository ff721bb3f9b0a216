//! A store that was put back to an older state.
use super::*;
use std::fs;
use std::path::Path;
use std::process::Command;

fn copy(from: &Path, to: &Path) {
    if to.exists() {
        fs::remove_dir_all(to).unwrap();
    }
    assert!(Command::new("/bin/cp").arg("-a").arg(from).arg(to).status().unwrap().success());
}

fn accept(mark: &str) {
    let accepted =
        Command::new(env!("CARGO_BIN_EXE_keywright")).args(["operator", "seal", "accept-rollback", mark]).output();
    let accepted = accepted.unwrap();
    assert!(accepted.status.success(), "{}", String::from_utf8_lossy(&accepted.stderr));
}

#[test]
fn an_older_state_of_the_store_is_refused_until_it_is_accepted() {
    let setup = Setup::embedded();
    let mark = setup.file("mark.json");
    let setup =
        setup.clone().with_top(&format!("rollback_mark = \"{mark}\"")).with_top(&static_seal(&setup, "one", ""));
    let server = initialised(&setup);
    let (keys, data, older, newer) = (server.keys.clone(), server.data(), setup.path("older"), setup.path("newer"));
    server.stop();
    copy(&data, &older);
    let server = started(&setup, &keys);
    opens(&server);
    server.root().post("kv/b", json!({"x": 2})).ok();
    server.stop();
    copy(&data, &newer);

    copy(&older, &data);
    let server = started(&setup, &keys);
    stays_sealed(&server, "the store was put back to an older state: it is at checkpoint");
    assert!(server.log().contains("put back to an older state"));
    // Nor do shares open it: they do not say that the older state is meant.
    assert_eq!(give(&server, &keys.shares[..2], "recovery").status, 503);
    accept(&mark);
    opens(&server);
    assert_eq!(server.root().get("kv/b").status, 404);
    server.stop();

    // The state that was given up does not come back unnoticed either.
    copy(&newer, &data);
    let server = started(&setup, &keys);
    stays_sealed(&server, "the store was put back to an older state");
}

#[test]
fn a_kill_leaves_the_store_at_its_mark() {
    let setup = Setup::embedded();
    let mark = setup.file("mark.json");
    let setup =
        setup.clone().with_top(&format!("rollback_mark = \"{mark}\"")).with_top(&static_seal(&setup, "one", ""));
    let mut server = initialised(&setup);
    let keys = server.keys.clone();
    for round in 0..3 {
        server.root().post("kv/b", json!({"x": round})).ok();
        std::thread::sleep(Duration::from_millis(2600));
        server.kill();
        server = started(&setup, &keys);
        opens(&server);
    }
}

#[test]
fn a_store_of_another_installation_is_refused() {
    let setup = Setup::embedded();
    let mark = setup.file("mark.json");
    let setup =
        setup.clone().with_top(&format!("rollback_mark = \"{mark}\"")).with_top(&static_seal(&setup, "one", ""));
    let server = initialised(&setup);
    let kept = fs::read(&mark).unwrap();
    let data = server.data();
    server.stop();
    fs::remove_dir_all(&data).unwrap();
    fs::remove_file(&mark).unwrap();
    let server = initialised(&setup);
    let keys = server.keys.clone();
    server.stop();
    fs::write(&mark, kept).unwrap();
    let server = started(&setup, &keys);
    stays_sealed(&server, "was not made by this installation");
}

#[test]
fn a_restored_snapshot_is_no_rollback() {
    let setup = Setup::embedded();
    let mark = setup.file("mark.json");
    let setup =
        setup.clone().with_top(&format!("rollback_mark = \"{mark}\"")).with_top(&static_seal(&setup, "one", ""));
    let server = initialised(&setup);
    let snapshot = server.root().get("sys/storage/raft/snapshot").ok().body;
    server.root().post("kv/b", json!({"x": 2})).ok();
    std::thread::sleep(Duration::from_millis(2600));
    let restored = server.root().raw("POST", "sys/storage/raft/snapshot", &snapshot);
    assert!(restored.status < 300, "{}", restored.status);
    opens(&server);
    assert_eq!(server.root().get("kv/b").status, 404);
    let server = restarted(&setup, server);
    opens(&server);
}
