//! Where tokens are kept.
use super::stand_in::{Outcome, Program, StandIn};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

const LOGIN: &str = r#"{"auth":{"client_token":"s.new","accessor":"acc","policies":["default"],"token_policies":["default"],"lease_duration":3600,"renewable":true,"metadata":{"username":"bob"}}}"#;

fn server() -> StandIn {
    StandIn::start(&[
        ("PUT /v1/auth/userpass/login/bob", 200, LOGIN),
        ("PUT /v1/auth/approle/login", 200, LOGIN),
        ("PUT /v1/auth/ci/login", 200, LOGIN),
        ("GET /v1/a", 200, r#"{"data":{"x":"1"}}"#),
        (
            "GET /v1/auth/token/lookup-self",
            200,
            r#"{"data":{"id":"s.given","accessor":"acc","policies":["root"],"ttl":0,"renewable":false}}"#,
        ),
    ])
}

fn program(server: &StandIn, home: &Path) -> Program {
    let mut program = Program::new(server).env("HOME", &home.display().to_string());
    program.env.retain(|(name, _)| name != "VAULT_TOKEN");
    program
}

fn login(program: &Program, words: &str) -> Outcome {
    let outcome = program.run(&format!("login {words}"));
    assert_eq!(outcome.code, 0, "{outcome:?}");
    outcome
}

#[test]
fn a_login_is_kept_for_its_owner_alone() {
    let (server, home) = (server(), tempfile::tempdir().unwrap());
    let file = home.path().join(".vault-token");
    std::fs::write(&file, "old").unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    let program = program(&server, home.path());
    login(&program, "-method=userpass username=bob password=pw");
    assert_eq!(server.last().body, r#"{"password":"pw"}"#);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "s.new");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 1, "nothing stays beside it");
    program.run("read a");
    assert_eq!(server.last().header("x-vault-token"), Some("s.new"));
    assert_eq!(program.run("print token").out, "s.new\n");
}

#[test]
fn a_login_can_stay_out_of_the_file() {
    let (server, home) = (server(), tempfile::tempdir().unwrap());
    let program = program(&server, home.path());
    assert_eq!(login(&program, "-method=approle -token-only role_id=r secret_id=s").out, "s.new");
    let shown = login(&program, "-method=approle -no-store role_id=r secret_id=s").out;
    assert!(shown.contains("was not stored") && shown.contains("token_meta_username    bob"), "{shown}");
    assert!(!home.path().join(".vault-token").exists());
    assert_eq!(login(&program, "-method=approle -no-print role_id=r secret_id=s").out, "");
    assert_eq!(login(&program, "-method=jwt -path=ci -field=token role=r jwt=j").out, "s.new");
    assert_eq!(server.last().body, r#"{"jwt":"j","role":"r"}"#);
}

#[test]
fn a_given_token_is_looked_up_first() {
    let (server, home) = (server(), tempfile::tempdir().unwrap());
    let program = program(&server, home.path()).input("s.given\n");
    let shown = login(&program, "-").out;
    assert_eq!(server.last().header("x-vault-token"), Some("s.given"));
    assert!(shown.contains("token_duration       ∞") && shown.contains(r#"token_policies       ["root"]"#), "{shown}");
    let warned = program.env("VAULT_TOKEN", "s.other");
    assert!(login(&warned, "s.given").err.contains("The VAULT_TOKEN environment variable is set!"));
}

#[test]
fn a_program_may_keep_it_instead() {
    let (server, home) = (server(), tempfile::tempdir().unwrap());
    let (helper, kept) = (home.path().join("helper"), home.path().join("kept"));
    let script =
        format!("#!/bin/sh\ncase $1 in get) cat {0} 2>/dev/null || true;; store) cat > {0};; esac\n", kept.display());
    std::fs::write(&helper, script).unwrap();
    std::fs::set_permissions(&helper, std::fs::Permissions::from_mode(0o755)).unwrap();
    std::fs::write(home.path().join(".vault"), format!("token_helper = \"{}\"\n", helper.display())).unwrap();
    let program = program(&server, home.path());
    login(&program, "-method=userpass username=bob password=pw");
    assert_eq!(std::fs::read_to_string(&kept).unwrap(), "s.new");
    assert!(!home.path().join(".vault-token").exists());
    assert_eq!(program.run("print token").out, "s.new\n");
    std::fs::write(home.path().join(".vault"), "token_helper = 5").unwrap();
    assert_eq!(program.run("read a").code, 1);
}

#[test]
fn a_policy_file_is_formatted_in_place() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("p.hcl");
    std::fs::write(&file, "path \"a\" {capabilities=[\"read\"]}\n").unwrap();
    let outcome = Program::alone().run(&format!("policy fmt {}", file.display()));
    assert_eq!(outcome.code, 0, "{outcome:?}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "path \"a\" {\n  capabilities = [\"read\"]\n}\n");
}
