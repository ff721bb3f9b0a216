use super::{data_beside, fill, status, v2};
use kw_engine::harness::data_of;
use kw_engine::{Body, Ttl, Verb};
use serde_json::{Value, json};

#[test]
fn write_read_versions() {
    let mut h = v2();
    let first = h.write("data/app/db", json!({"data": {"user": "u1", "n": 1}})).unwrap();
    assert_eq!(
        first,
        json!({"created_time": h.now().rfc3339(), "custom_metadata": null, "deletion_time": "", "destroyed": false, "version": 1})
    );
    let second = h.write("data/app/db", json!({"data": {"user": "u2"}})).unwrap();
    assert_eq!(h.read("data/app/db").unwrap(), json!({"data": {"user": "u2"}, "metadata": second}));
    assert_eq!(h.read("data/app/db?version=1").unwrap(), json!({"data": {"user": "u1", "n": 1}, "metadata": first}));
    for newest in ["0", "-1", "2"] {
        assert_eq!(h.read(&format!("data/app/db?version={newest}")).unwrap()["metadata"], second);
    }
    assert_eq!(status(h.read("data/app/db?version=9")), 404);
    assert_eq!(status(h.read("data/app/db?version=abc")), 400);
    assert_eq!(status(h.read("data/app/none")), 404);
    assert_eq!(data_beside(h.read("data/app/none")), Value::Null);
    assert_eq!(h.row_names().unwrap(), ["s/app/db", "v/app/db/0000000001"]);
}

#[test]
fn check_and_set() {
    let mut h = v2();
    let write = |cas: Value| json!({"options": {"cas": cas}, "data": {"a": 1}});
    assert_eq!(status(h.write("data/x", write(json!(1)))), 400);
    h.write("data/x", write(json!(0))).unwrap();
    assert_eq!(status(h.write("data/x", write(json!(0)))), 400);
    h.write("data/x", write(json!(1))).unwrap();
    h.write("metadata/x", json!({"cas_required": true})).unwrap();
    assert_eq!(status(h.write("data/x", json!({"data": {"a": 4}}))), 400);
    for cas in ["true", "\"2\"", "2.0", "2.5", "2e0", "1e30", "-1", "-2", "[]", "{}", "null", "\"x\"", "99999999999999999999"] {
        let body = format!(r#"{{"data": {{"a": 5}}, "options": {{"cas": {cas}}}}}"#);
        for path in ["data/x", "data/new"] {
            let expected = if cas == "null" && path == "data/new" { 200 } else { 400 };
            assert_eq!(status(h.call_text(Verb::Write, path, &body)), expected, "{path} {cas}");
        }
    }
    assert_eq!(status(h.write("data/x", json!({"options": 5, "data": {}}))), 400);
    h.write("data/x", write(json!(2))).unwrap();
    assert_eq!(h.read("data/x").unwrap()["metadata"]["version"], 3);
}

#[test]
fn a_write_that_meets_a_conflict_is_done_once() {
    let mut h = v2();
    fill(&mut h, "s", 1);
    h.conflict_once();
    let facts = h.write("data/s", json!({"options": {"cas": 1}, "data": {"n": 2}})).unwrap();
    assert_eq!(facts["version"], 2);
    assert_eq!(h.read("data/s?version=1").unwrap()["data"], json!({"n": 1}));
}

#[test]
fn delete_and_undelete_the_newest() {
    let mut h = v2();
    fill(&mut h, "s", 2);
    assert_eq!(h.delete("data/s").unwrap(), Value::Null);
    let gone = h.read("data/s");
    assert_eq!(status(h.read("data/s")), 404);
    let gone = data_beside(gone);
    assert_eq!(gone["data"], Value::Null);
    assert_eq!(gone["metadata"]["deletion_time"], h.now().rfc3339());
    assert_eq!(gone["metadata"]["destroyed"], false);
    h.advance(Ttl::from_seconds(5));
    h.delete("data/s").unwrap();
    assert_eq!(data_beside(h.read("data/s")), gone);
    assert_eq!(h.read("data/s?version=1").unwrap()["data"], json!({"n": 1}));
    h.write("undelete/s", json!({"versions": [2]})).unwrap();
    assert_eq!(h.read("data/s").unwrap()["data"], json!({"n": 2}));
    h.delete("data/never").unwrap();
    assert_eq!(status(h.read("metadata/never")), 404);
}

#[test]
fn delete_listed_versions() {
    let mut h = v2();
    fill(&mut h, "s", 4);
    h.write("delete/s", json!({"versions": [1, "3"]})).unwrap();
    let read = |h: &mut kw_engine::harness::Harness<_>, n: u64| status(h.read(&format!("data/s?version={n}")));
    assert_eq!([1, 2, 3, 4].map(|n| read(&mut h, n)), [404, 200, 404, 200]);
    for body in [json!({"versions": []}), json!({}), json!({"versions": ["x"]}), json!({"versions": [-1]})] {
        for operation in ["delete", "undelete", "destroy"] {
            assert_eq!(status(h.write(&format!("{operation}/s"), body.clone())), 400, "{operation} {body}");
        }
    }
    for operation in ["delete", "undelete", "destroy"] {
        h.write(&format!("{operation}/s"), json!({"versions": [77]})).unwrap();
        h.write(&format!("{operation}/missing"), json!({"versions": [1]})).unwrap();
    }
    assert_eq!(status(h.read("metadata/missing")), 404);
    let versions = h.read("metadata/s").unwrap()["versions"].take();
    assert_eq!(versions["1"]["deletion_time"], h.now().rfc3339());
    assert_eq!(versions["2"]["deletion_time"], "");
    h.write("undelete/s", json!({"versions": "1,3"})).unwrap();
    assert_eq!([1, 2, 3, 4].map(|n| read(&mut h, n)), [200, 200, 200, 200]);
}

#[test]
fn destroy_is_final() {
    let mut h = v2();
    fill(&mut h, "s", 3);
    h.write("destroy/s", json!({"versions": [2]})).unwrap();
    h.write("destroy/s", json!({"versions": [3]})).unwrap();
    let gone = json!({"data": null, "metadata": {"created_time": h.now().rfc3339(), "custom_metadata": null,
        "deletion_time": "", "destroyed": true, "version": 2}});
    assert_eq!(data_beside(h.read("data/s?version=2")), gone);
    assert_eq!(data_beside(h.read("data/s"))["metadata"]["version"], 3);
    h.write("undelete/s", json!({"versions": [2, 3]})).unwrap();
    h.delete("data/s").unwrap();
    assert_eq!(data_beside(h.read("data/s?version=2")), gone);
    assert_eq!(h.row_names().unwrap(), ["s/s", "v/s/0000000001"]);
    assert_eq!(h.write("data/s", json!({"data": {"n": 4}})).unwrap()["version"], 4);
    assert_eq!(h.read("data/s").unwrap()["data"], json!({"n": 4}));
}

#[test]
fn patch_merges() {
    let mut h = v2();
    let text = r#"{"data": {"a": 1, "b": {"c": 2, "d": 12345678901234567890.50}, "l": [1, 2]}}"#;
    h.call_text(Verb::Write, "data/s", text).unwrap();
    let change = json!({"a": null, "b": {"c": 9, "e": null}, "l": [3], "new": {"x": {"y": null}}});
    assert_eq!(h.patch("data/s", json!({"data": change})).unwrap()["version"], 2);
    let Body::Data(raw) = h.call(Verb::Read, "data/s", Value::Null).unwrap().body else { panic!() };
    assert!(raw.get().starts_with(r#"{"data":{"b":{"c":9,"d":12345678901234567890.50},"l":[3],"new":{"x":{}}},"#));
    assert_eq!(h.patch("data/s", json!({"data": {}})).unwrap()["version"], 3);
    assert_eq!(status(h.patch("data/s", json!({}))), 400);
    assert_eq!(status(h.patch("data/s", json!({"data": null}))), 400);
    assert_eq!(status(h.patch("data/s", json!({"data": {}, "options": {"cas": 2}}))), 400);
    assert_eq!(h.patch("data/s", json!({"data": {}, "options": {"cas": 3}})).unwrap()["version"], 4);
    let nothing = h.call(Verb::Patch, "data/none", json!({"data": {"a": 1}})).unwrap();
    assert_eq!(nothing.status, Some(404));
    assert!(matches!(nothing.body, Body::Empty));
    h.delete("data/s").unwrap();
    assert_eq!(data_beside(h.patch("data/s", json!({"data": {"a": 1}})))["metadata"]["version"], 4);
}

#[test]
fn old_versions_are_let_go() {
    let mut h = v2();
    let kept = |h: &mut kw_engine::harness::Harness<_>, path: &str| {
        let metadata = h.read(&format!("metadata/{path}")).unwrap();
        let mut numbers: Vec<u64> = metadata["versions"].as_object().unwrap().keys().map(|n| n.parse().unwrap()).collect();
        numbers.sort();
        (numbers, metadata["oldest_version"].as_u64().unwrap())
    };
    h.write("metadata/s", json!({"max_versions": 2})).unwrap();
    fill(&mut h, "s", 4);
    assert_eq!(kept(&mut h, "s"), (vec![3, 4], 3));
    assert_eq!(status(h.read("data/s?version=2")), 404);
    assert_eq!(data_beside(h.read("data/s?version=2")), Value::Null);
    h.read("data/s?version=3").unwrap();
    h.write("config", json!({"max_versions": 3})).unwrap();
    fill(&mut h, "t", 5);
    assert_eq!(kept(&mut h, "t"), (vec![3, 4, 5], 3));
    h.write("metadata/s", json!({"max_versions": 9})).unwrap();
    fill(&mut h, "s", 3);
    assert_eq!(kept(&mut h, "s"), (vec![3, 4, 5, 6, 7], 3));
    h.write("metadata/s", json!({"max_versions": 1})).unwrap();
    h.write("config", json!({"max_versions": 0})).unwrap();
    fill(&mut h, "s", 1);
    assert_eq!(kept(&mut h, "s"), (vec![8], 8));
    fill(&mut h, "u", 12);
    assert_eq!(kept(&mut h, "u"), ((3..=12).collect(), 3));
    let rows = h.row_names().unwrap();
    assert_eq!(rows.iter().filter(|r| r.starts_with("v/s/")).count(), 0);
    assert_eq!(rows.iter().filter(|r| r.starts_with("v/u/")).count(), 9);
}

#[test]
fn versions_delete_themselves() {
    let mut h = v2();
    h.write("config", json!({"delete_version_after": "1h"})).unwrap();
    h.write("metadata/short", json!({"delete_version_after": "10m"})).unwrap();
    h.write("metadata/ever", json!({"delete_version_after": "-1s"})).unwrap();
    for path in ["short", "plain", "ever"] {
        fill(&mut h, path, 1);
    }
    let read = |h: &mut kw_engine::harness::Harness<_>| ["short", "plain", "ever"].map(|p| status(h.read(&format!("data/{p}"))));
    assert_eq!(read(&mut h), [200, 200, 200]);
    assert_ne!(h.read("data/short").unwrap()["metadata"]["deletion_time"], "");
    h.advance(Ttl::from_seconds(601));
    assert_eq!(read(&mut h), [404, 200, 200]);
    h.advance(Ttl::from_hours(1));
    assert_eq!(read(&mut h), [404, 404, 200]);
    h.write("undelete/short", json!({"versions": [1]})).unwrap();
    assert_eq!(read(&mut h), [200, 404, 200]);
}

#[test]
fn bad_requests() {
    let mut h = v2();
    assert_eq!(status(h.write("data/s", json!({"a": 1}))), 400);
    assert_eq!(h.write("data/s", json!({"data": null})).unwrap()["version"], 1);
    assert_eq!(h.read("data/s").unwrap()["data"], Value::Null);
    for data in [json!("text"), json!([1]), json!(5), json!(true)] {
        assert_eq!(status(h.write("data/s", json!({"data": data}))), 400);
    }
    assert_eq!(h.write("data/s", json!({"data": {}})).unwrap()["version"], 2);
    for folder in ["data/", "data/s/", "metadata/", "metadata/s/"] {
        assert_eq!(status(h.write(folder, json!({"data": {"a": 1}, "max_versions": 1}))), 400, "{folder}");
        assert_eq!(status(h.read(folder)), 404);
    }
}

#[test]
fn paths_of_version_one_are_explained() {
    let mut h = v2();
    for (verb, path) in
        [(Verb::Read, "s"), (Verb::Write, "s"), (Verb::Delete, "a/b"), (Verb::List, ""), (Verb::List, "config"), (Verb::Read, "config/x")]
    {
        let reply = h.call(verb, path, Value::Null).unwrap();
        assert_eq!((reply.status, reply.warnings.len()), (Some(404), 1), "{verb:?} {path}");
        assert_eq!(data_of(&reply).unwrap(), Value::Null);
    }
    for (verb, path) in [
        (Verb::List, "data/"),
        (Verb::List, "data"),
        (Verb::Delete, "config"),
        (Verb::Read, "delete/x"),
        (Verb::Read, "destroy/x"),
        (Verb::Write, "subkeys/x"),
        (Verb::Patch, "config"),
    ] {
        assert_eq!(status(h.call(verb, path, Value::Null)), 405, "{verb:?} {path}");
    }
}

#[test]
fn subkeys_show_no_values() {
    let mut h = v2();
    h.write("data/s", json!({"data": {"a": 1, "b": {"c": {"d": "x"}, "e": []}, "n": null, "o": {}}})).unwrap();
    let read = h.read("subkeys/s").unwrap();
    assert_eq!(read["subkeys"], json!({"a": null, "b": {"c": {"d": null}, "e": null}, "n": null, "o": {}}));
    assert_eq!(read["metadata"]["version"], 1);
    assert_eq!(h.read("subkeys/s?depth=1").unwrap()["subkeys"], json!({"a": null, "b": null, "n": null, "o": null}));
    assert_eq!(h.read("subkeys/s?depth=2").unwrap()["subkeys"]["b"], json!({"c": null, "e": null}));
    fill(&mut h, "s", 1);
    assert_eq!(h.read("subkeys/s?version=1").unwrap()["metadata"]["version"], 1);
    assert_eq!(h.read("subkeys/s").unwrap()["subkeys"], json!({"n": null}));
    assert_eq!(status(h.read("subkeys/none")), 404);
    h.delete("data/s").unwrap();
    assert_eq!(data_beside(h.read("subkeys/s"))["subkeys"], Value::Null);
}
