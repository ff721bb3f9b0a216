//! Tokens: what a child may have, how long one lives, what goes when its parent goes.
use crate::support::{Caller, Server, Setup};
use serde_json::{Value, json};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

const MAY_CREATE: &str = "path \"auth/token/create\" { capabilities = [\"create\", \"update\"] }
path \"auth/token/create/*\" { capabilities = [\"create\", \"update\"] }";

fn lives(caller: &Caller) -> bool {
    caller.get("auth/token/lookup-self").status == 200
}

/// child token escalation
#[test]
fn a_child_has_nothing_that_its_parent_has_not() {
    let server = Server::dev();
    server.policy("mk", MAY_CREATE);
    server.policy("other", "path \"*\" { capabilities = [\"read\"] }");
    let parent = server.holder_of(&["mk"]);
    for body in [
        json!({"policies": ["root"]}),
        json!({"policies": ["ROOT"]}),
        json!({"policies": [" root "]}),
        json!({"policies": "mk,root"}),
        json!({"policies": ["other"]}),
        json!({"policies": ["Other"]}),
        json!({"policies": ["mk", "other"]}),
        json!({"id": "chosen-text"}),
        json!({"no_parent": true}),
        json!({"period": "1h"}),
        json!({"entity_alias": "someone"}),
        json!({"num_uses": -1}),
        json!({"type": "other"}),
    ] {
        let answer = parent.post("auth/token/create", body.clone());
        assert_eq!(answer.status, 400, "{body}: {}", answer.text());
    }
    // A role that would let root in by a glob does not.
    let role = json!({"allowed_policies_glob": "*", "token_policies": ["mk"]});
    server.root().post("auth/token/roles/wide", role).ok();
    for policies in ["root", "ROOT", " root"] {
        let answer = parent.post("auth/token/create/wide", json!({"policies": [policies]}));
        assert_eq!(answer.status, 400, "{policies:?}: {}", answer.text());
    }
    for policies in ["ROOT", "root", " root "] {
        server.root().post("auth/token/roles/bad", json!({"allowed_policies": [policies]}));
        let answer = parent.post("auth/token/create/bad", json!({}));
        let held = answer.json()["auth"]["policies"].to_string().to_lowercase();
        assert!(answer.status == 400 || !held.contains("root"), "{policies:?}: {held}");
    }
    // The control: its own policies it may hand on.
    let child = parent.post("auth/token/create", json!({"policies": ["mk"], "no_default_policy": true})).ok();
    assert_eq!(child.json()["auth"]["policies"], json!(["mk"]));
}

/// TTL arithmetic
#[test]
fn no_spelling_of_a_time_makes_a_token_endless() {
    let server = Server::dev();
    let month = 768 * 3600;
    for ttl in [
        json!(-5),
        json!("-5s"),
        json!(i64::MAX),
        json!("9223372036854775807"),
        json!("9223372037s"),
        json!("99999999h"),
        json!("106751991168d"),
        json!("1h1h"),
        json!("1e400"),
        json!("1e9"),
        json!(1.5),
        json!(""),
        json!("h"),
        json!("0x10"),
        json!("0s"),
        json!(0),
        json!("NaN"),
        json!("inf"),
        json!([1]),
        json!({"a": 1}),
        json!(true),
    ] {
        for name in ["ttl", "explicit_max_ttl", "period"] {
            let mut body = json!({"policies": ["default"]});
            body[name] = ttl.clone();
            let answer = server.root().post("auth/token/create", body.clone());
            if answer.status == 400 {
                continue;
            }
            let answer = answer.ok();
            let seconds = answer.json()["auth"]["lease_duration"].as_u64().unwrap();
            assert!((1..=month).contains(&seconds), "{body}: {seconds}");
            let found = server.with(&answer.client_token()).get("auth/token/lookup-self").ok().data();
            assert!(found["expire_time"].is_string(), "{body}: {found}");
        }
    }
    server.root().post("auth/token/create", json!({"num_uses": -1})).is(400);
    let raw = server.root().raw("POST", "auth/token/create", br#"{"ttl": 1e400}"#);
    assert_eq!(raw.status, 400, "{}", raw.text());
    // The control.
    let answer = server.root().post("auth/token/create", json!({"ttl": "90m", "policies": ["default"]})).ok();
    assert_eq!(answer.json()["auth"]["lease_duration"], json!(5400));
}

/// No renewal goes beyond what was set when the token was made.
#[test]
fn renewing_stays_within_the_bounds() {
    let server = Server::dev();
    let bounded = server.make_token(json!({"policies": ["default"], "ttl": "10m", "explicit_max_ttl": "20m"}));
    let renewed = server.with(&bounded).post("auth/token/renew-self", json!({"increment": "9999h"})).ok().json();
    assert!(renewed["auth"]["lease_duration"].as_u64().is_some_and(|s| s <= 1200), "{renewed}");
    for increment in [json!(-1), json!("-1h"), json!("1h1h"), json!(1e300)] {
        let answer = server.with(&bounded).post("auth/token/renew-self", json!({"increment": increment}));
        assert!(answer.status == 400 || answer.json()["auth"]["lease_duration"].as_u64().is_some_and(|s| s <= 1200));
    }
    let fixed = server.make_token(json!({"policies": ["default"], "ttl": "10m", "renewable": false}));
    server.with(&fixed).post("auth/token/renew-self", json!({})).is(400);
    assert!(lives(&server.with(&fixed)));
}

/// revocation tree race
#[test]
fn no_child_outlives_the_answer_to_its_parents_revocation() {
    let server = Setup::dev().with_argument("-threads=2").start();
    server.policy("mk", MAY_CREATE);
    let mut all = 0;
    for round in 0..12 {
        let parent = server.make_token(json!({"policies": ["mk"], "ttl": "1h"}));
        let (caller, stop) = (server.with(&parent), AtomicBool::new(false));
        let children = Mutex::new(Vec::new());
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    while !stop.load(Ordering::SeqCst) {
                        let answer = caller.post("auth/token/create", json!({"policies": ["mk"]}));
                        if answer.status == 200 {
                            children.lock().unwrap().push(answer.client_token());
                        } else {
                            assert_eq!(answer.status, 403, "{}", answer.text());
                        }
                    }
                });
            }
            std::thread::sleep(Duration::from_millis(20 + round * 2));
            server.root().post("auth/token/revoke", json!({"token": parent})).ok();
            stop.store(true, Ordering::SeqCst);
        });
        let children = children.into_inner().unwrap();
        all += children.len();
        for child in &children {
            assert!(!lives(&server.with(child)), "a child is alive after its parent was revoked");
            server.with(child).post("auth/token/create", json!({"policies": ["mk"]})).is(403);
        }
    }
    assert!(all > 12, "only {all} children were made");
    // The control: without a revocation a child lives, and an orphan lives beyond it.
    let parent = server.make_token(json!({"policies": ["mk"], "ttl": "1h"}));
    let child = server.with(&parent).post("auth/token/create", json!({"policies": ["mk"]})).ok().client_token();
    assert!(lives(&server.with(&child)));
    let orphan = server.make_token(json!({"policies": ["default"], "no_parent": true, "ttl": "1h"}));
    server.root().post("auth/token/revoke", json!({"token": parent})).ok();
    assert!(!lives(&server.with(&child)) && lives(&server.with(&orphan)));
}

/// A token that is revoked is refused at once, by every event loop, and so are its grandchildren.
#[test]
fn a_revoked_token_is_refused_at_once_by_every_event_loop() {
    let server = Setup::dev().with_argument("-threads=2").start();
    server.policy("mk", MAY_CREATE);
    for _ in 0..40 {
        let token = server.make_token(json!({"policies": ["mk", "default"], "ttl": "1h"}));
        let child = server.with(&token).post("auth/token/create", json!({})).ok().client_token();
        let grandchild = server.with(&child).post("auth/token/create", json!({})).ok().client_token();
        for caller in [&token, &child, &grandchild] {
            assert!((0..4).all(|_| lives(&server.with(caller))), "the control: it is cached as valid");
        }
        server.root().post("auth/token/revoke", json!({"token": token})).ok();
        for caller in [&token, &child, &grandchild] {
            assert!((0..4).all(|_| !lives(&server.with(caller))));
        }
    }
}

/// A token of n uses is good for n requests, however they come.
#[test]
fn uses_are_counted_exactly_over_two_event_loops() {
    let server = Setup::dev().with_argument("-threads=2").start();
    for uses in [1, 2, 5, 9] {
        let token = server.make_token(json!({"policies": ["default"], "num_uses": uses, "ttl": "1h"}));
        let (caller, good) = (server.with(&token), AtomicU32::new(0));
        std::thread::scope(|scope| {
            for _ in 0..24 {
                scope.spawn(|| match caller.get("auth/token/lookup-self").status {
                    200 => good.fetch_add(1, Ordering::SeqCst),
                    403 => 0,
                    other => panic!("{other}"),
                });
            }
        });
        assert_eq!(good.into_inner(), uses);
        let listed = server.root().post("auth/token/lookup", json!({"token": token}));
        assert!(matches!(listed.status, 403 | 404), "a spent token is still there: {}", listed.text());
    }
    // A request that is refused is a use too, and one with a bad body as well.
    let token = server.make_token(json!({"policies": ["default"], "num_uses": 2, "ttl": "1h"}));
    server.with(&token).get("sys/mounts").is(403);
    server.with(&token).get("sys/mounts").is(403);
    server.with(&token).get("auth/token/lookup-self").is(403);
}

/// A batch token has no row: what it may do is in its text, which nobody else can make or change.
#[test]
fn batch_tokens_are_sealed_and_bounded() {
    let setup = Setup::embedded();
    let server = setup.open();
    server.policy("mk", MAY_CREATE);
    let parent = server.make_token(json!({"policies": ["mk", "default"], "ttl": "1h"}));
    let body = json!({"type": "batch", "policies": ["default"], "ttl": "10m"});
    let batch = server.with(&parent).post("auth/token/create", body.clone()).ok().client_token();
    assert!(batch.starts_with("b.") && lives(&server.with(&batch)));
    let mut characters: Vec<char> = batch.chars().collect();
    for at in [2, 10, characters.len() / 2, characters.len() - 1] {
        let kept = characters[at];
        characters[at] = if kept == 'A' { 'B' } else { 'A' };
        let changed: String = characters.iter().collect();
        assert!(!lives(&server.with(&changed)), "changed at {at}");
        characters[at] = kept;
    }
    for cut in [&batch[..batch.len() - 4], "b.", "b.AAAA", &format!("{batch}AAAA")] {
        assert!(!lives(&server.with(cut)), "{cut}");
    }
    // It makes no children, is not renewed and holds nothing of its own.
    server.with(&batch).post("auth/token/create", json!({})).one_of(&[400, 403]);
    server.with(&batch).post("auth/token/renew-self", json!({})).is(400);
    server.with(&batch).post("auth/token/revoke-self", json!({})).one_of(&[400, 403]);
    for bad in [json!({"num_uses": 2}), json!({"policies": ["root"]}), json!({"period": "1h"})] {
        let mut body = body.clone();
        body.as_object_mut().unwrap().extend(bad.as_object().unwrap().clone());
        let answer = server.root().post("auth/token/create", body);
        assert_eq!(answer.status, 400, "{bad}: {}", answer.text());
    }
    // Another server's key does not open it; it dies with its parent, and by its time.
    let other = Setup::embedded().open();
    assert!(!lives(&other.with(&batch)));
    server.root().post("auth/token/revoke", json!({"token": parent})).ok();
    assert!(!lives(&server.with(&batch)));
    let short =
        server.root().post("auth/token/create", json!({"type": "batch", "policies": ["default"], "ttl": "1s"})).ok();
    let short = short.client_token();
    assert!(lives(&server.with(&short)));
    std::thread::sleep(Duration::from_millis(1200));
    assert!(!lives(&server.with(&short)));
    // After a restart one that is not over is as good as before.
    let long = server.make_token(json!({"type": "batch", "policies": ["default"], "ttl": "1h", "no_parent": true}));
    let keys = server.keys.clone();
    server.kill();
    assert!(lives(&setup.reopen(&keys).with(&long)));
}

/// cubbyhole isolation
#[test]
fn a_cubbyhole_is_its_tokens_alone() {
    let server = Server::dev();
    let token = || server.make_token(json!({"policies": ["default"], "ttl": "1h"}));
    let (a, b) = (token(), token());
    server.with(&a).post("cubbyhole/x/y", json!({"k": "of a"})).ok();
    for other in [server.with(&b), server.root()] {
        other.get("cubbyhole/x/y").is(404);
        other.list("cubbyhole/").is(404);
        other.list("cubbyhole/x").is(404);
        other.delete("cubbyhole/x/y").ok();
    }
    server.nobody().get("cubbyhole/x/y").is(403);
    let elsewhere = server.with(&a).header("X-Vault-Namespace", "ns1");
    elsewhere.get("cubbyhole/x/y").one_of(&[403, 404]);
    // Dot segments and identifiers lead to nobody else's.
    for path in ["cubbyhole/../x/y", "cubbyhole/%2e%2e/x/y", "cubbyhole/..%2f..%2fx"] {
        let answer = server.with(&b).get(path);
        assert!(answer.status >= 300 && !answer.text().contains("of a"), "{path}: {}", answer.text());
    }
    // The control, and its end: what is made with the same text of a token later does not see it.
    assert_eq!(server.with(&a).get("cubbyhole/x/y").ok().data()["k"], json!("of a"));
    server.root().post("auth/token/revoke", json!({"token": a})).ok();
    server.with(&a).get("cubbyhole/x/y").is(403);
    let chosen = json!({"id": "chosen-text", "policies": ["default"], "ttl": "1h"});
    let first = server.make_token(chosen.clone());
    server.with(&first).post("cubbyhole/z", json!({"k": "of the first"})).ok();
    server.root().post("auth/token/revoke", json!({"token": first})).ok();
    let second = server.make_token(chosen);
    server.with(&second).get("cubbyhole/z").is(404);
}

/// Accessors name tokens without being them.
#[test]
fn an_accessor_opens_nothing() {
    let server = Server::dev();
    let answer = server.root().post("auth/token/create", json!({"policies": ["default"], "ttl": "1h"})).ok();
    let (token, accessor) = (answer.client_token(), answer.at("/auth/accessor"));
    assert!(!lives(&server.with(&accessor)) && !lives(&server.with(&format!("s.{accessor}"))));
    let found = server.root().post("auth/token/lookup-accessor", json!({"accessor": accessor})).ok();
    assert!(!found.text().contains(&token), "{}", found.text());
    assert_eq!(found.data()["id"], Value::String(String::new()));
    assert!(lives(&server.with(&token)));
}
