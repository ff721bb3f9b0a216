//! Exit codes, which scripts act on.
use super::stand_in::{Program, StandIn};

const UNSEALED: &str = r#"{"type":"shamir","initialized":true,"sealed":false,"t":1,"n":1,"progress":0,"nonce":"","version":"1","build_date":""}"#;
const SEALED: &str = r#"{"type":"shamir","initialized":true,"sealed":true,"t":3,"n":5,"progress":1,"nonce":"abc","version":"1","build_date":""}"#;

#[test]
fn status_tells_by_its_code() {
    let server = StandIn::start(&[("GET /v1/sys/seal-status", 200, UNSEALED)]);
    assert_eq!(Program::new(&server).run("status").code, 0);
    let server = StandIn::start(&[("GET /v1/sys/seal-status", 200, SEALED)]);
    assert_eq!(Program::new(&server).run("status").code, 2);
    assert_eq!(Program::new(&server).run("status -format=json").code, 2);
    let nobody = Program::alone().env("VAULT_ADDR", "http://127.0.0.1:1").run("status");
    assert_eq!(nobody.code, 1);
    assert!(
        nobody.err.starts_with("Error checking seal status: Get \"http://127.0.0.1:1/v1/sys/seal-status\": dial tcp")
    );
    assert!(nobody.err.contains("Is it running"), "{}", nobody.err);
}

#[test]
fn init_status_tells_by_its_code() {
    for (body, code) in [(r#"{"initialized":true}"#, 0), (r#"{"initialized":false}"#, 2)] {
        let server = StandIn::start(&[("GET /v1/sys/init", 200, body)]);
        assert_eq!(Program::new(&server).run("operator init -status").code, code);
    }
    assert_eq!(Program::alone().env("VAULT_ADDR", "http://127.0.0.1:1").run("operator init -status").code, 1);
}

#[test]
fn a_refusal_is_two_and_says_what_to_do() {
    let denied = r#"{"errors":["permission denied"]}"#;
    let server = StandIn::start(&[("GET /v1/a", 403, denied), ("GET /v1/b", 503, r#"{"errors":["Vault is sealed"]}"#)]);
    let outcome = Program::new(&server).run("read a");
    assert_eq!(outcome.code, 2);
    let want = format!(
        "Error reading a: Error making API request.\n\nURL: GET {}/v1/a\nCode: 403. Errors:\n\n* permission denied\n",
        server.address
    );
    assert_eq!(outcome.err, want);
    let mut without = Program::new(&server);
    without.env.retain(|(name, _)| name != "VAULT_TOKEN");
    assert!(without.run("read a").err.contains("There is no token: run `vault login`"));
    assert!(Program::new(&server).run("read b").err.contains("operator unseal"));
}

#[test]
fn nothing_there_is_two() {
    let server = StandIn::start(&[]);
    let program = Program::new(&server);
    let outcome = program.run("read a");
    assert_eq!((outcome.code, outcome.err.as_str()), (2, "No value found at a\n"));
    let outcome = program.run("list a/");
    assert_eq!((outcome.code, outcome.err.as_str()), (2, "No value found at a\n"));
    let outcome = program.run("list -format=json a");
    assert_eq!((outcome.code, outcome.out.as_str()), (2, "{}\n"));
    assert_eq!(program.run("policy read nosuch").code, 2);
}

#[test]
fn our_own_trouble_is_one_and_unknown_commands_are_127() {
    let server = StandIn::start(&[("GET /v1/a", 200, r#"{"data":{"x":1}}"#)]);
    let program = Program::new(&server);
    for words in [
        "read -field=nosuch a",
        "read -format=nosuch a",
        "write a",
        "write a @/nonexistent",
        "operator unseal",
        "login",
    ] {
        assert_eq!(program.run(words).code, 1, "{words}");
    }
    assert_eq!(program.run("nosuch").code, 127);
    assert_eq!(program.run("").code, 127);
    assert_eq!(program.run("kv nosuch").code, 1);
}

#[test]
fn a_dry_run_asks_nothing() {
    let server = StandIn::start(&[(
        "GET /v1/sys/internal/ui/mounts/secret/a",
        200,
        r#"{"data":{"path":"secret/","options":{"version":"2"}}}"#,
    )]);
    let program = Program::new(&server);
    let outcome = program.run("kv put -output-curl-string secret/a b=it's");
    assert_eq!(outcome.code, 0);
    let want = format!(
        r#"curl -X PUT -H "X-Vault-Request: true" -H "X-Vault-Token: $(vault print token)" -d '{{"data":{{"b":"it'\''s"}},"options":{{}}}}' "{}/v1/secret/data/a""#,
        server.address
    );
    assert_eq!(outcome.out.trim_end(), want);
    assert!(!outcome.out.contains("s.test"));
    assert_eq!(program.run("list -output-policy x").out, "path \"x\" {\n  capabilities = [\"list\"]\n}\n");
    assert_eq!(
        program.run("operator seal -output-policy").out,
        "path \"sys/seal\" {\n  capabilities = [\"create\", \"update\", \"sudo\"]\n}\n"
    );
    assert_eq!(server.asked().len(), 1);
}
