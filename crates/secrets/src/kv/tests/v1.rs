use super::{mounted, status, v1};
use kw_engine::harness::data_of;
use kw_engine::{FaultKind, Verb};
use serde_json::{Value, json};

#[test]
fn write_read_list_delete() {
    let mut h = v1();
    let secret = json!({"user": "u1", "n": 1, "on": true, "none": null, "deep": {"a": [1, {"b": 2}]}});
    assert_eq!(h.write("app/db", secret.clone()).unwrap(), Value::Null);
    assert_eq!(h.read("app/db").unwrap(), secret);
    h.write("app/db", json!({"user": "u2"})).unwrap();
    assert_eq!(h.read("app/db").unwrap(), json!({"user": "u2"}));
    assert_eq!(h.list("app").unwrap(), json!(["db"]));
    assert_eq!(h.list("").unwrap(), json!(["app/"]));
    h.delete("app/db").unwrap();
    assert_eq!(status(h.read("app/db")), 404);
    h.delete("app/db").unwrap();
    assert_eq!(status(h.list("app")), 404);
    assert_eq!(h.row_names().unwrap(), Vec::<String>::new());
}

#[test]
fn folders_and_leaves() {
    let mut h = v1();
    for path in ["a", "a/b", "a/c/d", "b/x", "z", "A"] {
        h.write(path, json!({"v": path})).unwrap();
    }
    assert_eq!(h.list("").unwrap(), json!(["A", "a", "a/", "b/", "z"]));
    assert_eq!(h.list("a").unwrap(), json!(["b", "c/"]));
    assert_eq!(h.list("a/").unwrap(), json!(["b", "c/"]));
    assert_eq!(h.list("?limit=2&after=A").unwrap(), json!(["a", "a/"]));
    assert_eq!(status(h.list("z")), 404);
    assert_eq!(status(h.list("none")), 404);
    let scan = h.call(Verb::Scan, "a/", Value::Null).unwrap();
    assert_eq!(data_of(&scan).unwrap(), json!({"keys": ["b", "c/d"]}));
    for folder in ["", "a/", "a/b/"] {
        assert_eq!(status(h.read(folder)), 404);
        assert_eq!(status(h.write(folder, json!({"x": 1}))), 400);
        h.delete(folder).unwrap();
    }
    assert_eq!(h.read("a/b").unwrap(), json!({"v": "a/b"}));
}

#[test]
fn a_ttl_in_the_secret_is_a_hint() {
    let mut h = v1();
    let month = 2_764_800;
    for (secret, seconds) in [
        (json!({"ttl": "1h", "v": 1}), 3600),
        (json!({"ttl": 90}), 90),
        (json!({"lease": "30m"}), 1800),
        (json!({"ttl": 5, "lease": 6}), 5),
        (json!({"ttl": "soon"}), month),
        (json!({"ttl": {"a": 1}}), month),
        (json!({"ttl": null, "v": 1}), month),
        (json!({"v": 1}), month),
    ] {
        h.write("t", secret.clone()).unwrap();
        let reply = h.call(Verb::Read, "t", Value::Null).unwrap();
        assert_eq!(reply.lease_duration.seconds(), seconds, "{secret}");
    }
}

#[test]
fn what_cannot_be_written() {
    let mut h = v1();
    for body in ["", "{}", " { } ", "[1,2]", r#"{"a":"#, r#""text""#, "null"] {
        assert_eq!(status(h.call_text(Verb::Write, "e", body)), 400, "{body:?}");
    }
    assert_eq!(status(h.patch("e", json!({"a": 1}))), 405);
    assert_eq!(status(h.read("e")), 404);
}

#[test]
fn create_differs_from_update() {
    let mut h = v1();
    assert!(!h.exists(Verb::Write, "x").unwrap());
    h.write("x", json!({"a": 1})).unwrap();
    assert!(h.exists(Verb::Write, "x").unwrap());
    assert!(!h.exists(Verb::Write, "x/").unwrap());
}

#[test]
fn size_has_a_clear_bound() {
    for (version, path) in [("1", "big"), ("2", "data/big")] {
        let mut h = mounted(version);
        let body = |size: usize| json!({"data": {"a": "x".repeat(size)}});
        h.write(path, body(900_000)).unwrap();
        h.write(path, body(900_000)).unwrap();
        let fault = h.write(path, body(1_100_000)).unwrap_err();
        assert_eq!(fault.kind(), FaultKind::TooLarge);
        assert!(fault.public()[0].contains("1 MiB"));
    }
}
