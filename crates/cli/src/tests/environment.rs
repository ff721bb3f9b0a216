//! What the environment says, and who wins.
use super::stand_in::{Program, StandIn};
use crate::Environment;

#[test]
fn our_name_goes_before_theirs() {
    let env = |pairs: &[(&str, &str)]| pairs.iter().copied().collect::<Environment>();
    let all = [("KEYWRIGHT_ADDR", "k"), ("BAO_ADDR", "b"), ("VAULT_ADDR", "v")];
    assert_eq!(env(&all).own("ADDR"), Some("k"));
    assert_eq!(env(&all[1..]).own("ADDR"), Some("b"));
    assert_eq!(env(&all[2..]).own("ADDR"), Some("v"));
    assert_eq!(env(&[("KEYWRIGHT_ADDR", ""), ("VAULT_ADDR", "v")]).own("ADDR"), Some("v"));
    assert_eq!(env(&[]).own("ADDR"), None);
}

#[test]
fn a_flag_goes_before_the_environment() {
    let server = StandIn::start(&[("GET /v1/a", 200, r#"{"data":{"x":"1"}}"#)]);
    let program = Program::new(&server).env("VAULT_FORMAT", "json").env("VAULT_NAMESPACE", "of/env");
    assert!(program.run("read a").out.starts_with('{'));
    assert_eq!(server.last().header("x-vault-namespace"), Some("of/env/"));
    assert!(program.run("read -format=table -ns=of/flag/ a").out.starts_with("Key"));
    assert_eq!(server.last().header("x-vault-namespace"), Some("of/flag/"));
    let wrong = program.env("KEYWRIGHT_ADDR", "http://127.0.0.1:1");
    assert_eq!(wrong.run("read a").code, 2);
    assert_eq!(wrong.run(&format!("read -address={} a", server.address)).code, 0);
}

#[test]
fn everything_reaches_the_request() {
    let server = StandIn::start(&[("PUT /v1/a", 204, "")]);
    let program = Program::new(&server).env("BAO_TOKEN", "s.bao").env("VAULT_MFA", "m:1");
    let outcome = program.run("write -wrap-ttl=90s -header=X-One=1 -policy-override -f a");
    assert_eq!(outcome.code, 0, "{outcome:?}");
    let asked = server.last();
    for (name, want) in [
        ("x-vault-token", "s.bao"),
        ("x-vault-request", "true"),
        ("x-vault-wrap-ttl", "90s"),
        ("x-vault-mfa", "m:1"),
        ("x-one", "1"),
        ("x-vault-policy-override", "true"),
    ] {
        assert_eq!(asked.header(name), Some(want), "{name}");
    }
    assert_eq!(program.run("write -header=X-Vault-Token=x -f a").code, 1);
}

#[test]
fn repetitions_are_asked_for() {
    let server = StandIn::start(&[("GET /v1/a", 500, r#"{"errors":["no"]}"#)]);
    assert_eq!(Program::new(&server).run("read a").code, 2);
    assert_eq!(server.asked().len(), 1);
    for (name, value) in [("VAULT_MAX_RETRIES", "many"), ("VAULT_CLIENT_TIMEOUT", "long")] {
        let outcome = Program::new(&server).env(name, value).run("read a");
        assert_eq!(outcome.code, 1);
        assert!(outcome.err.contains(name) && !outcome.err.contains(value), "{}", outcome.err);
    }
}

#[test]
fn a_file_that_is_missing_is_told_for_people() {
    let program = Program::alone().env("VAULT_ADDR", "https://127.0.0.1:1").env("VAULT_CACERT", "/no/such/ca.pem");
    for (words, code) in [("read a", 2), ("status", 1)] {
        let outcome = program.run(words);
        assert_eq!((outcome.code, outcome.err.contains("No such file or directory; check the path")), (code, true));
    }
}

#[test]
fn the_name_of_the_program_decides_how_it_speaks() {
    let mut program = Program::alone();
    let version = |program: &Program, words: &str| program.run(words).out;
    for words in ["version", "-version", "--version", "-v"] {
        assert!(version(&program, words).starts_with("Keywright v"), "{words}");
    }
    program.name = "/usr/local/bin/vault";
    assert!(version(&program, "version").starts_with("Vault v1.18.5 (Keywright "));
    program.name = "bao";
    assert!(version(&program, "version").starts_with("OpenBao v2."));
    assert!(program.run("nosuch").err.starts_with("Usage: bao <command>"));
}
