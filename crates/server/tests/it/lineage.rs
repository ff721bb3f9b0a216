//! No token outlives one that it comes from: whoever makes children while a token is revoked has none that live.
use crate::support::{Caller, Server, Setup};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How many make children at the same time.
const MAKERS: usize = 6;

fn child() -> Value {
    json!({"policies": ["root"], "ttl": "1h"})
}

/// Children of `by`, and of the youngest of them, until one is refused or it is over.
fn make(nobody: &Caller, by: &str, is_over: &AtomicBool) -> Vec<String> {
    let (mut made, mut by) = (Vec::new(), by.to_owned());
    while !is_over.load(Ordering::SeqCst) {
        let answer = nobody.token(&by).post("auth/token/create", child());
        if answer.status != 200 {
            break;
        }
        let token = answer.client_token();
        if made.len() % 3 == 0 {
            by.clone_from(&token);
        }
        made.push(token);
    }
    made
}

fn lives(server: &Server, token: &str) -> bool {
    server.with(token).get("auth/token/lookup-self").status == 200
}

#[test]
fn no_child_outlives_a_parent_that_is_revoked_while_it_is_made() {
    let server = Setup::embedded().open();
    let root = server.root();
    for round in 0..10 {
        let top = server.make_token(child());
        let is_over = AtomicBool::new(false);
        let nobody = server.nobody();
        let made = std::thread::scope(|scope| {
            let makers: Vec<_> = (0..MAKERS).map(|_| scope.spawn(|| make(&nobody, &top, &is_over))).collect();
            std::thread::sleep(Duration::from_millis(20 + round * 17));
            root.post("auth/token/revoke", json!({"token": top})).ok();
            // What was refused from this instant on stays refused; the makers may have one more under way.
            assert!(!lives(&server, &top));
            is_over.store(true, Ordering::SeqCst);
            makers.into_iter().flat_map(|maker| maker.join().unwrap()).collect::<Vec<_>>()
        });
        assert!(!made.is_empty(), "round {round}: nobody made anything");
        for token in &made {
            assert!(!lives(&server, token), "round {round}");
        }
    }
    let since = Instant::now();
    while tokens(&root) > 1 {
        assert!(since.elapsed() < Duration::from_secs(60), "{} tokens are left", tokens(&root));
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn tokens(root: &Caller) -> usize {
    root.list("auth/token/accessors").ok().data()["keys"].as_array().map_or(0, Vec::len)
}

#[test]
fn a_restart_goes_on_with_a_revocation_that_was_begun() {
    let setup = Setup::embedded();
    let server = setup.open();
    let keys = server.keys.clone();
    let top = server.make_token(child());
    let by = server.with(&top);
    let children: Vec<String> = (0..150).map(|_| by.post("auth/token/create", child()).ok().client_token()).collect();
    server.root().post("auth/token/revoke", json!({"token": top})).ok();
    server.kill();
    let server = setup.reopen(&keys);
    assert!(children.iter().step_by(10).all(|token| !lives(&server, token)));
    let since = Instant::now();
    while tokens(&server.root()) > 1 {
        assert!(since.elapsed() < Duration::from_secs(60), "{} tokens are left", tokens(&server.root()));
        std::thread::sleep(Duration::from_millis(100));
    }
}
