//! Logging in: names and their spellings, lockouts, secret ids.
use crate::support::{Answer, Caller, Server, Setup};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicU32, Ordering};

fn with_user(server: &Server, names: &[&str]) {
    server.mount_auth("userpass", "userpass");
    for name in names {
        let body = json!({"password": "right", "token_policies": "default"});
        server.root().post(&format!("auth/userpass/users/{name}"), body).ok();
    }
}

fn log_in(nobody: &Caller, name: &str, password: &str) -> Answer {
    nobody.post(&format!("auth/userpass/login/{name}"), json!({"password": password}))
}

/// CVE-2025-6004 / CVE-2025-54998
#[test]
fn a_lockout_counts_all_spellings_of_a_name() {
    let server = Server::dev();
    with_user(&server, &["bob", "ann"]);
    let nobody = server.nobody();
    for name in ["bob", "BOB", "Bob", "bOb", "bob"] {
        log_in(&nobody, name, "wrong").is(400);
    }
    for name in ["bob", "BOB", "Bob", "bob%20", "%20bob", "bob%09", "bob%00", "bob%E2%80%8B", "b%6Fb", "bob/"] {
        let answer = log_in(&nobody, name, "right");
        assert!(answer.status >= 400, "{name} logged in");
    }
    // The control: somebody else is not locked out, under any spelling.
    for name in ["ann", "ANN", "a%6En"] {
        log_in(&nobody, name, "right").ok();
    }
}

/// Those variants that fold to another name must not exist beside it either.
#[test]
fn a_user_name_has_one_spelling() {
    let server = Server::dev();
    with_user(&server, &["bob"]);
    server.root().post("auth/userpass/users/BOB", json!({"token_ttl": "1h"})).ok();
    assert_eq!(server.root().list("auth/userpass/users").ok().data()["keys"], json!(["bob"]));
    for name in ["bob%20", "%20bob", "bob%09", "bob%00", "b%C3%B6b", "%D0%B2ob", "bob%C2%AD", "bo%E2%80%8Bb", "-bob"] {
        let answer = server.root().post(&format!("auth/userpass/users/{name}"), json!({"password": "x"}));
        assert!(matches!(answer.status, 400 | 404), "{name}: {} {}", answer.status, answer.text());
    }
}

/// CVE-2025-6010 class
#[test]
fn a_real_user_and_an_unknown_one_are_answered_alike_before_and_after_the_lockout() {
    let server = Server::dev();
    with_user(&server, &["real", "open"]);
    let nobody = server.nobody();
    for attempt in 1..=7 {
        let (real, unknown) = (log_in(&nobody, "real", "wrong"), log_in(&nobody, "fake", "wrong"));
        let headers = |answer: &Answer| answer.headers.iter().filter(|(n, _)| n != "date").cloned().collect::<Vec<_>>();
        assert_eq!(real.status, unknown.status, "attempt {attempt}");
        assert_eq!(real.text(), unknown.text(), "attempt {attempt}");
        assert_eq!(headers(&real), headers(&unknown), "attempt {attempt}");
        assert_eq!(real.status, if attempt <= 5 { 400 } else { 403 });
    }
    // Even the right password does not tell while the lockout lasts.
    assert_eq!(log_in(&nobody, "real", "right").text(), log_in(&nobody, "fake", "right").text());
    log_in(&nobody, "open", "right").ok();
}

/// The count is exact when attempts come at once, on both event loops.
#[test]
fn parallel_attempts_get_no_more_than_the_threshold() {
    let server = Setup::dev().with_argument("-threads=2").start();
    with_user(&server, &["bob"]);
    let nobody = server.nobody();
    let (wrong, locked) = (AtomicU32::new(0), AtomicU32::new(0));
    std::thread::scope(|scope| {
        for _ in 0..12 {
            scope.spawn(|| match log_in(&nobody, "bob", "wrong").status {
                400 => wrong.fetch_add(1, Ordering::SeqCst),
                403 => locked.fetch_add(1, Ordering::SeqCst),
                other => panic!("{other}"),
            });
        }
    });
    let (wrong, locked) = (wrong.into_inner(), locked.into_inner());
    assert_eq!((wrong, locked), (5, 7), "five passwords may be tried");
    log_in(&nobody, "bob", "right").is(403);
}

/// The operator's own rules, by type of method and for all; what is tuned on a mount goes before them.
#[test]
fn a_lockout_is_as_it_is_configured() {
    let rules = "user_lockout \"all\" { lockout_threshold = 2 lockout_duration = \"1h\" }
user_lockout \"userpass\" { lockout_threshold = 3 lockout_duration = \"1s\" }";
    let server = Setup::embedded().with_top(&rules.replace(" lockout_duration", "\n lockout_duration")).open();
    with_user(&server, &["bob", "ann"]);
    let tries = |name: &str| -> Vec<u16> { (0..5).map(|_| log_in(&server.nobody(), name, "wrong").status).collect() };
    assert_eq!(tries("bob"), [400, 400, 400, 403, 403]);
    log_in(&server.nobody(), "bob", "right").is(403);
    std::thread::sleep(std::time::Duration::from_millis(1300));
    log_in(&server.nobody(), "bob", "right").ok();
    let tuned = json!({"user_lockout_config": {"lockout_threshold": 1, "lockout_duration": "1h"}});
    server.root().post("sys/auth/userpass/tune", tuned).ok();
    assert_eq!(tries("ann"), [400, 403, 403, 403, 403]);
    server.root().post("sys/auth/userpass/tune", json!({"user_lockout_config": {"lockout_disable": true}})).ok();
    assert_eq!(tries("ann"), [400; 5]);
    log_in(&server.nobody(), "ann", "right").ok();
}

fn with_role(server: &Server, role: &str, body: Value) -> String {
    server.root().post(&format!("auth/approle/role/{role}"), body).ok();
    server.root().get(&format!("auth/approle/role/{role}/role-id")).ok().at("/data/role_id")
}

fn secret_id(server: &Server, role: &str, body: Value) -> (String, String) {
    let answer = server.root().post(&format!("auth/approle/role/{role}/secret-id"), body).ok();
    (answer.at("/data/secret_id"), answer.at("/data/secret_id_accessor"))
}

fn log_in_role(nobody: &Caller, role_id: &str, secret_id: &str) -> Answer {
    nobody.post("auth/approle/login", json!({"role_id": role_id, "secret_id": secret_id}))
}

/// DESIGN lockout-as-DoS
#[test]
fn wrong_secret_ids_lock_no_machine_out() {
    let server = Server::dev();
    server.mount_auth("approle", "approle");
    let role_id = with_role(&server, "r", json!({}));
    let (secret, _) = secret_id(&server, "r", json!({}));
    for _ in 0..12 {
        log_in_role(&server.nobody(), &role_id, "8f4f5b3e-0000-4000-8000-000000000000").is(400);
    }
    log_in_role(&server.nobody(), &role_id, &secret).ok();
}

/// CVE-2023-24999
#[test]
fn an_accessor_is_no_good_through_another_role() {
    let server = Server::dev();
    server.mount_auth("approle", "approle");
    let role_id = with_role(&server, "ra", json!({}));
    with_role(&server, "rb", json!({}));
    let (secret, accessor) = secret_id(&server, "ra", json!({}));
    let limited =
        server.limited("path \"auth/approle/role/rb/*\" { capabilities = [\"create\", \"update\", \"delete\"] }");
    for caller in [server.root(), limited] {
        for what in ["lookup", "destroy"] {
            let body = json!({"secret_id_accessor": accessor});
            caller.post(&format!("auth/approle/role/rb/secret-id-accessor/{what}"), body).one_of(&[400, 403, 404]);
        }
        caller.post("auth/approle/role/rb/secret-id/destroy", json!({"secret_id": secret}));
    }
    log_in_role(&server.nobody(), &role_id, &secret).ok();
    // The control: through its own role it is found and destroyed.
    let body = json!({"secret_id_accessor": accessor});
    server.root().post("auth/approle/role/ra/secret-id-accessor/lookup", body.clone()).ok();
    server.root().post("auth/approle/role/ra/secret-id-accessor/destroy", body).ok();
    log_in_role(&server.nobody(), &role_id, &secret).is(400);
}

/// RACE secret_id_num_uses
#[test]
fn a_secret_id_of_one_use_logs_in_once_however_many_try() {
    let server = Setup::dev().with_argument("-threads=2").start();
    server.mount_auth("approle", "approle");
    let role_id = with_role(&server, "r", json!({"secret_id_num_uses": 1}));
    for uses in [1, 1, 1, 1, 1, 1, 1, 1, 1, 1] {
        assert_eq!(parallel_log_ins(&server, &role_id, json!({"num_uses": uses})), uses);
    }
    let many = with_role(&server, "many", json!({}));
    let (secret, _) = secret_id(&server, "many", json!({"num_uses": 7}));
    assert_eq!(race(&server, &many, &secret), 7);
}

fn parallel_log_ins(server: &Server, role_id: &str, body: Value) -> u32 {
    let (secret, _) = secret_id(server, "r", body);
    race(server, role_id, &secret)
}

fn race(server: &Server, role_id: &str, secret: &str) -> u32 {
    let (nobody, won) = (server.nobody(), AtomicU32::new(0));
    std::thread::scope(|scope| {
        for _ in 0..24 {
            scope.spawn(|| match log_in_role(&nobody, role_id, secret).status {
                200 => won.fetch_add(1, Ordering::SeqCst),
                400 => 0,
                other => panic!("{other}"),
            });
        }
    });
    won.into_inner()
}

fn accessors(server: &Server) -> usize {
    server.root().list("auth/token/accessors").ok().data()["keys"].as_array().unwrap().len()
}

/// CVE-2026-46405
#[test]
fn a_login_that_fails_makes_no_token() {
    let server = Server::dev();
    with_user(&server, &["bob"]);
    server.root().post("sys/auth/userpass/tune", json!({"user_lockout_config": {"lockout_disable": true}})).ok();
    server.mount_auth("approle", "approle");
    let elsewhere = json!({"token_bound_cidrs": ["10.0.0.0/8"], "password": "right"});
    server.root().post("auth/userpass/users/afar", elsewhere).ok();
    let role_id = with_role(&server, "r", json!({"secret_id_bound_cidrs": ["10.0.0.0/8"]}));
    let (secret, _) = secret_id(&server, "r", json!({}));
    let before = accessors(&server);
    let nobody = server.nobody();
    for _ in 0..10 {
        for (name, password) in [("bob", "wrong"), ("none", "x"), ("bob", ""), ("afar", "right")] {
            assert!(log_in(&nobody, name, password).status >= 400);
        }
        assert!(log_in_role(&nobody, &role_id, &secret).status >= 400);
        assert!(log_in_role(&nobody, "no-such-role", &secret).status >= 400);
        // The login would do, and its answer cannot be wrapped.
        let wrapped = nobody.header("X-Vault-Wrap-TTL", "nonsense");
        assert!(log_in(&wrapped, "bob", "right").status >= 400);
    }
    assert_eq!(accessors(&server), before);
    // The control: one that goes well makes one.
    log_in(&nobody, "bob", "right").ok();
    assert_eq!(accessors(&server), before + 1);
}
