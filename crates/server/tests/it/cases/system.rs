//! The system's own paths: who may learn what is there, and who may begin what ends in a root token.
use crate::support::{Server, Setup};
use serde_json::json;
use std::fs;
use std::os::unix::fs::symlink;

/// CVE-2020-25594 class
#[test]
fn nobody_learns_which_mounts_there_are() {
    let server = Server::dev();
    server.mount("hidden", json!({"type": "kv"}));
    server.mount_auth("hidden", "userpass");
    let weak = server.limited("path \"secret/data/a\" { capabilities = [\"read\"] }");
    for caller in [server.nobody(), server.with("s.none"), weak.clone()] {
        let asked = |path: &str| {
            let answer = caller.get(path);
            (answer.status, answer.text())
        };
        assert_eq!(asked("sys/internal/ui/mounts/hidden"), asked("sys/internal/ui/mounts/nope"));
        assert_eq!(asked("sys/internal/ui/mounts/auth/hidden"), asked("sys/internal/ui/mounts/auth/nope"));
        for (there, not) in [
            ("hidden/a", "nope/a"),
            ("auth/hidden/users/x", "auth/nope/users/x"),
            ("sys/mounts/hidden", "sys/mounts/nope"),
        ] {
            assert_eq!(asked(there).0, 403, "{there}");
            assert_eq!(asked(there), asked(not), "{there}");
        }
        let listed = caller.get("sys/internal/ui/mounts");
        assert!(!listed.text().contains("hidden"), "{}", listed.text());
        caller.get("sys/mounts").is(403);
    }
    // The control: who can use a mount sees it, and so does everybody when the operator says so.
    assert_eq!(weak.get("sys/internal/ui/mounts/secret").ok().at("/data/path"), "secret/");
    server.root().post("sys/mounts/hidden/tune", json!({"listing_visibility": "unauth"})).ok();
    assert!(server.nobody().get("sys/internal/ui/mounts").ok().text().contains("hidden"));
}

/// The paths of the ceremonies, each with a method that changes something.
const CEREMONIES: &[(&str, &str)] = &[
    ("GET", "sys/generate-root/attempt"),
    ("PUT", "sys/generate-root/attempt"),
    ("DELETE", "sys/generate-root/attempt"),
    ("PUT", "sys/generate-root/update"),
    ("GET", "sys/rekey/init"),
    ("PUT", "sys/rekey/init"),
    ("DELETE", "sys/rekey/init"),
    ("PUT", "sys/rekey/update"),
    ("GET", "sys/rekey/verify"),
    ("PUT", "sys/rekey/verify"),
    ("DELETE", "sys/rekey/verify"),
    ("PUT", "sys/rekey-recovery-key/init"),
    ("DELETE", "sys/rekey-recovery-key/init"),
    ("PUT", "sys/rekey-recovery-key/update"),
];

/// CVE-2026-5807 / CVE-2025-4656 / CVE-2025-52894
#[test]
fn a_listener_can_ask_for_a_token_at_every_ceremony() {
    let server = Setup::embedded()
        .with_listener_line("disable_unauthed_rekey_endpoints = true")
        .with_listener_line("disable_unauthed_generate_root_endpoints = true")
        .open();
    let weak = server.with(&server.make_token(json!({"policies": ["default"], "ttl": "1h"})));
    let without_sudo =
        server.limited("path \"sys/*\" { capabilities = [\"create\", \"read\", \"update\", \"delete\"] }");
    for (method, path) in CEREMONIES {
        for caller in [server.nobody(), server.with("s.none"), weak.clone(), without_sudo.clone()] {
            let answer = caller.raw(method, path, b"{}");
            assert!(matches!(answer.status, 403 | 405), "{method} {path}: {} {}", answer.status, answer.text());
        }
    }
    assert_eq!(server.root().get("sys/generate-root/attempt").ok().json()["started"], json!(false));
    server.root().post("sys/rekey/init", json!({"secret_shares": 1, "secret_threshold": 1})).ok();
}

/// Where they are open, as in Vault, whoever comes gets nothing by it: no share of the key counts but a right one for this
/// ceremony, and a second ceremony does not take the place of the first.
#[test]
fn an_open_ceremony_is_fed_only_by_its_nonce_and_right_shares() {
    let server = Setup::embedded().open();
    let nobody = server.nobody();
    for (start, body, update) in [
        ("sys/generate-root/attempt", json!({}), "sys/generate-root/update"),
        ("sys/rekey/init", json!({"secret_shares": 3, "secret_threshold": 2}), "sys/rekey/update"),
    ] {
        let nonce = nobody.post(start, body.clone()).ok().at("/nonce");
        // A second one does not take the place of the first.
        nobody.post(start, body).is(400);
        assert_eq!(nobody.get(start).ok().at("/nonce"), nonce);
        nobody.call("DELETE", start, Some(&json!({"nonce": "00000000-0000-0000-0000-000000000000"}))).is(400);
        assert_eq!(nobody.get(start).ok().at("/nonce"), nonce);
        for (key, nonce) in [("00".repeat(33), nonce.clone()), (server.keys.shares[0].clone(), "wrong".to_owned())] {
            let answer = nobody.post(update, json!({"key": key, "nonce": nonce}));
            assert_eq!(answer.status, 400, "{update}: {}", answer.text());
            assert!(!answer.text().contains("encoded_token") && !answer.text().contains("keys"), "{}", answer.text());
        }
        // The control: who has the nonce ends it, and it can begin again.
        nobody.call("DELETE", start, Some(&json!({"nonce": nonce}))).is(204);
    }
    let attempt = nobody.post("sys/generate-root/attempt", json!({})).ok();
    let body = json!({"key": server.keys.shares[0], "nonce": attempt.at("/nonce")});
    let done = nobody.post("sys/generate-root/update", body).ok();
    let decoded = json!({"encoded_token": done.at("/encoded_token"), "otp": attempt.at("/otp")});
    let token = nobody.post("sys/decode-token", decoded).ok().at("/data/token");
    server.with(&token).list("auth/token/accessors").ok();
}

/// sys/raw
#[test]
fn rows_are_not_read_from_outside() {
    let server = Setup::embedded().open();
    for path in [
        "sys/raw/core/keyring",
        "sys/raw/core/seal-config",
        "sys/raw/tok/",
        "sys/raw/",
        "sys/raw/../core/keyring",
        "sys/raw/%2e%2e/core",
    ] {
        for method in ["GET", "LIST", "PUT", "DELETE"] {
            let answer = server.root().raw(method, path, if method == "PUT" { b"{\"value\":\"x\"}" } else { b"" });
            assert!(
                matches!(answer.status, 307 | 400 | 403 | 404 | 405),
                "{method} {path}: {} {}",
                answer.status,
                answer.text()
            );
        }
    }
    // Where the operator opens it, the rows that open the barrier stay shut, and sudo is needed.
    let setup = Setup::embedded().with_top("raw_storage_endpoint = true");
    let server = setup.open();
    let rows: Vec<_> = server.root().list("sys/raw/").ok().data()["keys"].as_array().unwrap().clone();
    assert!(!rows.contains(&json!("core/")) || server.root().list("sys/raw/core").status >= 400, "{rows:?}");
    for path in
        ["core/keyring", "core/seal-config", "core/root", "core//keyring", "./core/keyring", "x/../core/keyring"]
    {
        for method in ["GET", "PUT", "DELETE"] {
            let answer = server.root().raw(method, &format!("sys/raw/{path}"), b"{\"value\":\"x\"}");
            assert!(answer.status >= 300, "{method} {path}: {} {}", answer.status, answer.text());
        }
    }
    server
        .limited("path \"sys/raw/*\" { capabilities = [\"read\", \"list\", \"update\", \"delete\"] }")
        .list("sys/raw/")
        .is(403);
    let keys = server.keys.clone();
    server.kill();
    setup.reopen(&keys).root().get("sys/mounts").ok();
}

/// CVE-2025-6000 / CVE-2025-54997 / HCSEC-2026-16
#[test]
fn an_audit_device_writes_to_no_file_of_somebody_elses() {
    let setup = Setup::embedded();
    let server = setup.open();
    fs::write(setup.path("script.sh"), "#!/bin/sh\n").unwrap();
    symlink(setup.path("elsewhere"), setup.path("link")).unwrap();
    fs::create_dir(setup.path("folder")).unwrap();
    let enable = |name: &str, options: serde_json::Value| {
        server.root().post(&format!("sys/audit/{name}"), json!({"type": "file", "options": options}))
    };
    for (what, options) in [
        ("a file of other content", json!({"file_path": setup.file("script.sh")})),
        ("a link", json!({"file_path": setup.file("link")})),
        ("a folder", json!({"file_path": setup.file("folder")})),
        ("a parent", json!({"file_path": format!("{}/../x", setup.file("folder"))})),
        ("a relative path", json!({"file_path": "x.log"})),
        ("the store", json!({"file_path": setup.file("data/base")})),
        ("a mode with execution", json!({"file_path": setup.file("a.log"), "mode": "0755"})),
        ("a mode for all", json!({"file_path": setup.file("a.log"), "mode": "0666"})),
        ("a set-user-id mode", json!({"file_path": setup.file("a.log"), "mode": "4700"})),
        ("a prefix", json!({"file_path": setup.file("a.log"), "prefix": "#!/bin/sh\n"})),
        ("raw values", json!({"file_path": setup.file("a.log"), "log_raw": "true"})),
        ("a device", json!({"file_path": "/dev/kmsg"})),
        ("no path", json!({})),
    ] {
        let answer = enable("bad", options);
        assert_eq!(answer.status, 400, "{what}: {} {}", answer.status, answer.text());
    }
    assert_eq!(fs::read_to_string(setup.path("script.sh")).unwrap(), "#!/bin/sh\n");
    assert!(!setup.path("elsewhere").exists());
    let weak = server.limited("path \"sys/audit/*\" { capabilities = [\"create\", \"update\"] }");
    weak.post("sys/audit/x", json!({"type": "file", "options": {"file_path": setup.file("w.log")}})).is(403);
    // The control.
    enable("good", json!({"file_path": setup.file("good.log")})).is(204);
    assert!(fs::read_to_string(setup.path("good.log")).unwrap().starts_with('{'));
}

/// sys surface: what the sweep cannot see, because no route says so.
#[test]
fn no_debug_path_is_open() {
    let server = Setup::embedded().open();
    for path in [
        "sys/metrics",
        "sys/metrics?format=prometheus",
        "sys/pprof/",
        "sys/pprof/heap",
        "sys/pprof/cmdline",
        "sys/host-info",
        "sys/in-flight-req",
        "sys/internal/counters/requests",
        "sys/internal/inspect/router/root",
        "sys/internal/specs/openapi",
        "sys/config/state/sanitized",
        "sys/monitor",
        "sys/version-history",
        "sys/plugins/catalog",
        "sys/key-status",
        "sys/storage/raft/snapshot",
        "sys/storage/raft/configuration",
        "sys/ha-status",
        "sys/replication/status",
        "identity/oidc/provider",
    ] {
        server.nobody().get(path).is(403);
    }
    for path in ["", "ui", "ui/", "debug/pprof/", "metrics", ".env", "v2/sys/health", "v1", "%76%31/sys/mounts"] {
        let mut stream = std::net::TcpStream::connect(&server.address).unwrap();
        use std::io::{Read, Write};
        stream.write_all(format!("GET /{path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").as_bytes()).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let text = String::from_utf8_lossy(&answer).into_owned();
        assert!(text.starts_with("HTTP/1.1 4") || text.starts_with("HTTP/1.1 307"), "/{path}: {text}");
    }
    // Before initialisation one path tells one bit.
    let fresh = Setup::embedded().start();
    assert_eq!(fresh.nobody().get("sys/init").ok().json(), json!({"initialized": false}));
}
