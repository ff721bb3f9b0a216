use super::{fill, status, v2};
use kw_engine::harness::data_of;
use kw_engine::{Body, Ttl, Verb};
use serde_json::{Value, json};

#[test]
fn history_is_told() {
    let mut h = v2();
    let made = h.now().rfc3339();
    fill(&mut h, "app/db", 2);
    let version = json!({"created_time": made, "deletion_time": "", "destroyed": false});
    assert_eq!(
        h.read("metadata/app/db").unwrap(),
        json!({
            "cas_required": false, "created_time": made, "current_metadata_version": 0, "current_version": 2,
            "custom_metadata": null, "delete_version_after": "0s", "max_versions": 0, "metadata_cas_required": false,
            "oldest_version": 0, "updated_time": made, "versions": {"1": version, "2": version},
        })
    );
    assert_eq!(h.list("metadata/app").unwrap(), json!(["db"]));
    assert_eq!(h.list("metadata/").unwrap(), json!(["app/"]));
    let scan = h.call(Verb::Scan, "metadata/", Value::Null).unwrap();
    assert_eq!(data_of(&scan).unwrap()["keys"], json!(["app/db"]));
}

#[test]
fn listing_by_pages() {
    let mut h = v2();
    for name in ["a", "b", "c/x", "d", "e"] {
        h.write(&format!("data/p/{name}"), json!({"data": {}})).unwrap();
    }
    for (query, keys) in [
        ("", json!(["a", "b", "c/", "d", "e"])),
        ("?limit=2", json!(["a", "b"])),
        ("?limit=2&after=b", json!(["c/", "d"])),
        ("?after=c%2F", json!(["d", "e"])),
        ("?limit=-1", json!(["a", "b", "c/", "d", "e"])),
    ] {
        assert_eq!(h.list(&format!("metadata/p{query}")).unwrap(), keys, "{query}");
    }
    assert_eq!(status(h.list("metadata/p?after=zzz")), 404);
    assert_eq!(status(h.list("metadata/p?limit=x")), 400);
}

#[test]
fn delete_forgets_all() {
    let mut h = v2();
    fill(&mut h, "d/s", 2);
    h.delete("metadata/d/s").unwrap();
    assert_eq!(h.row_names().unwrap(), Vec::<String>::new());
    assert_eq!(status(h.read("data/d/s")), 404);
    assert_eq!(status(h.read("metadata/d/s")), 404);
    assert_eq!(status(h.list("metadata/d")), 404);
    assert_eq!(h.write("data/d/s", json!({"data": {"n": 9}})).unwrap()["version"], 1);
    h.delete("metadata/none").unwrap();
}

#[test]
fn metadata_may_come_first() {
    let mut h = v2();
    h.write("metadata/nothing", json!({})).unwrap();
    assert_eq!(status(h.read("metadata/nothing")), 404);
    h.write("metadata/s", json!({"max_versions": 3})).unwrap();
    let metadata = h.read("metadata/s").unwrap();
    assert_eq!((&metadata["current_version"], &metadata["versions"]), (&json!(0), &json!({})));
    assert_eq!(metadata["current_metadata_version"], 1);
    assert_eq!(status(h.read("data/s")), 404);
    assert_eq!(h.list("metadata/").unwrap(), json!(["s"]));
    let patch = h.call(Verb::Patch, "data/s", json!({"data": {}})).unwrap();
    assert_eq!(patch.status, Some(404));
    h.delete("data/s").unwrap();
    h.write("data/s", json!({"data": {"a": 1}, "options": {"cas": 0}})).unwrap();
    assert_eq!(h.read("data/s").unwrap()["data"], json!({"a": 1}));
}

#[test]
fn config_and_what_it_mandates() {
    let mut h = v2();
    assert_eq!(
        h.read("config").unwrap(),
        json!({"cas_required": false, "delete_version_after": "0s", "max_versions": 0, "metadata_cas_required": false})
    );
    h.write("config", json!({"max_versions": 5, "cas_required": true, "delete_version_after": "3h25m19s"})).unwrap();
    let config = h.read("config").unwrap();
    assert_eq!((&config["delete_version_after"], &config["max_versions"]), (&json!("3h25m19s"), &json!(5)));
    assert_eq!(status(h.write("data/s", json!({"data": {"a": 1}}))), 400);
    h.write("data/s", json!({"data": {"a": 1}, "options": {"cas": 0}})).unwrap();
    let reply = h.call(Verb::Write, "metadata/t", json!({"cas_required": false})).unwrap();
    assert_eq!(reply.warnings.len(), 1);
    assert_eq!(data_of(&reply).unwrap(), Value::Null);
    assert_eq!(status(h.write("data/t", json!({"data": {"a": 1}}))), 400);
    h.write("config", json!({"delete_version_after": "-1s"})).unwrap();
    let config = h.read("config").unwrap();
    assert_eq!((&config["delete_version_after"], &config["cas_required"]), (&json!("-1s"), &json!(true)));
    for body in [json!({"max_versions": "x"}), json!({"max_versions": -1}), json!({"delete_version_after": "soon"})] {
        assert_eq!(status(h.write("config", body)), 400);
    }
    h.write("config", json!({"cas_required": false, "delete_version_after": 0})).unwrap();
    assert_eq!(h.read("config").unwrap()["delete_version_after"], "0s");
}

#[test]
fn custom_metadata() {
    let mut h = v2();
    let notes = json!({"owner": "ops", "tier": "1"});
    h.write("metadata/s", json!({"custom_metadata": notes})).unwrap();
    assert_eq!(h.write("data/s", json!({"data": {"a": 1}})).unwrap()["custom_metadata"], notes);
    assert_eq!(h.read("data/s").unwrap()["metadata"]["custom_metadata"], notes);
    h.write("metadata/s", json!({"max_versions": 4})).unwrap();
    assert_eq!(h.read("metadata/s").unwrap()["custom_metadata"], notes);
    h.write("metadata/s", json!({"custom_metadata": {"team": "x"}})).unwrap();
    assert_eq!(h.read("data/s").unwrap()["metadata"]["custom_metadata"], json!({"team": "x"}));
    let many: serde_json::Map<_, _> = (0..65).map(|i| (format!("k{i}"), json!("x"))).collect();
    for bad in [json!({"k".repeat(129): "x"}), json!({"k": "x".repeat(513)}), json!(many), json!({"k": {"deep": 1}}), json!({"": "x"}), json!({"k": ""})] {
        let fault = h.write("metadata/s", json!({"custom_metadata": bad})).unwrap_err();
        assert_eq!(fault.kind().status(), 400);
    }
    h.write("metadata/s", json!({"custom_metadata": {"k": 5}})).unwrap();
    let metadata = h.read("metadata/s").unwrap();
    assert_eq!((&metadata["custom_metadata"], &metadata["current_metadata_version"]), (&json!({"k": "5"}), &json!(4)));
}

#[test]
fn patch_changes_what_is_given_and_sets_back_what_is_null() {
    let mut h = v2();
    let missing = h.call(Verb::Patch, "metadata/s", json!({"max_versions": 4})).unwrap();
    assert_eq!(missing.status, Some(404));
    assert!(matches!(missing.body, Body::Empty));
    h.write("metadata/s", json!({"max_versions": 4, "cas_required": true, "delete_version_after": "1h", "custom_metadata": {"a": "1", "b": "2"}})).unwrap();
    h.patch("metadata/s", json!({"custom_metadata": {"a": null, "c": 3}, "cas_required": null, "delete_version_after": null})).unwrap();
    let metadata = h.read("metadata/s").unwrap();
    assert_eq!(metadata["custom_metadata"], json!({"b": "2", "c": "3"}));
    assert_eq!(metadata["max_versions"], 4);
    assert_eq!(metadata["cas_required"], false);
    assert_eq!(metadata["delete_version_after"], "0s");
    h.patch("metadata/s", json!({"custom_metadata": null, "max_versions": null})).unwrap();
    let metadata = h.read("metadata/s").unwrap();
    assert_eq!((&metadata["custom_metadata"], &metadata["max_versions"]), (&Value::Null, &json!(0)));
    assert_eq!(status(h.patch("metadata/s", json!({"custom_metadata": {"k": {"deep": 1}}}))), 400);
}

#[test]
fn metadata_check_and_set() {
    let mut h = v2();
    h.write("metadata/s", json!({"metadata_cas_required": true, "metadata_cas": 0})).unwrap();
    assert_eq!(status(h.write("metadata/s", json!({"max_versions": 1}))), 400);
    assert_eq!(status(h.patch("metadata/s", json!({"max_versions": 1}))), 400);
    assert_eq!(status(h.write("metadata/s", json!({"max_versions": 1, "metadata_cas": 0}))), 400);
    h.write("metadata/s", json!({"max_versions": 1, "metadata_cas": 1})).unwrap();
    h.patch("metadata/s", json!({"max_versions": 2, "metadata_cas": 2})).unwrap();
    h.write("config", json!({"metadata_cas_required": true})).unwrap();
    assert_eq!(status(h.write("metadata/t", json!({"max_versions": 1}))), 400);
}

#[test]
fn times_move_with_what_they_tell() {
    let mut h = v2();
    let start = h.now().rfc3339();
    fill(&mut h, "s", 1);
    h.advance(Ttl::from_seconds(10));
    h.delete("data/s").unwrap();
    assert_eq!(h.read("metadata/s").unwrap()["updated_time"], start);
    h.write("metadata/s", json!({"max_versions": 2})).unwrap();
    let metadata = h.read("metadata/s").unwrap();
    assert_eq!((&metadata["updated_time"], &metadata["created_time"]), (&json!(h.now().rfc3339()), &json!(start)));
}
