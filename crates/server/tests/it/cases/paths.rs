//! A path is decoded once, and policy and router see the same one.
use crate::support::{Answer, Caller, Server};
use serde_json::json;
use std::io::{Read, Write};
use std::net::TcpStream;

/// A server with a secret that `caller` may read, and one that it may not.
fn two_secrets() -> (Server, Caller) {
    let server = Server::dev();
    for path in ["a/x", "b/x", "a/private/s"] {
        server.root().post(&format!("secret/data/{path}"), json!({"data": {"k": format!("value of {path}")}})).ok();
    }
    let caller = server.limited(
        "path \"secret/data/a/*\" { capabilities = [\"create\", \"read\", \"update\", \"delete\", \"list\"] }
         path \"secret/data/a/private/*\" { capabilities = [\"deny\"] }
         path \"secret/metadata/a/*\" { capabilities = [\"read\", \"list\"] }
         path \"secret/metadata/a/private/*\" { capabilities = [\"deny\"] }",
    );
    assert_eq!(caller.get("secret/data/a/x").ok().data()["data"]["k"], json!("value of a/x"), "the control");
    (server, caller)
}

/// dot segments
#[test]
fn dot_segments_lead_nowhere() {
    let (server, caller) = two_secrets();
    for path in [
        "secret/data/a/%2e%2e/b/x",
        "secret/data/a/%2E%2E/b/x",
        "secret/data/a/..%2fb/x",
        "secret/data/a%2f..%2fb%2fx",
        "secret/data/a/%2e/x",
        "secret/data/a/.%2e/b/x",
        "secret/data/a;/../b/x",
        "secret/data/a/x/../../b/x",
        "secret/data/a/../b/x",
        "secret/data/a/./x",
        "secret/data/a/%c0%ae%c0%ae/b/x",
        "secret/data/a/%u002e%u002e/b/x",
        "secret/../sys/mounts",
        "secret/%2e%2e/sys/mounts",
    ] {
        for method in ["GET", "LIST", "PUT", "DELETE"] {
            let answer = ask(&caller, method, path);
            let is_redirect = answer.status == 307 && matches!(method, "GET" | "LIST");
            assert!(is_redirect || answer.status == 400, "{method} {path}: {} {}", answer.status, answer.text());
            if is_redirect {
                let to = answer.header("location").unwrap().trim_start_matches("/v1/").to_owned();
                assert!(
                    !caller.raw(method, &to, b"").text().contains("value of b/x"),
                    "{path} leads to what is denied"
                );
            }
        }
    }
    // These are names that look like dot segments to somebody else. Here they are names below `a`, and no way out of it.
    for path in ["a/%252e%252e/b/x", "a/..;/b/x", "a/..\\b\\x", "a/..%5cb%5cx", "a/.../b/x", "a/%ef%bc%8e%ef%bc%8e/b/x"]
    {
        for method in ["PUT", "GET", "LIST", "DELETE"] {
            ask(&caller, method, &format!("secret/data/{path}"));
        }
    }
    for path in ["b/x", "a/private/s"] {
        let found = server.root().get(&format!("secret/data/{path}")).ok().data();
        assert_eq!(found["data"]["k"], json!(format!("value of {path}")));
        assert_eq!(found["metadata"]["version"], json!(1));
    }
}

/// Asks for what the caller may not read or change; it must not get it.
fn ask(caller: &Caller, method: &str, path: &str) -> Answer {
    let body = if method == "PUT" { br#"{"data":{"k":"overwritten"}}"#.as_slice() } else { b"" };
    let answer = caller.raw(method, path, body);
    assert!(!answer.text().contains("value of b/x"), "{method} {path} reads what is denied");
    answer
}

/// double slash and trailing slash
#[test]
fn doubled_and_trailing_slashes_escape_no_rule() {
    let (server, caller) = two_secrets();
    let before = "value of a/private/s";
    for path in [
        "secret/data//a/private/s",
        "secret/data/a//private/s",
        "secret/data/a/private//s",
        "secret/data/a/private/s/",
        "secret//data/a/private/s",
        "/secret/data/a/private/s",
        "secret/data/a/private%2fs",
        "secret/data/a%2f%2fprivate/s",
        "secret/data/a/private/s%2f",
        "secret/data/a/private/s?x=1",
    ] {
        for method in ["GET", "LIST", "PUT", "POST", "DELETE"] {
            let body = if method.starts_with('P') { br#"{"data":{"k":"overwritten"}}"#.as_slice() } else { b"" };
            let answer = caller.raw(method, path, body);
            assert!(!answer.text().contains(before), "{method} {path} reads what is denied");
            let may_redirect = matches!(method, "GET" | "LIST");
            assert!(
                matches!(answer.status, 400 | 403 | 404 | 405) || (may_redirect && answer.status == 307),
                "{method} {path}: {} {}",
                answer.status,
                answer.text()
            );
        }
    }
    let found = server.root().get("secret/data/a/private/s").ok().data();
    assert_eq!((&found["data"]["k"], &found["metadata"]["version"]), (&json!(before), &json!(1)));
}

/// GHSA-xp3c-3jw3-4vcr
#[test]
fn a_denied_folder_is_not_listed_by_any_spelling() {
    let (server, caller) = two_secrets();
    for (method, path) in [
        ("LIST", "secret/metadata/a/private"),
        ("LIST", "secret/metadata/a/private/"),
        ("GET", "secret/metadata/a/private/?list=true"),
        ("GET", "secret/metadata/a/private?list=true"),
        ("GET", "secret/metadata/a/private/?list=1"),
        ("SCAN", "secret/metadata/a/private/"),
        ("GET", "secret/metadata/a/private/?scan=true"),
        ("GET", "secret/metadata/a/private/s"),
        ("LIST", "secret/metadata/"),
        ("LIST", "secret/metadata/b"),
    ] {
        let answer = caller.call(method, path, None);
        assert_eq!(answer.status, 403, "{method} {path}: {}", answer.text());
    }
    // The control: what is allowed is listed, by the same spellings.
    for (method, path) in
        [("LIST", "secret/metadata/a"), ("LIST", "secret/metadata/a/"), ("GET", "secret/metadata/a/?list=true")]
    {
        assert_eq!(caller.call(method, path, None).ok().data()["keys"], json!(["private/", "x"]), "{method} {path}");
    }
    server.root().list("secret/metadata/a/private").ok();
}

/// What a name must not hold, percent-encoded.
const BAD_BYTES: &[&str] = &[
    "%00",
    "%0a",
    "%0d",
    "%0d%0a",
    "%1b",
    "%1b%5b31m",
    "%7f",
    "%c2%85",
    "%ff",
    "%c3",
    "%c0%80",
    "%ed%a0%80",
    "%f5%80%80%80",
    "%e2%80%ae",
    "%e2%81%a6",
    "%",
    "%1",
    "%zz",
];

/// control bytes and bad UTF-8
#[test]
fn control_bytes_and_broken_text_are_refused_in_every_name() {
    let server = Server::dev();
    server.mount_auth("userpass", "userpass");
    server.mount_auth("approle", "approle");
    let targets = [
        ("secret/data/a@b", json!({"data": {}})),
        ("cubbyhole/a@b", json!({"k": 1})),
        ("sys/mounts/a@b", json!({"type": "kv"})),
        ("sys/auth/a@b", json!({"type": "userpass"})),
        ("sys/policies/acl/a@b", json!({"policy": "path \"x\" { capabilities = [\"read\"] }"})),
        ("auth/approle/role/a@b", json!({})),
        ("auth/userpass/users/a@b", json!({"password": "x"})),
        ("auth/token/roles/a@b", json!({})),
        ("identity/entity/name/a@b", json!({})),
        ("sys/audit/a@b", json!({"type": "file", "options": {"file_path": "/dev/null"}})),
    ];
    for (path, body) in &targets {
        for bad in BAD_BYTES {
            let path = path.replace('@', bad);
            let answer = server.root().post(&path, body.clone());
            assert!(matches!(answer.status, 400 | 404), "{path}: {} {}", answer.status, answer.text());
        }
        server.root().post(&path.replace('@', "-"), body.clone()).ok();
    }
    for (what, names) in [
        ("secret/metadata/", server.root().list("secret/metadata/").ok().data()["keys"].clone()),
        ("cubbyhole/", server.root().list("cubbyhole/").ok().data()["keys"].clone()),
    ] {
        assert_eq!(names, json!(["a-b"]), "{what}");
    }
    // Not in a query either, and not raw.
    server.root().get("secret/metadata/?list=true&after=%ff").is(400);
    let mut stream = TcpStream::connect(&server.address).unwrap();
    stream
        .write_all(
            b"GET /v1/secret/data/a\xffb HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX-Vault-Token: root\r\n\r\n",
        )
        .unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 400"), "{}", String::from_utf8_lossy(&answer));
    // The control: keys of secrets may hold any readable text.
    for path in ["secret/data/caf%C3%A9", "secret/data/a%20b", "secret/data/%E6%97%A5%E6%9C%AC"] {
        server.root().post(path, json!({"data": {}})).ok();
    }
}

/// namespace header traversal; CVE-2026-55775
#[test]
fn no_spelling_of_a_namespace_is_taken_for_the_root() {
    let server = Server::dev();
    server.root().post("secret/data/a", json!({"data": {"k": "of-the-root"}})).ok();
    for name in [
        "ns1",
        "ns1/",
        "ns1/../",
        "../",
        "..",
        ".",
        "./",
        "//",
        "///",
        "root//",
        "%2e%2e",
        "ns1/./",
        "ns1/%2e%2e/",
        "ROOT",
        "Root",
        "root/x",
        "root/../",
        "roo",
        " x",
        "sys",
        "\"\"",
        "root,root",
        "/../root",
    ] {
        let answer = server.root().header("X-Vault-Namespace", name).get("secret/data/a");
        assert!(!answer.text().contains("of-the-root"), "{name:?} is taken for the root");
        assert!(matches!(answer.status, 400 | 404), "{name:?}: {} {}", answer.status, answer.text());
    }
    let twice = server.root().header("X-Vault-Namespace", "ns1").header("X-Vault-Namespace", "root");
    twice.get("secret/data/a").is(400);
    server.root().get("ns1/secret/data/a").is(404);
    // The control: the root's own names.
    for name in ["", "root", "root/", "/root"] {
        server.root().header("X-Vault-Namespace", name).get("secret/data/a").ok();
    }
}
