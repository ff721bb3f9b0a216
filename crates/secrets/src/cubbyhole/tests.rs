use super::engine;
use kw_engine::harness::{Harness, data_of};
use kw_engine::{Caller, Verb};
use serde_json::{Value, json};

fn status<T>(result: Result<T, kw_engine::Fault>) -> u16 {
    result.err().map_or(200, |fault| fault.kind().status())
}

#[test]
fn write_read_list_delete() {
    let mut h = Harness::new(engine());
    h.write("a/b", json!({"x": 1, "y": [1]})).unwrap();
    h.write("c", json!({"z": null})).unwrap();
    assert_eq!(h.read("a/b").unwrap(), json!({"x": 1, "y": [1]}));
    assert_eq!(h.list("").unwrap(), json!(["a/", "c"]));
    assert_eq!(h.list("a").unwrap(), json!(["b"]));
    let scanned = h.call(Verb::Scan, "", Value::Null).unwrap();
    assert_eq!(data_of(&scanned).unwrap(), json!({"keys": ["a/b", "c"]}));
    h.delete("a/b").unwrap();
    assert_eq!(status(h.read("a/b")), 404);
    assert_eq!(status(h.list("a")), 404);
    h.delete("a/b").unwrap();
}

#[test]
fn tokens_do_not_share() {
    let mut h = Harness::new(engine());
    h.write("s", json!({"x": "a"})).unwrap();
    h.caller = Caller { token_ident: "token2".into(), accessor: "accessor2".into(), ..Caller::default() };
    assert_eq!(status(h.read("s")), 404);
    h.write("s", json!({"x": "b"})).unwrap();
    h.caller.token_ident = "token1".into();
    assert_eq!(h.read("s").unwrap(), json!({"x": "a"}));
}

#[test]
fn a_batch_token_has_none() {
    let mut h = Harness::new(engine());
    h.caller.accessor.clear();
    assert_eq!(status(h.write("s", json!({"x": 1}))), 400);
    assert_eq!(status(h.read("s")), 400);
    assert_eq!(status(h.list("")), 400);
}

#[test]
fn what_cannot_be_stored() {
    let mut h = Harness::new(engine());
    for (path, body) in [("s", ""), ("s", "{ }"), ("s", "{"), ("x/", r#"{"a": 1}"#), ("", r#"{"a": 1}"#)] {
        assert_eq!(status(h.call_text(Verb::Write, path, body)), 400, "{path:?} {body:?}");
    }
    assert_eq!(status(h.read("")), 400);
    assert_eq!(status(h.patch("s", json!({"a": 1}))), 405);
}
