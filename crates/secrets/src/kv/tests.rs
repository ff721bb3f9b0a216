//! What the wire scenarios `kv1` and `kv2` ask for, without a server; one file for each version.
mod model;
mod v1;
mod v2_data;
mod v2_metadata;

use super::engine;
use kw_engine::harness::Harness;
use kw_engine::{Engine, Fault, Verb};
use serde_json::{Value, json};

fn v1() -> Harness<impl Engine> {
    Harness::new(engine())
}

fn v2() -> Harness<impl Engine> {
    mounted("2")
}

fn mounted(version: &str) -> Harness<impl Engine> {
    let mut harness = Harness::new(engine());
    harness.set_options(&[("version", version)]).unwrap();
    harness
}

/// Writes `{"n": i}` for i from 1 to `count`.
fn fill(h: &mut Harness<impl Engine>, path: &str, count: u64) {
    for n in 1..=count {
        h.write(&format!("data/{path}"), json!({"data": {"n": n}})).unwrap();
    }
}

/// The status of a refusal; 200 for whatever succeeded.
fn status<T>(result: Result<T, Fault>) -> u16 {
    result.err().map_or(200, |fault| fault.kind().status())
}

/// The `data` beside a refusal.
fn data_beside<T>(result: Result<T, Fault>) -> Value {
    let fault = result.err().expect("a refusal");
    fault.data().map_or(Value::Null, |json| serde_json::from_str(json).unwrap())
}

#[test]
fn mounts_have_version_one_or_two() {
    let kind = |kind: &str, version: Option<&str>| {
        let mut h = v1();
        h.mount.kind = kind.to_owned();
        let options: Vec<_> = version.map(|v| ("version", v)).into_iter().collect();
        h.set_options(&options).map(|()| (h.mount.kind.clone(), h.mount.option("version").map(str::to_owned)))
    };
    assert_eq!(kind("kv", None).unwrap(), ("kv".into(), None));
    assert_eq!(kind("kv-v2", None).unwrap(), ("kv".into(), Some("2".into())));
    assert_eq!(kind("kv-v1", None).unwrap(), ("kv".into(), Some("1".into())));
    assert_eq!(status(kind("kv", Some("3"))), 400);
    assert_eq!(status(kind("kv", Some(""))), 400);
}

#[test]
fn what_is_secret_is_declared_so() {
    let kv = engine();
    for (variant, routes) in kv.variants() {
        let fields = |verb, pattern: &str| {
            let (_, op) = routes.table().each().find(|(p, op)| op.verb == verb && *p == pattern).unwrap();
            op.fields.iter().chain(&op.answer).filter(|f| f.secret).map(|f| f.name).collect::<Vec<_>>()
        };
        if variant == "v1" {
            assert_eq!(fields(Verb::Write, "{path...}"), ["body"]);
        } else {
            for verb in [Verb::Read, Verb::Write, Verb::Patch] {
                assert_eq!(fields(verb, "data/{path...}"), ["data"]);
            }
        }
    }
}

#[test]
fn an_upgraded_mount_takes_its_secrets_along() {
    let mut h = v1();
    h.write("app/db", json!({"user": "u1"})).unwrap();
    h.write("b", json!({"x": 1})).unwrap();
    let written = h.now().rfc3339();
    h.advance(kw_engine::Ttl::from_seconds(60));
    h.set_options(&[("version", "2")]).unwrap();
    let read = h.read("data/app/db").unwrap();
    assert_eq!(read["data"], json!({"user": "u1"}));
    assert_eq!(read["metadata"]["version"], 1);
    assert_eq!(read["metadata"]["created_time"], written);
    assert_eq!(h.read("data/app/db?version=1").unwrap(), read);
    assert_eq!(h.list("metadata/").unwrap(), json!(["app/", "b"]));
    assert_eq!(status(h.write("data/app/db", json!({"data": {}, "options": {"cas": 0}}))), 400);
    h.write("data/app/db", json!({"data": {"user": "u2"}, "options": {"cas": 1}})).unwrap();
    assert_eq!(h.read("data/app/db").unwrap()["data"], json!({"user": "u2"}));
    assert_eq!(h.read("data/app/db?version=1").unwrap(), read);
    h.delete("data/b").unwrap();
    assert_eq!(status(h.read("data/b")), 404);
}

#[test]
fn keys_and_values_stay_byte_for_byte() {
    let text = r#"{"": "e", "big": 12345678901234567890123, "f": 1.50, "nl": "a\nb", "u": "\u00e9", "sn☃": {"z": 1, "a": []}}"#;
    let pretty = text.replace(", ", ",\n  ");
    // Space between tokens is not kept, all else is.
    let kept = text.replace(", ", ",").replace(": ", ":");
    for body in [text, &pretty] {
        let mut h = v1();
        h.call_text(Verb::Write, "x", body).unwrap();
        assert_eq!(raw(&mut h, "x"), kept);
        let mut h = v2();
        h.call_text(Verb::Write, "data/x", &format!("{{\"data\": {body}}}")).unwrap();
        fill(&mut h, "x", 1);
        let answer = raw(&mut h, "data/x?version=1");
        assert!(answer.starts_with(&format!("{{\"data\":{kept},")), "{answer}");
    }
}

fn raw(h: &mut Harness<impl Engine>, path: &str) -> String {
    match h.call(Verb::Read, path, Value::Null).unwrap().body {
        kw_engine::Body::Data(raw) => raw.get().to_owned(),
        _ => panic!("no data"),
    }
}
