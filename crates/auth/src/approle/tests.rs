mod race;

use super::AppRole;
use kw_engine::harness::{Harness, data_of};
use kw_engine::{AuthMethod, Body, Fault, LoginOutcome, TokenKind, Ttl, Verb};
use serde_json::{Value, json};
use std::net::IpAddr;

fn mounted() -> Harness<AppRole> {
    Harness::new(AppRole::default())
}

fn role(h: &mut Harness<AppRole>, name: &str, body: Value) -> String {
    h.write(&format!("role/{name}"), body).unwrap();
    text(&h.read(&format!("role/{name}/role-id")).unwrap(), "role_id")
}

fn secret_id(h: &mut Harness<AppRole>, name: &str, body: Value) -> (String, String) {
    let made = h.write(&format!("role/{name}/secret-id"), body).unwrap();
    (text(&made, "secret_id"), text(&made, "secret_id_accessor"))
}

fn log_in(h: &mut Harness<AppRole>, role_id: &str, secret_id: &str) -> Result<kw_engine::Grant, Fault> {
    h.login("login", json!({"role_id": role_id, "secret_id": secret_id}))
}

fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap().to_owned()
}

fn status<T>(result: Result<T, Fault>) -> u16 {
    result.err().map_or(200, |f| f.kind().status())
}

#[test]
fn a_role_is_made_changed_shown_and_deleted() {
    let mut h = mounted();
    assert_eq!(status(h.read("role/r")), 404);
    assert!(!h.exists(Verb::Write, "role/r").unwrap());
    let body = json!({"token_policies": ["p2", "P1 "], "token_ttl": "10m", "token_max_ttl": "1h", "secret_id_num_uses": 5, "secret_id_ttl": "2h"});
    h.write("role/R", body).unwrap();
    assert!(h.exists(Verb::Write, "role/r").unwrap());
    let mut want = json!({
        "bind_secret_id": true, "local_secret_ids": false, "secret_id_bound_cidrs": null, "secret_id_num_uses": 5, "secret_id_ttl": 7200,
        "token_bound_cidrs": [], "token_explicit_max_ttl": 0, "token_max_ttl": 3600, "token_no_default_policy": false, "token_num_uses": 0,
        "token_period": 0, "token_policies": ["p1", "p2"], "token_strictly_bind_ip": false, "token_ttl": 600, "token_type": "default",
    });
    assert_eq!(h.read("role/r").unwrap(), want);
    h.write("role/r", json!({"token_num_uses": 3, "secret_id_bound_cidrs": ["127.0.0.1/32"], "token_bound_cidrs": "10.0.0.0/8,127.0.0.1"})).unwrap();
    want["token_num_uses"] = json!(3);
    want["secret_id_bound_cidrs"] = json!(["127.0.0.1/32"]);
    want["token_bound_cidrs"] = json!(["10.0.0.0/8", "127.0.0.1"]);
    assert_eq!(h.read("role/r").unwrap(), want);
    assert_eq!(h.list("role").unwrap(), json!(["r"]));
    secret_id(&mut h, "r", json!({}));
    h.delete("role/r").unwrap();
    assert_eq!(status(h.list("role")), 404);
    h.delete("role/r").unwrap();
    h.advance(Ttl::from_hours(3));
    h.write("tidy/secret-id", json!({})).unwrap();
    assert_eq!(h.row_names().unwrap(), Vec::<String>::new());
}

#[test]
fn a_login_carries_the_role_and_the_metadata() {
    let mut h = mounted();
    let id = role(&mut h, "r", json!({"token_policies": ["p1"], "token_ttl": "20m", "token_max_ttl": "30m"}));
    let (secret, _) = secret_id(&mut h, "r", json!({"metadata": "{\"env\": \"test\", \"role_name\": \"other\"}"}));
    let before = h.row_names().unwrap();
    let grant = log_in(&mut h, &format!(" {id}\n"), &format!("{secret}\n")).unwrap();
    assert_eq!(h.row_names().unwrap(), before);
    let alias = grant.alias.clone().unwrap();
    assert_eq!((alias.name.as_str(), grant.display_name.as_str()), (id.as_str(), ""));
    assert_eq!(json!(grant.metadata), json!({"env": "test", "role_name": "r"}));
    assert_eq!(alias.metadata, grant.metadata);
    assert_eq!((grant.policies.as_slice(), grant.ttl.seconds()), (["p1".to_owned()].as_slice(), 1200));
    assert!(h.row_names().unwrap().iter().all(|row| !row.contains(&secret)));

    let origin = Harness::<AppRole>::origin(&grant);
    h.write("role/r", json!({"token_period": "5m"})).unwrap();
    let seconds = h.renew_login(&origin).map(|(a, b, c)| [a, b, c].map(Ttl::seconds)).unwrap();
    assert_eq!(seconds, [1200, 1800, 300]);
    h.delete("role/r").unwrap();
    assert_eq!(status(h.renew_login(&origin)), 400);
}

#[test]
fn wrong_credentials_are_refused_and_lock_nobody_out() {
    let mut h = mounted();
    assert!(!h.engine().locks_out());
    let id = role(&mut h, "r", json!({}));
    let (secret, _) = secret_id(&mut h, "r", json!({}));
    for body in [
        json!({"role_id": id, "secret_id": "bad"}),
        json!({"role_id": "bad", "secret_id": secret}),
        json!({"role_id": "x".repeat(20_000), "secret_id": secret}),
        json!({"role_id": id}),
        json!({"role_id": "bad"}),
        json!({"secret_id": secret}),
        json!({}),
        json!({"role_id": id, "secret_id": " "}),
    ] {
        assert_eq!(status(h.login("login", body)), 400);
    }
    let reply = h.call(Verb::Write, "login", json!({"role_id": id, "secret_id": "bad"})).unwrap();
    let Body::Login(login) = reply.body else { panic!("no login") };
    assert!(matches!(login.outcome, LoginOutcome::Wrong { alias, .. } if alias == id));
    log_in(&mut h, &id, &secret).unwrap();
}

#[test]
fn a_role_id_can_be_chosen_and_is_unique() {
    let mut h = mounted();
    let id = role(&mut h, "r", json!({}));
    let (secret, _) = secret_id(&mut h, "r", json!({}));
    h.write("role/r/role-id", json!({"role_id": "mine"})).unwrap();
    assert_eq!(h.read("role/r/role-id").unwrap(), json!({"role_id": "mine"}));
    log_in(&mut h, "mine", &secret).unwrap();
    assert_eq!(status(log_in(&mut h, &id, &secret)), 400);
    h.write("role/s", json!({})).unwrap();
    assert_eq!(status(h.write("role/s/role-id", json!({"role_id": "mine"}))), 400);
    assert_eq!(status(h.write("role/u", json!({"role_id": "mine"}))), 400);
    assert_eq!(status(h.write("role/r/role-id", json!({}))), 400);
    assert_eq!(status(h.write("role/none/role-id", json!({"role_id": "x"}))), 404);
    assert_eq!(status(h.read("role/none/role-id")), 404);
    h.write("role/r", json!({"role_id": "mine", "token_ttl": 5})).unwrap();
    log_in(&mut h, "mine", &secret).unwrap();
}

#[test]
fn uses_and_time_run_out() {
    let mut h = mounted();
    let id = role(&mut h, "r", json!({"secret_id_num_uses": 2, "secret_id_ttl": "1h"}));
    let (secret, _) = secret_id(&mut h, "r", json!({}));
    h.conflict_once();
    log_in(&mut h, &id, &secret).unwrap();
    let left = h.write("role/r/secret-id/lookup", json!({"secret_id": secret})).unwrap();
    assert_eq!(left["secret_id_num_uses"], 1);
    log_in(&mut h, &id, &secret).unwrap();
    assert_eq!(status(log_in(&mut h, &id, &secret)), 400);
    assert_eq!(status(h.list("role/r/secret-id")), 404);

    for body in [json!({"num_uses": 3}), json!({"num_uses": 0}), json!({"num_uses": -1}), json!({"ttl": "2h"}), json!({"ttl": 0})] {
        assert_eq!(status(h.write("role/r/secret-id", body)), 400);
    }
    let (short, _) = secret_id(&mut h, "r", json!({"ttl": "10m"}));
    let (long, accessor) = secret_id(&mut h, "r", json!({}));
    h.advance(Ttl::from_seconds(600));
    assert_eq!(status(log_in(&mut h, &id, &short)), 400);
    assert_eq!(h.write("role/r/secret-id/lookup", json!({"secret_id": short})).unwrap(), Value::Null);
    log_in(&mut h, &id, &long).unwrap();
    let reply = h.call(Verb::Write, "tidy/secret-id", json!({})).unwrap();
    assert_eq!(reply.status, Some(202));
    assert_eq!(h.list("role/r/secret-id").unwrap(), json!([accessor]));
}

#[test]
fn secret_ids_are_looked_up_and_destroyed() {
    let mut h = mounted();
    let id = role(&mut h, "r", json!({}));
    let (secret, accessor) = secret_id(&mut h, "r", json!({"metadata": {"k": "v"}}));
    let want = json!({
        "cidr_list": [], "creation_time": "2026-01-01T00:00:00Z", "expiration_time": "0001-01-01T00:00:00Z",
        "last_updated_time": "2026-01-01T00:00:00Z", "metadata": {"k": "v"}, "secret_id_accessor": accessor,
        "secret_id_num_uses": 0, "secret_id_ttl": 0, "token_bound_cidrs": [],
    });
    assert_eq!(h.write("role/r/secret-id/lookup", json!({"secret_id": secret})).unwrap(), want);
    assert_eq!(h.write("role/r/secret-id-accessor/lookup", json!({"secret_id_accessor": accessor})).unwrap(), want);
    h.write("role/r/secret-id/destroy", json!({"secret_id": secret})).unwrap();
    h.write("role/r/secret-id/destroy", json!({"secret_id": secret})).unwrap();
    assert_eq!(h.write("role/r/secret-id/lookup", json!({"secret_id": secret})).unwrap(), Value::Null);
    assert_eq!(status(log_in(&mut h, &id, &secret)), 400);
    let missing = h.call(Verb::Write, "role/r/secret-id-accessor/lookup", json!({"secret_id_accessor": accessor})).unwrap();
    assert_eq!(missing.status, Some(404));
    assert!(data_of(&missing).unwrap()["error"].is_string());
    for (path, body) in [
        ("role/r/secret-id-accessor/destroy", json!({"secret_id_accessor": "none"})),
        ("role/r/secret-id/lookup", json!({})),
        ("role/none/secret-id/lookup", json!({"secret_id": "x"})),
    ] {
        assert_eq!(status(h.write(path, body)), 400, "{path}");
    }
    assert_eq!(status(h.write("role/none/secret-id", json!({}))), 404);
    assert_eq!(status(h.list("role/none/secret-id")), 400);
}

/// CVE-2023-24999.
#[test]
fn an_accessor_works_through_its_own_role_only() {
    let mut h = mounted();
    let id = role(&mut h, "a", json!({}));
    role(&mut h, "b", json!({}));
    let (secret, accessor) = secret_id(&mut h, "a", json!({}));
    let body = json!({"secret_id_accessor": accessor});
    let found = h.call(Verb::Write, "role/b/secret-id-accessor/lookup", body.clone()).unwrap();
    assert_eq!(found.status, Some(404));
    assert_eq!(status(h.write("role/b/secret-id-accessor/destroy", body.clone())), 400);
    h.write("role/b/secret-id/destroy", json!({"secret_id": secret})).unwrap();
    log_in(&mut h, &id, &secret).unwrap();
    h.write("role/a/secret-id-accessor/destroy", body).unwrap();
    assert_eq!(status(log_in(&mut h, &id, &secret)), 400);
}

#[test]
fn a_role_made_anew_has_none_of_the_old_secret_ids() {
    let mut h = mounted();
    role(&mut h, "r", json!({"role_id": "same"}));
    let (secret, _) = secret_id(&mut h, "r", json!({}));
    h.delete("role/r").unwrap();
    role(&mut h, "r", json!({"role_id": "same"}));
    assert_eq!(status(log_in(&mut h, "same", &secret)), 400);
    assert_eq!(status(h.list("role/r/secret-id")), 404);
}

#[test]
fn addresses_are_bound() {
    let mut h = mounted();
    let id = role(&mut h, "r", json!({"secret_id_bound_cidrs": ["10.0.0.0/8"], "token_bound_cidrs": ["10.0.0.0/8"], "secret_id_num_uses": 1}));
    let (secret, _) = secret_id(&mut h, "r", json!({"cidr_list": ["10.1.0.0/16"], "token_bound_cidrs": "10.2.0.0/16"}));
    for wrong in ["127.0.0.1", "10.2.0.1"] {
        h.remote = wrong.parse::<IpAddr>().ok();
        assert_eq!(status(log_in(&mut h, &id, &secret)), 400);
    }
    h.remote = "::ffff:10.1.2.3".parse::<IpAddr>().ok();
    let grant = log_in(&mut h, &id, &secret).unwrap();
    assert_eq!(json!(grant.bound_cidrs), json!(["10.2.0.0/16"]));
    for body in [json!({"cidr_list": ["192.168.0.0/16"]}), json!({"token_bound_cidrs": ["0.0.0.0/0"]}), json!({"cidr_list": ["x"]})] {
        assert_eq!(status(h.write("role/r/secret-id", body)), 400);
    }
    let (secret, _) = secret_id(&mut h, "r", json!({"token_bound_cidrs": "10.2.0.0/16"}));
    h.write("role/r", json!({"token_bound_cidrs": ["10.3.0.0/16"]})).unwrap();
    assert_eq!(status(log_in(&mut h, &id, &secret)), 400);
}

#[test]
fn a_role_without_secret_ids_must_bind_addresses() {
    let mut h = mounted();
    assert_eq!(status(h.write("role/r", json!({"bind_secret_id": false}))), 400);
    let id = role(&mut h, "r", json!({"bind_secret_id": false, "token_bound_cidrs": "127.0.0.1"}));
    assert_eq!(status(h.write("role/r/secret-id", json!({}))), 400);
    h.login("login", json!({"role_id": id})).unwrap();
    h.remote = "192.0.2.1".parse().ok();
    assert_eq!(status(h.login("login", json!({"role_id": id}))), 400);
    assert_eq!(status(h.delete("role/r/token-bound-cidrs")), 400);
    h.delete("role/r/bind-secret-id").unwrap();
    assert_eq!(h.read("role/r/bind-secret-id").unwrap(), json!({"bind_secret_id": true}));
}

#[test]
fn every_field_has_its_path() {
    let mut h = mounted();
    role(&mut h, "r", json!({}));
    for (path, field, sent, shown, cleared) in [
        ("policies", "token_policies", json!(["a", "b"]), json!(["a", "b"]), json!([])),
        ("period", "token_period", json!("2h"), json!(7200), json!(0)),
        ("token-ttl", "token_ttl", json!("5m"), json!(300), json!(0)),
        ("token-max-ttl", "token_max_ttl", json!("1h"), json!(3600), json!(0)),
        ("token-num-uses", "token_num_uses", json!(4), json!(4), json!(0)),
        ("token-bound-cidrs", "token_bound_cidrs", json!(["127.0.0.1"]), json!(["127.0.0.1"]), json!([])),
        ("bind-secret-id", "bind_secret_id", json!(true), json!(true), json!(true)),
        ("secret-id-num-uses", "secret_id_num_uses", json!(6), json!(6), json!(0)),
        ("secret-id-ttl", "secret_id_ttl", json!("3h"), json!(10800), json!(0)),
        ("secret-id-bound-cidrs", "secret_id_bound_cidrs", json!("127.0.0.1/32"), json!(["127.0.0.1/32"]), json!(null)),
    ] {
        let at = format!("role/r/{path}");
        assert_eq!(status(h.write(&at, json!({}))), 400, "{path}");
        h.write(&at, json!({field: sent, "token_explicit_max_ttl": 9})).unwrap();
        assert_eq!(h.read(&at).unwrap(), json!({field: shown}), "{path}");
        h.delete(&at).unwrap();
        assert_eq!(h.read(&at).unwrap(), json!({field: cleared}), "{path}");
        let none = format!("role/none/{path}");
        assert_eq!(status(h.read(&none)), 404);
        assert_eq!(status(h.write(&none, json!({field: shown}))), 404);
        h.delete(&none).unwrap();
    }
    assert_eq!(h.read("role/r").unwrap()["token_explicit_max_ttl"], 0);
    assert_eq!(h.read("role/r/local-secret-ids").unwrap(), json!({"local_secret_ids": false}));
    assert_eq!(status(h.write("role/r/local-secret-ids", json!({}))), 405);
}

#[test]
fn old_names_are_taken_and_shown() {
    let mut h = mounted();
    role(&mut h, "r", json!({"policies": "a", "period": "1h", "bound_cidr_list": "10.0.0.0/8"}));
    let shown = h.read("role/r").unwrap();
    for (old, new) in [("policies", "token_policies"), ("period", "token_period"), ("bound_cidr_list", "secret_id_bound_cidrs")] {
        assert_eq!(shown[old], shown[new]);
        assert!(!shown[new].is_null());
    }
    h.write("role/r/policies", json!({"token_policies": "b"})).unwrap();
    assert_eq!(h.read("role/r/policies").unwrap(), json!({"token_policies": ["b"]}));
}

#[test]
fn bad_roles_are_refused() {
    let mut h = mounted();
    for body in [
        json!({"token_ttl": "2h", "token_max_ttl": "1h"}),
        json!({"token_ttl": "soon"}),
        json!({"secret_id_num_uses": -1}),
        json!({"token_num_uses": -1}),
        json!({"secret_id_ttl": "-1h"}),
        json!({"token_type": "batch", "token_num_uses": 3}),
        json!({"token_type": "odd"}),
        json!({"secret_id_bound_cidrs": ["nonsense"]}),
        json!({"role_id": ""}),
        json!({"role_id": "x".repeat(513)}),
        json!({"token_period": "9999h"}),
    ] {
        assert_eq!(status(h.write("role/r", body.clone())), 400, "{body}");
    }
    role(&mut h, "r", json!({"local_secret_ids": true, "token_type": "batch"}));
    assert_eq!(status(h.write("role/r", json!({"local_secret_ids": true}))), 400);
    assert_eq!(status(h.write("role/r/secret-id", json!({"metadata": "not json"}))), 400);
    let made = h.write("role/r/custom-secret-id", json!({"secret_id": " chosen ", "ttl": "9999h"})).unwrap();
    assert_eq!((text(&made, "secret_id"), made["secret_id_ttl"].as_u64()), ("chosen".to_owned(), Some(768 * 3600)));
    assert_eq!(status(h.write("role/r/custom-secret-id", json!({"secret_id": "chosen"}))), 400);
    assert_eq!(status(h.write("role/r/custom-secret-id", json!({}))), 400);
    let id = text(&h.read("role/r/role-id").unwrap(), "role_id");
    assert_eq!(log_in(&mut h, &id, "chosen").unwrap().kind, Some(TokenKind::Batch));
}
