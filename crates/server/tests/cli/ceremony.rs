//! The life of a production server as its operators see it: TLS, key shares, snapshots.
use crate::shell::{Said, Shell};
use crate::support::{Server, Setup};
use crate::tls::secured;
use serde_json::Value;

/// Initialises with three shares of which two are needed; gives the shares and someone with the root token.
fn init(sh: &Shell) -> (Vec<String>, Shell) {
    sh.run("operator init -status").is(2).says(&["Vault is not initialized"]);
    let made = sh.ok("operator init -key-shares=3 -key-threshold=2");
    let made = made.says(&["Unseal Key 1: ", "Unseal Key 3: ", "3 key shares and a key threshold of 2"]);
    let root = after(&made, "Initial Root Token: ");
    (shares(&made, "Unseal Key"), sh.with("VAULT_TOKEN", &root))
}

fn after(said: &Said, label: &str) -> String {
    let found = said.out.lines().find_map(|l| l.strip_prefix(label));
    found.unwrap_or_else(|| panic!("no {label:?} in {said:#?}")).trim().to_owned()
}

fn shares(said: &Said, label: &str) -> Vec<String> {
    (1..=3).map(|n| after(said, &format!("{label} {n}: "))).collect()
}

fn unseal(sh: &Shell, shares: &[String]) {
    sh.ok(&format!("operator unseal {}", shares[0])).says(&["Unseal Progress    1/2"]);
    sh.input(&format!("{}\n", shares[2])).ok("operator unseal -").says(&["Sealed          false"]);
}

fn opened() -> (Setup, Server, Shell, Vec<String>) {
    let (setup, server, sh) = secured();
    let (shares, root) = init(&sh);
    unseal(&root, &shares);
    (setup, server, root, shares)
}

#[test]
fn init_unseal_seal() {
    let (_setup, _server, sh) = secured();
    sh.run("operator init -key-shares=1 -key-threshold=2").is(2).complains(&["threshold cannot be larger than shares"]);
    sh.run("operator init -key-shares=many").is(1);
    sh.run("operator unseal 00").is(2).complains(&["Code: 400"]);
    sh.run("login s.x").is(2).complains(&["sealed"]);
    let (shares, root) = init(&sh);
    sh.ok("operator init -status").says(&["Vault is initialized"]);
    sh.run("operator init").is(2).complains(&["Vault is already initialized"]);
    root.run("kv get secret/a").is(2).complains(&["The server is sealed: run `vault operator unseal`"]);
    sh.ok(&format!("operator unseal {}", shares[1]));
    sh.ok("operator unseal -reset").says(&["Unseal Progress    0/2"]);
    sh.run("operator unseal nonsense").is(2).complains(&["'key' must be a valid hex or base64 string"]);
    sh.run("operator unseal").is(1).complains(&["Unseal Key is missing"]);
    unseal(&sh, &shares);
    assert_eq!(sh.value("status -field=sealed"), "false");
    root.ok("secrets enable -path=secret kv-v2");
    root.ok("kv put secret/a x=1");
    sh.run("operator seal").is(2).complains(&["Code: 403"]);
    root.ok("operator seal").says(&["Success! Vault is sealed."]);
    sh.run("status").is(2).says(&["Sealed             true"]);
    let json = sh.run("status -format=json").is(2).json();
    assert_eq!((json["sealed"].clone(), json["t"].clone()), (Value::from(true), Value::from(2)));
    unseal(&sh, &shares);
    assert_eq!(root.value("kv get -field=x secret/a"), "1");
}

#[test]
fn init_for_programs() {
    let (_setup, _server, sh) = secured();
    let made = sh.json("operator init -key-shares=1 -key-threshold=1 -format=json");
    for name in ["unseal_keys_b64", "unseal_keys_hex"] {
        assert_eq!(made[name].as_array().map(Vec::len), Some(1), "{made}");
    }
    let key = made["unseal_keys_hex"][0].as_str().unwrap();
    assert_eq!(sh.json(&format!("operator unseal -format=json {key}"))["sealed"], false);
    sh.with("VAULT_TOKEN", made["root_token"].as_str().unwrap()).ok("token lookup");
}

#[test]
fn a_new_root_token_from_shares() {
    let (_setup, _server, root, shares) = opened();
    let sh = root.with("VAULT_TOKEN", "");
    assert_eq!(sh.ok("operator generate-root -status").row("Started"), "false");
    sh.run(&format!("operator generate-root -nonce=x {}", shares[0]))
        .is(1)
        .complains(&["No root generation is in progress"]);
    sh.ok("operator generate-root -init").says(&["OTP Length"]);
    sh.run("operator generate-root -init").is(2).complains(&["already in progress"]);
    sh.ok("operator generate-root -cancel");
    // With a password of the server's making, of one's own, and of the length that other servers' tokens have.
    let own = sh.value("operator generate-root -generate-otp");
    for otp in [None, Some(own), Some("ygs0vL8GIxu0AjRVEmJ5jLCVq8".to_owned())] {
        let begun = match &otp {
            None => sh.json("operator generate-root -init -format=json"),
            Some(otp) => sh.json(&format!("operator generate-root -init -otp={otp} -format=json")),
        };
        let nonce = begun["nonce"].as_str().unwrap();
        let otp = otp.unwrap_or_else(|| begun["otp"].as_str().unwrap().to_owned());
        sh.run(&format!("operator generate-root {}", shares[0])).is(1).complains(&["Missing nonce"]);
        sh.ok(&format!("operator generate-root -nonce={nonce} {}", shares[0])).says(&["Progress    1/2"]);
        let done = sh.input(&shares[1]).ok(&format!("operator generate-root -nonce={nonce} -"));
        assert_eq!(done.row("Complete"), "true");
        let token = sh.value(&format!("operator generate-root -decode={} -otp={otp}", done.row("Encoded Token")));
        assert_eq!(token.len(), otp.len());
        let made = sh.with("VAULT_TOKEN", &token);
        assert_eq!(made.ok("token lookup").row("policies"), "[root]");
        made.ok("token revoke -self");
        made.run("token lookup").is(2);
    }
    sh.run("operator generate-root -decode=AAAA -otp=short").is(1);
    sh.run("operator generate-root -decode=AAAA").is(1).complains(&["Missing otp"]);
    sh.run("operator generate-root -init -otp=tooshort").is(2).complains(&["OTP string has incorrect length"]);
}

#[test]
fn new_shares_from_old_ones() {
    let (_setup, _server, root, old) = opened();
    let sh = root.with("VAULT_TOKEN", "");
    assert_eq!(sh.ok("operator rekey -status").row("Started"), "false");
    let begun = sh.ok("operator rekey -init -key-shares=3 -key-threshold=2");
    let nonce = begun.row("Nonce");
    sh.ok("operator rekey -cancel");
    sh.run(&format!("operator rekey -nonce={nonce} {}", old[0])).is(1);
    let nonce = sh.ok("operator rekey -init -verify -key-shares=3 -key-threshold=2").row("Nonce");
    sh.ok(&format!("operator rekey -nonce={nonce} {}", old[0])).says(&["1/2"]);
    sh.run(&format!("operator rekey -nonce=wrong {}", old[1])).is(2);
    let done = sh.ok(&format!("operator rekey -nonce={nonce} {}", old[1]));
    let new = shares(&done, "Key");
    let verify = sh.json("operator rekey -verify -status -format=json")["nonce"].as_str().unwrap().to_owned();
    sh.ok(&format!("operator rekey -verify -nonce={verify} {}", new[0]));
    sh.ok(&format!("operator rekey -verify -nonce={verify} {}", new[1]));
    root.ok("operator seal");
    sh.ok(&format!("operator unseal {}", old[0]));
    sh.run(&format!("operator unseal {}", old[1])).is(2).complains(&["Code: 400"]);
    sh.ok("operator unseal -reset");
    unseal(&sh, &new);
    root.ok("token lookup");
}

#[test]
fn a_snapshot_brings_back_what_was() {
    let (_setup, _server, root, shares) = opened();
    root.ok("secrets enable -path=secret kv-v2");
    root.ok("kv put secret/a x=before");
    root.ok("operator raft snapshot save snap");
    root.ok("kv put secret/a x=after");
    root.with("VAULT_TOKEN", "").run("operator raft snapshot save stolen").is(2);
    assert!(!root.path("stolen").exists(), "a refused snapshot leaves no file");
    root.write_file("junk", "no snapshot");
    root.run("operator raft snapshot restore junk").is(2).complains(&["Code: 400"]);
    root.run("operator raft snapshot restore none").is(1);
    assert_eq!(root.value("kv get -field=x secret/a"), "after");
    let restored = root.ok("operator raft snapshot restore snap");
    restored.complains(&["The server is sealed since its data was replaced: run `vault operator unseal`"]);
    if root.run("status").code == 2 {
        unseal(&root, &shares);
    }
    assert_eq!(root.value("kv get -field=x secret/a"), "before");
}

#[test]
fn a_server_that_starts_again_is_sealed_and_has_everything() {
    let (setup, server, root, shares) = opened();
    root.ok("secrets enable -path=secret kv-v2");
    root.ok("kv put secret/a x=1");
    server.stop();
    let server = setup.start();
    let root = root.with("VAULT_ADDR", &format!("https://{}", server.address));
    root.run("status").is(2);
    unseal(&root, &shares);
    assert_eq!(root.value("kv get -field=x secret/a"), "1");
}
