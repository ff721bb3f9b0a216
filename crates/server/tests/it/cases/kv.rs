//! KV: one winner of a race, exact versions, and a policy's path that means what it says.
use crate::support::{Server, Setup};
use serde_json::{Value, json};
use std::sync::Mutex;

/// kv CAS race
#[test]
fn of_many_writers_with_the_same_version_one_wins() {
    let server = Setup::dev().with_argument("-threads=2").start();
    let root = server.root();
    for round in 0..12 {
        for version in [0, 1, 2] {
            let won = Mutex::new(Vec::new());
            std::thread::scope(|scope| {
                for writer in 0..16 {
                    let (root, won) = (&root, &won);
                    scope.spawn(move || {
                        let body = json!({"data": {"writer": writer}, "options": {"cas": version}});
                        let answer = root.post(&format!("secret/data/race-{round}"), body);
                        match answer.status {
                            200 => won.lock().unwrap().push(writer),
                            400 => {}
                            other => panic!("{other}: {}", answer.text()),
                        }
                    });
                }
            });
            let won = won.into_inner().unwrap();
            assert_eq!(won.len(), 1, "{won:?}");
            let found = root.get(&format!("secret/data/race-{round}")).ok().data();
            assert_eq!(found["metadata"]["version"], json!(version + 1), "a gap");
            assert_eq!(found["data"]["writer"], json!(won[0]), "another one's value");
        }
    }
}

/// Without versions every write counts, and the versions have no gaps.
#[test]
fn parallel_writes_make_versions_without_gaps() {
    let server = Setup::dev().with_argument("-threads=2").start();
    let root = server.root();
    root.post("secret/config", json!({"max_versions": 100})).ok();
    std::thread::scope(|scope| {
        for writer in 0..16 {
            let root = &root;
            scope.spawn(move || {
                for n in 0..4 {
                    root.post("secret/data/all", json!({"data": {"v": format!("{writer}-{n}")}})).ok();
                }
            });
        }
    });
    let metadata = root.get("secret/metadata/all").ok().data();
    assert_eq!(
        (&metadata["current_version"], metadata["versions"].as_object().map(|v| v.len())),
        (&json!(64), Some(64))
    );
    let mut values: Vec<String> =
        (1..=64).map(|v| root.get(&format!("secret/data/all?version={v}")).ok().at("/data/data/v")).collect();
    values.sort();
    values.dedup();
    assert_eq!(values.len(), 64, "a write was lost");
}

/// kv cas types
#[test]
fn a_version_to_compare_with_is_an_exact_number() {
    let server = Server::dev();
    let root = server.root();
    root.post("secret/metadata/strict", json!({"cas_required": true})).ok();
    root.post("secret/data/there", json!({"data": {"k": 1}})).ok();
    root.post("secret/metadata/there", json!({"cas_required": true})).ok();
    for path in ["secret/data/strict", "secret/data/there"] {
        for cas in [
            "null",
            "true",
            "false",
            "\"\"",
            "\"x\"",
            "1.5",
            "1e30",
            "-1",
            "-0.5",
            "[0]",
            "[]",
            "{}",
            "18446744073709551616",
        ] {
            let body = format!("{{\"data\": {{}}, \"options\": {{\"cas\": {cas}}}}}");
            let answer = root.raw("POST", path, body.as_bytes());
            assert_eq!(answer.status, 400, "{path} cas {cas}: {}", answer.text());
        }
        root.post(path, json!({"data": {}})).is(400);
        root.post(path, json!({"data": {}, "options": {}})).is(400);
        root.post(path, json!({"data": {}, "options": null})).is(400);
    }
    // The control.
    root.post("secret/data/strict", json!({"data": {}, "options": {"cas": 0}})).ok();
    root.post("secret/data/there", json!({"data": {}, "options": {"cas": 1}})).ok();
}

/// CVE-2026-3605
#[test]
fn a_glob_on_one_path_deletes_nothing_elsewhere() {
    let server = Server::dev();
    for path in ["a/x", "a/y", "b/x", "a/b/y", "ab/x"] {
        server.root().post(&format!("secret/data/{path}"), json!({"data": {"k": path}})).ok();
    }
    let caller = server.limited(
        "path \"secret/data/a/*\" { capabilities = [\"delete\"] }
         path \"secret/data/+/x\" { capabilities = [\"delete\"] }",
    );
    for path in [
        "secret/data/b/y",
        "secret/data/ab/y",
        "secret/data/a",
        "secret/metadata/a/x",
        "secret/metadata/b/x",
        "secret/data/a/../b/y",
        "secret/data/a/%2e%2e/b/y",
        "secret/data/a/..%2fb%2fy",
        "secret/data//b/y",
        "secret/data/b//x",
        "secret/data/b/x/y",
        "secret/data/b%2fq%2fx",
    ] {
        let answer = caller.delete(path);
        assert!(matches!(answer.status, 400 | 403), "{path}: {} {}", answer.status, answer.text());
    }
    for (path, body) in [
        ("secret/delete/a/x", json!({"versions": [1]})),
        ("secret/destroy/a/x", json!({"versions": [1]})),
        ("secret/undelete/a/x", json!({"versions": [1]})),
        ("secret/data/a/x", json!({"data": {}})),
        ("secret/metadata/a/x", json!({"max_versions": 1})),
    ] {
        caller.post(path, body).is(403);
    }
    for path in ["a/x", "a/y", "b/x", "a/b/y", "ab/x"] {
        assert_eq!(server.root().get(&format!("secret/data/{path}")).ok().data()["data"]["k"], json!(path));
    }
    // The control.
    for path in ["a/x", "a/b/y", "b/x"] {
        caller.delete(&format!("secret/data/{path}")).is(204);
        server.root().get(&format!("secret/data/{path}")).is(404);
    }
}

/// Numbers are kept as they are written.
#[test]
fn a_stored_number_keeps_its_digits() {
    let server = Server::dev();
    let text = r#"{"data":{"n":9223372036854775807,"big":123456789012345678901234567890,"f":0.1000,"e":1e5,"z":-0}}"#;
    assert_eq!(server.root().raw("POST", "secret/data/n", text.as_bytes()).status, 200);
    let found = server.root().get("secret/data/n").ok().text();
    for digits in ["9223372036854775807", "123456789012345678901234567890"] {
        assert!(found.contains(digits), "{found}");
    }
    let stored: Value = serde_json::from_str(&found).unwrap();
    assert_eq!(stored["data"]["data"]["n"], json!(9223372036854775807_i64));
}
