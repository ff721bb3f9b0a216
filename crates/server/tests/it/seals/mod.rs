//! A store that is opened by seals: each kind, several together, moving between them, and what happens when one is lost.
mod hsm;
mod moves;
mod rollback;
mod stand_in;
mod transit;

use crate::support::{Answer, Keys, Server, Setup};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// Longer than the longest pause between two tries of a server that has just begun to try.
const OPENING_TIME: Duration = Duration::from_secs(20);

/// A server with these seal blocks, initialised and open; its keys are recovery shares, 2 of 3.
fn initialised(setup: &Setup) -> Server {
    let mut server = setup.start();
    let body = json!({"recovery_shares": 3, "recovery_threshold": 2});
    let answer = server.nobody().post("sys/init", body).ok().json();
    server.keys = Keys {
        shares: texts(&answer["recovery_keys_base64"]),
        root: answer["root_token"].as_str().unwrap().to_owned(),
    };
    assert!(answer["keys"].as_array().unwrap().is_empty());
    assert!(!server.is_sealed(), "{}", server.log());
    server.mount("kv", json!({"type": "kv"}));
    server.root().post("kv/a", json!({"x": 1})).ok();
    server
}

/// Starts the server anew on its data; whether it is open is another question.
fn restarted(setup: &Setup, server: Server) -> Server {
    let keys = server.keys.clone();
    server.stop();
    started(setup, &keys)
}

fn started(setup: &Setup, keys: &Keys) -> Server {
    let mut server = setup.start();
    server.keys = keys.clone();
    server
}

fn texts(list: &Value) -> Vec<String> {
    list.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
}

/// Waits until the server is open and has its data.
fn opens(server: &Server) {
    let since = Instant::now();
    while server.is_sealed() {
        assert!(since.elapsed() < OPENING_TIME, "it stays sealed: {}\n{}", status(server), server.log());
        std::thread::sleep(Duration::from_millis(50));
    }
    let found = server.root().get("kv/a");
    assert_eq!(found.status, 200, "{:?}\n{}", found.json(), server.log());
    assert_eq!(found.json()["data"]["x"], json!(1));
}

fn status(server: &Server) -> Value {
    server.nobody().get("sys/seal-status").ok().json()
}

/// Waits until the server says why it does not open.
fn stays_sealed(server: &Server, because: &str) {
    let since = Instant::now();
    loop {
        let status = status(server);
        let why = status["sealed_because"].as_str().unwrap_or_default();
        if status["sealed"] == json!(true) && why.contains(because) {
            break;
        }
        assert!(since.elapsed() < OPENING_TIME, "not sealed because of {because:?}: {status}");
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(server.nobody().get("sys/health").status, 503);
}

/// Gives shares with these further parameters, until the answer says that it is open or refuses.
fn give(server: &Server, shares: &[String], with: &str) -> Answer {
    let mut last = None;
    for share in shares {
        let mut body = json!({"key": share});
        if !with.is_empty() {
            body[with] = json!(true);
        }
        let answer = server.nobody().post("sys/unseal", body);
        let done = answer.status != 200 || answer.json()["sealed"] == json!(false);
        last = Some(answer);
        if done {
            break;
        }
    }
    last.unwrap()
}

/// Whether these shares open the store, as the drill has it.
fn drill(server: &Server, shares: &[String]) -> Answer {
    let mut last = None;
    for share in shares {
        last = Some(server.root().post("sys/seal/drill", json!({"key": share})));
    }
    last.unwrap()
}

/// A static seal under this name, with a key of its own in the setup's folder.
fn static_seal(setup: &Setup, name: &str, more: &str) -> String {
    let path = setup.path(&format!("{name}.key"));
    if !path.exists() {
        std::fs::write(&path, name.repeat(32).get(..32).unwrap()).unwrap();
    }
    format!(
        "seal \"static\" \"{name}\" {{\n  current_key_id = \"{name}\"\n  current_key = \"file://{}\"\n  {more}\n}}",
        path.display()
    )
}

#[test]
fn a_static_key_opens_the_store_and_recovery_shares_do_without_it() {
    let setup = Setup::embedded();
    let with_seal = setup.clone().with_top(&static_seal(&setup, "one", ""));
    let server = initialised(&with_seal);
    let shown = status(&server);
    assert_eq!((&shown["type"], &shown["recovery_seal"]), (&json!("static"), &json!(true)));
    assert_eq!((&shown["t"], &shown["n"]), (&json!(2), &json!(3)));
    let server = restarted(&with_seal, server);
    opens(&server);
    // The drill proves the shares, and changes nothing.
    let shares = server.keys.shares.clone();
    let answer = drill(&server, &shares[1..]).ok().json();
    assert_eq!((&answer["complete"], &answer["opens_store"]), (&json!(true), &json!(true)));
    assert_eq!(drill(&server, &[shares[0].clone(), "00".repeat(33)]).status, 400);
    assert_eq!(server.nobody().post("sys/seal/drill", json!({"key": shares[0]})).status, 403);
    // Shares are no way in while the seal works.
    let server = restarted(&with_seal, server);
    opens(&server);
    server.root().post("sys/seal", json!({})).ok();
    assert!(server.is_sealed());
    std::thread::sleep(Duration::from_millis(1500));
    assert!(server.is_sealed(), "sealed by request, it opened by itself");
    assert_eq!(give(&server, &shares, "").status, 400);
    server.nobody().post("sys/unseal", json!({})).ok();
    opens(&server);
    // The key is lost.
    std::fs::write(setup.path("one.key"), "x".repeat(32)).unwrap();
    let server = restarted(&with_seal, server);
    stays_sealed(&server, "seal \"one\"");
    assert_eq!(give(&server, &["00".repeat(33), "11".repeat(33)], "recovery").status, 400);
    assert_eq!(give(&server, &shares[..2], "recovery").ok().json()["sealed"], json!(false));
    opens(&server);
}

#[test]
fn recovery_shares_that_are_not_to_open_the_store_speak_for_their_holders_alone() {
    let setup = Setup::embedded();
    let setup = setup.clone().with_top(&static_seal(&setup, "one", ""));
    let mut server = setup.start();
    let refused = server.nobody().post("sys/init", json!({"secret_shares": 1, "secret_threshold": 1}));
    assert_eq!(refused.status, 400);
    let body = json!({"recovery_shares": 1, "recovery_threshold": 1, "recovery_opens_store": false});
    let made = server.nobody().post("sys/init", body).ok().json();
    let shares = texts(&made["recovery_keys"]);
    server.keys = Keys { shares: shares.clone(), root: made["root_token"].as_str().unwrap().to_owned() };
    assert_eq!(drill(&server, &shares).ok().json()["opens_store"], json!(false));
    let begun = server.nobody().post("sys/generate-root/attempt", json!({})).ok().json();
    let body = json!({"key": shares[0], "nonce": begun["nonce"]});
    assert_eq!(server.nobody().post("sys/generate-root/update", body).ok().json()["complete"], json!(true));
    std::fs::write(setup.path("one.key"), "x".repeat(32)).unwrap();
    let server = restarted(&setup, server);
    stays_sealed(&server, "seal \"one\"");
    assert_eq!(give(&server, &shares, "recovery").status, 400);
}

#[test]
fn rekeyed_recovery_shares_take_the_place_of_the_old_ones() {
    let setup = Setup::embedded();
    let setup = setup.clone().with_top(&static_seal(&setup, "one", ""));
    let server = initialised(&setup);
    let old = server.keys.shares.clone();
    assert_eq!(server.nobody().post("sys/rekey/init", json!({"secret_shares": 1, "secret_threshold": 1})).status, 400);
    let body = json!({"secret_shares": 2, "secret_threshold": 2});
    let nonce = server.nobody().post("sys/rekey-recovery-key/init", body).ok().json()["nonce"].clone();
    let mut new = Vec::new();
    for share in &old[..2] {
        let body = json!({"key": share, "nonce": nonce});
        let answer = server.nobody().post("sys/rekey-recovery-key/update", body).ok().json();
        if answer["complete"] == json!(true) {
            new = texts(&answer["keys"]);
        }
    }
    assert_eq!(drill(&server, &old[..2]).status, 400);
    assert_eq!(drill(&server, &new).ok().json()["opens_store"], json!(true));
    let server = restarted(&setup, server);
    opens(&server);
    std::fs::write(setup.path("one.key"), "x".repeat(32)).unwrap();
    let server = restarted(&setup, server);
    stays_sealed(&server, "seal \"one\"");
    assert_eq!(give(&server, &old[..2], "recovery").status, 400);
    assert_eq!(give(&server, &new, "recovery").status, 200);
    opens(&server);
}
