//! `read`, `write`, `patch`, `list`, `scan`, `delete` and the forms of what they print.
use crate::shell::Shell;
use crate::support::Server;
use serde_json::{Value, json};

#[test]
fn any_path_can_be_read_and_written() {
    let server = Server::dev();
    let sh = Shell::root(&server);
    sh.ok("write cubbyhole/a/b x=1 y=two").says(&["Success! Data written to: cubbyhole/a/b"]);
    let read = sh.ok("read cubbyhole/a/b").says(&["Key", "---", "Value"]);
    assert_eq!((read.row("x"), read.row("y")), ("1".to_owned(), "two".to_owned()));
    assert_eq!(sh.value("read -field=y cubbyhole/a/b"), "two");
    assert_eq!(sh.json("read -format=json cubbyhole/a/b")["data"], json!({"x": "1", "y": "two"}));
    sh.ok("read -format=yaml cubbyhole/a/b").says(&["data:\n  x: \"1\"\n  \"y\": two\n"]);
    let raw: Value = serde_json::from_str(&sh.ok("read -format=raw cubbyhole/a/b").out).unwrap();
    assert!(raw.get("auth").is_some() && raw["data"]["y"] == "two", "{raw}");
    assert_eq!(sh.with("VAULT_FORMAT", "json").json("read cubbyhole/a/b")["data"]["x"], "1");
    assert_eq!(sh.ok("list cubbyhole").names(), ["a/"]);
    assert_eq!(sh.ok("list cubbyhole/a/").names(), ["b"]);
    assert_eq!(sh.ok("scan cubbyhole").names(), ["a/b"]);
    sh.ok("delete cubbyhole/a/b").says(&["Success! Data deleted (if it existed) at: cubbyhole/a/b"]);
    sh.run("read cubbyhole/a/b").is(2).complains(&["No value found at cubbyhole/a/b"]);
    sh.run("list cubbyhole").is(2).complains(&["No value found at cubbyhole"]);
    sh.input(r#"{"data": {"k": "v"}}"#).ok("write secret/data/q -").says(&["version            1"]);
    sh.input(r#"{"data": {"l": "w"}}"#).ok("patch secret/data/q -").says(&["version            2"]);
    assert_eq!(sh.json("read -format=json secret/data/q")["data"]["data"], json!({"k": "v", "l": "w"}));
    assert_eq!(sh.json("read -format=json secret/data/q version=1")["data"]["data"], json!({"k": "v"}));
    sh.ok("write -f sys/rotate").says(&["Success! Data written to: sys/rotate"]);
    assert_eq!(sh.value("write -field=random_bytes -format=table sys/tools/random/4 format=hex").len(), 8);
    assert_eq!(sh.ok("list -limit=1 sys/policies/acl").names().len(), 1);
    // These answer without the envelope of other paths.
    for path in ["sys/health", "sys/seal-status", "sys/init"] {
        assert_eq!(sh.ok(&format!("read {path}")).row("initialized"), "true");
    }
    assert_eq!(sh.value("read -field=ha_enabled sys/leader"), "false");
}

#[test]
fn refusals_are_2_and_wrong_input_is_1() {
    let server = Server::dev();
    let sh = Shell::root(&server);
    sh.run("read").is(1).complains(&["Not enough arguments (expected 1, got 0)"]);
    sh.run("list a b").is(1).complains(&["Too many arguments (expected 1, got 2)"]);
    sh.run("read -nope a").is(1).complains(&["flag provided but not defined: -nope"]);
    sh.run("read -format=xml secret/data/a").is(1).complains(&["Invalid output format: xml"]);
    sh.run("write secret/data/a").is(1).complains(&["Must supply data or use -force"]);
    sh.run("nonsense").is(127).complains(&["Usage: vault <command> [args]"]);
    sh.run("kv nonsense").is(1).complains(&["Usage: vault kv"]);
    sh.run("").is(127);
    sh.run("read none/a").is(2).complains(&["No value found at none/a"]);
    let refused = sh.run("write none/a b=c").is(2);
    refused.complains(&[
        "Error writing data to none/a",
        "URL: PUT http://",
        "Code: 404. Errors:",
        "no handler for route",
    ]);
    sh.run("write secret/data/a data=text").is(2).complains(&["Code: 400"]);
    let nobody = Shell::nobody(&server);
    nobody.run("read secret/data/a").is(2).complains(&["Code: 403", "There is no token: run `vault login`"]);
    nobody.with("VAULT_TOKEN", "s.wrong").run("read secret/data/a").is(2).complains(&["Code: 403"]);
    sh.with("VAULT_NAMESPACE", "team").run("kv put secret/a b=c").is(2).complains(&["namespace not found"]);
    Shell::new("http://127.0.0.1:1").run("read secret/data/a").is(2).complains(&["connection refused"]);
    Shell::new("nonsense://x").run("read secret/data/a").is(1);
}

#[test]
fn a_dry_run_prints_and_does_nothing() {
    let server = Server::dev();
    let sh = Shell::root(&server);
    let curl = sh.ok("write -output-curl-string cubbyhole/a b=c").out;
    assert!(curl.starts_with("curl -X PUT ") && curl.contains("$(vault print token)"), "{curl}");
    assert!(!curl.contains(&server.keys.root), "the token stays out of it: {curl}");
    sh.ok("kv put -output-policy secret/a b=c").says(&[r#"path "secret/data/a""#, r#""create", "update""#]);
    sh.run("read cubbyhole/a").is(2);
    sh.run("kv get secret/a").is(2);
}
