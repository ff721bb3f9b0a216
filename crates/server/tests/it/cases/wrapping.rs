//! Wrapped answers are opened once, by whoever has the wrapping token, and it is good for nothing else.
use crate::support::{Answer, Caller, Server, Setup};
use serde_json::json;
use std::sync::atomic::{AtomicU32, Ordering};

fn wrap(server: &Server, ttl: &str) -> Answer {
    server.root().header("X-Vault-Wrap-TTL", ttl).get("secret/data/a")
}

fn unwrap(caller: &Caller, token: &str) -> Answer {
    caller.post("sys/wrapping/unwrap", json!({"token": token}))
}

/// wrapping token reuse
#[test]
fn a_wrapping_token_is_opened_once_however_many_try() {
    let server = Setup::dev().with_argument("-threads=2").start();
    server.root().post("secret/data/a", json!({"data": {"k": "wrapped-secret"}})).ok();
    let plain = server.with(&server.make_token(json!({"policies": ["default"], "ttl": "1h"})));
    for by_itself in [false, true] {
        for _ in 0..8 {
            let token = wrap(&server, "5m").ok().at("/wrap_info/token");
            let (of_itself, opened) = (server.with(&token), AtomicU32::new(0));
            std::thread::scope(|scope| {
                for _ in 0..16 {
                    scope.spawn(|| {
                        let answer = if by_itself {
                            of_itself.post("sys/wrapping/unwrap", json!({}))
                        } else {
                            unwrap(&plain, &token)
                        };
                        match answer.status {
                            200 if answer.text().contains("wrapped-secret") => opened.fetch_add(1, Ordering::SeqCst),
                            400 | 403 => 0,
                            other => panic!("{other}: {}", answer.text()),
                        }
                    });
                }
            });
            assert_eq!(opened.into_inner(), 1);
            unwrap(&server.root(), &token).is(400);
        }
    }
}

#[test]
fn a_wrapping_token_is_good_for_nothing_else() {
    let server = Server::dev();
    server.root().post("secret/data/a", json!({"data": {"k": "wrapped-secret"}})).ok();
    let wrapped = wrap(&server, "5m").ok();
    assert!(!wrapped.text().contains("wrapped-secret"), "{}", wrapped.text());
    let token = wrapped.at("/wrap_info/token");
    // Looking it up tells where it comes from and no more, and does not use it up.
    for _ in 0..3 {
        let looked = server.nobody().post("sys/wrapping/lookup", json!({"token": token})).ok();
        let data = looked.data();
        let mut names: Vec<&String> = data.as_object().unwrap().keys().collect();
        names.sort();
        assert_eq!(names, ["creation_path", "creation_time", "creation_ttl"]);
        assert_eq!(data["creation_path"], json!("secret/data/a"));
    }
    for (what, wrong) in
        [("a plain token", server.make_token(json!({"policies": ["default"]}))), ("nothing", "s.none".into())]
    {
        assert_eq!(unwrap(&server.root(), &wrong).status, 400, "{what}");
        server.root().post("sys/wrapping/rewrap", json!({"token": wrong})).is(400);
        server.nobody().post("sys/wrapping/lookup", json!({"token": wrong})).one_of(&[400, 403]);
    }
    server.nobody().post("sys/wrapping/unwrap", json!({"token": token})).is(403);
    // The control: it is still whole.
    assert!(unwrap(&server.root(), &token).ok().text().contains("wrapped-secret"));
    // As a token it opens no path, and the attempt uses it up.
    let token = wrap(&server, "5m").ok().at("/wrap_info/token");
    for path in ["secret/data/a", "sys/mounts", "auth/token/lookup-self"] {
        server.with(&token).get(path).is(403);
    }
    unwrap(&server.root(), &token).is(400);
}

#[test]
fn rewrapping_ends_the_old_token() {
    let server = Server::dev();
    server.root().post("secret/data/a", json!({"data": {"k": "wrapped-secret"}})).ok();
    let first = wrap(&server, "5m").ok().at("/wrap_info/token");
    let second = server.root().post("sys/wrapping/rewrap", json!({"token": first})).ok().at("/wrap_info/token");
    unwrap(&server.root(), &first).is(400);
    server.nobody().post("sys/wrapping/lookup", json!({"token": first})).is(400);
    assert!(unwrap(&server.root(), &second).ok().text().contains("wrapped-secret"));
}

#[test]
fn odd_wrapping_times_never_give_the_answer_in_clear() {
    let server = Server::dev();
    server.root().post("secret/data/a", json!({"data": {"k": "wrapped-secret"}})).ok();
    for ttl in ["-1", "-5s", "1e9", "9223372036854775807", "99999999h", "x", "1h1h", "1.5", "%", "0x10"] {
        let answer = wrap(&server, ttl);
        assert!(!answer.text().contains("wrapped-secret"), "{ttl}: {}", answer.text());
        if answer.status != 400 {
            let seconds = answer.ok().json()["wrap_info"]["ttl"].as_u64().unwrap();
            assert!((1..=768 * 3600).contains(&seconds), "{ttl}: {seconds}");
        }
    }
    // Zero asks for no wrapping, as in Vault. The control: a time wraps.
    assert!(wrap(&server, "0").ok().text().contains("wrapped-secret"));
    assert_eq!(wrap(&server, "90").ok().json()["wrap_info"]["ttl"], json!(90));
}

#[test]
fn a_wrapped_answer_dies_with_its_time() {
    let server = Server::dev();
    server.root().post("secret/data/a", json!({"data": {"k": "wrapped-secret"}})).ok();
    let token = wrap(&server, "1s").ok().at("/wrap_info/token");
    std::thread::sleep(std::time::Duration::from_millis(1300));
    unwrap(&server.root(), &token).is(400);
    server.nobody().post("sys/wrapping/lookup", json!({"token": token})).is(400);
}
