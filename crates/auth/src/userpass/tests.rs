use super::UserPass;
use kw_engine::harness::Harness;
use kw_engine::{AuthMethod, Body, Fault, Grant, LoginOutcome, Ttl, Verb};
use serde_json::{Value, json};

const PASSWORD: &str = "pw-ann-1";

fn mounted() -> Harness<UserPass> {
    Harness::new(UserPass::default())
}

fn with_ann(body: Value) -> Harness<UserPass> {
    let mut h = mounted();
    let mut all = json!({"password": PASSWORD});
    all.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
    h.write("users/ann", all).unwrap();
    h
}

fn log_in(h: &mut Harness<UserPass>, name: &str, password: &str) -> Result<Grant, Fault> {
    h.login(&format!("login/{name}"), json!({"password": password}))
}

fn status<T>(result: Result<T, Fault>) -> u16 {
    result.err().map_or(200, |f| f.kind().status())
}

#[test]
fn users_are_made_changed_shown_and_deleted() {
    let mut h = mounted();
    assert_eq!(status(h.read("users/ann")), 404);
    assert!(!h.exists(Verb::Write, "users/ann").unwrap());
    let body = json!({"password": PASSWORD, "token_policies": ["p1", "p2"], "token_ttl": "1h", "token_bound_cidrs": ["127.0.0.0/8"]});
    h.write("users/Ann", body).unwrap();
    assert!(h.exists(Verb::Write, "users/ANN").unwrap());
    h.write("users/ann", json!({"token_max_ttl": "2h"})).unwrap();
    let want = json!({
        "token_bound_cidrs": ["127.0.0.0/8"], "token_explicit_max_ttl": 0, "token_max_ttl": 7200, "token_no_default_policy": false,
        "token_num_uses": 0, "token_period": 0, "token_policies": ["p1", "p2"], "token_strictly_bind_ip": false, "token_ttl": 3600,
        "token_type": "default",
    });
    assert_eq!(h.read("users/aNN").unwrap(), want);
    h.write("users/bob", json!({"password": "x"})).unwrap();
    assert_eq!(h.list("users").unwrap(), json!(["ann", "bob"]));
    assert_eq!(h.list("users?limit=1").unwrap(), json!(["ann"]));
    assert_eq!(h.list("users?after=ann&limit=5").unwrap(), json!(["bob"]));
    assert_eq!(status(h.list("users?after=z")), 404);
    h.delete("users/ANN").unwrap();
    h.delete("users/ann").unwrap();
    assert_eq!(h.list("users").unwrap(), json!(["bob"]));
}

#[test]
fn bad_users_are_refused() {
    let mut h = mounted();
    for body in [
        json!({}),
        json!({"password": ""}),
        json!({"password": "x", "password_hash": "y"}),
        json!({"password_hash": "not bcrypt"}),
        json!({"password_hash": bcrypt::hash("x", 4).unwrap()}),
        json!({"password_hash": bcrypt::hash("x", 4).unwrap().replace("$04$", "$13$")}),
        json!({"password": "x", "token_ttl": "2h", "token_max_ttl": "1h"}),
        json!({"password": "x", "token_bound_cidrs": ["bad"]}),
        json!({"password": "x", "token_type": "odd"}),
    ] {
        assert_eq!(status(h.write("users/ann", body.clone())), 400, "{body}");
    }
    for path in ["users/-x", "users/a b", "login/bob ", "login/ bob"] {
        assert_eq!(status(h.write(path, json!({"password": "x"}))), 404, "{path}");
    }
    h.write("users/ann", json!({"password": "x", "token_policies": "root"})).unwrap();
    assert_eq!(status(h.write("users/ann", json!({"password": ""}))), 400);
}

#[test]
fn a_login_carries_the_user() {
    let mut h = with_ann(json!({"token_policies": "p1,p2", "token_ttl": "30m", "token_max_ttl": "1h"}));
    let grant = log_in(&mut h, "ANN", PASSWORD).unwrap();
    assert_eq!(grant.alias.clone().unwrap().name, "ann");
    assert_eq!((grant.display_name.as_str(), json!(grant.metadata)), ("ann", json!({"username": "ann"})));
    assert_eq!((grant.policies.clone(), grant.ttl.seconds()), (vec!["p1".to_owned(), "p2".to_owned()], 1800));

    let mut origin = Harness::<UserPass>::origin(&grant);
    origin.policies.insert(0, "default".to_owned());
    h.write("users/ann", json!({"token_period": "1m"})).unwrap();
    let seconds = h.renew_login(&origin).map(|(a, b, c)| [a, b, c].map(Ttl::seconds)).unwrap();
    assert_eq!(seconds, [1800, 3600, 60]);
    h.write("users/ann/policies", json!({"policies": "p1"})).unwrap();
    assert_eq!(h.read("users/ann").unwrap()["policies"], json!(["p1"]));
    assert_eq!(status(h.renew_login(&origin)), 400);
    h.delete("users/ann").unwrap();
    assert_eq!(status(h.renew_login(&origin)), 400);
}

#[test]
fn a_wrong_password_and_an_unknown_user_get_the_same_answer() {
    let mut h = with_ann(json!({}));
    assert!(h.engine().locks_out());
    let mut texts = Vec::new();
    for (name, folded) in [("Ann", "ann"), ("Ghost", "ghost")] {
        let reply = h.call(Verb::Write, &format!("login/{name}"), json!({"password": "wrong"})).unwrap();
        let Body::Login(login) = reply.body else { panic!("no login") };
        let LoginOutcome::Wrong { alias, fault } = login.outcome else { panic!("granted") };
        assert_eq!(alias, folded);
        texts.push(fault.to_string());
    }
    assert_eq!(texts, ["400: invalid username or password"; 2]);
    for body in [json!({}), json!({"password": ""})] {
        assert_eq!(status(h.login("login/ann", body)), 400);
    }
    log_in(&mut h, "ann", PASSWORD).unwrap();
}

#[test]
fn the_password_changes() {
    let mut h = with_ann(json!({"token_policies": "p1"}));
    h.conflict_once();
    h.write("users/ann/password", json!({"password": "second"})).unwrap();
    assert_eq!(status(log_in(&mut h, "ann", PASSWORD)), 400);
    assert_eq!(log_in(&mut h, "ann", "second").unwrap().policies, ["p1"]);
    assert_eq!(status(h.write("users/ann/password", json!({}))), 400);
    assert_eq!(status(h.write("users/none/password", json!({"password": "x"}))), 400);
    assert_eq!(status(h.read("users/ann/password")), 405);
    assert_eq!(status(h.write("users/none/policies", json!({"token_policies": "x"}))), 400);
}

#[test]
fn a_bcrypt_hash_is_taken_and_replaced() {
    let mut h = mounted();
    let hash = bcrypt::hash("brought", 5).unwrap();
    h.write("users/ann", json!({"password_hash": hash.replace("$2b$", "$2y$")})).unwrap();
    assert_eq!(status(log_in(&mut h, "ann", "wrong")), 400);
    h.conflict_once();
    log_in(&mut h, "ann", "brought").unwrap();
    log_in(&mut h, "ann", "brought").unwrap();
    assert_eq!(status(log_in(&mut h, "ann", "wrong")), 400);
    let long = "x".repeat(80);
    h.write("users/ann/password", json!({"password_hash": bcrypt::hash(&long, 5).unwrap()})).unwrap();
    log_in(&mut h, "ann", &long).unwrap();
}

#[test]
fn addresses_are_bound() {
    let mut h = with_ann(json!({"token_bound_cidrs": ["10.0.0.0/8"]}));
    assert_eq!(status(log_in(&mut h, "ann", PASSWORD)), 403);
    assert_eq!(status(log_in(&mut h, "ann", "wrong")), 400);
    h.remote = "10.1.1.1".parse().ok();
    assert_eq!(json!(log_in(&mut h, "ann", PASSWORD).unwrap().bound_cidrs), json!(["10.0.0.0/8"]));
}

#[test]
fn old_names_are_taken_and_shown() {
    let mut h = with_ann(json!({"policies": "a,b", "ttl": "10m", "max_ttl": "20m", "bound_cidrs": ["127.0.0.1"]}));
    let shown = h.read("users/ann").unwrap();
    let want = json!({"policies": ["a", "b"], "ttl": 600, "max_ttl": 1200, "bound_cidrs": ["127.0.0.1"]});
    for (old, value) in want.as_object().unwrap() {
        assert_eq!((&shown[old], &shown[format!("token_{old}")]), (value, value));
    }
    h.write("users/ann", json!({"token_ttl": "5m"})).unwrap();
    assert!(h.read("users/ann").unwrap().get("ttl").is_none());
}
