//! `kv`, with both versions of the engine.
use crate::shell::Shell;
use crate::support::Server;
use serde_json::json;

#[test]
fn version_2_from_the_first_write_to_the_last_trace() {
    let server = Server::dev();
    let sh = Shell::root(&server);
    let put = sh.ok("kv put -mount=secret app/db user=app password=one");
    put.says(&["= Secret Path =", "secret/data/app/db", "======= Metadata =======", "version            1"]);
    sh.ok("kv put secret/app/db user=app password=two").says(&["version            2"]);
    sh.ok("kv get secret/app/db").says(&["====== Data ======", "password    two", "user        app"]);
    sh.ok("kv get -mount=secret -version=1 app/db").says(&["password    one"]);
    assert_eq!(sh.value("kv get -field=password secret/app/db"), "two");
    let read = sh.json("kv get -format=json secret/app/db");
    assert_eq!(read["data"]["data"], json!({"user": "app", "password": "two"}));
    assert_eq!(read["data"]["metadata"]["version"], 2);
    sh.ok("kv get -format=yaml secret/app/db").says(&["    password: two\n", "version: 2"]);
    let refused = sh.run("kv put -cas=1 secret/app/db password=three").is(2);
    refused.complains(&["check-and-set parameter did not match the current version", "Code: 400"]);
    sh.ok("kv patch secret/app/db password=three").says(&["version            3"]);
    assert_eq!(sh.value("kv get -field=user secret/app/db"), "app");
    sh.ok("kv patch -method=rw -remove-data=user secret/app/db more=x");
    sh.run("kv get -field=user secret/app/db").is(1).complains(&["Field \"user\" not present in secret"]);
    sh.run("kv patch secret/none a=b").is(2);

    assert_eq!(sh.ok("kv list secret").names(), ["app/"]);
    assert_eq!(sh.ok("kv list -mount=secret app").names(), ["db"]);
    assert_eq!(sh.ok("kv scan secret").names(), ["app/db"]);
    assert_eq!(sh.json("kv list -format=json secret/"), json!(["app/"]));
    sh.run("kv list secret/none").is(2).complains(&["No value found at secret/metadata/none"]);
    assert_eq!(sh.run("kv list -format=json secret/none").is(2).json(), json!({}));
    sh.run("kv get secret/none").is(2).complains(&["No value found at secret/data/none"]);

    sh.ok("kv delete secret/app/db").says(&["Success! Data deleted (if it existed) at: secret/data/app/db"]);
    let gone = sh.ok("kv get secret/app/db");
    assert!(gone.out.contains("deletion_time      20") && !gone.out.contains("= Data ="), "{gone:?}");
    sh.ok("kv undelete -versions=4 secret/app/db").says(&["Success! Data written to: secret/undelete/app/db"]);
    sh.ok("kv delete -versions=1,2 secret/app/db");
    sh.ok("kv destroy -versions=1 secret/app/db").says(&["Success! Data written to: secret/destroy/app/db"]);
    sh.run("kv rollback -version=1 secret/app/db").is(2);
    sh.ok("kv rollback -version=3 secret/app/db").says(&["version            5"]);
    assert_eq!(sh.value("kv get -field=password secret/app/db"), "three");

    sh.ok("kv metadata put -max-versions=4 -custom-metadata=owner=ann -delete-version-after=0s secret/app/db");
    sh.ok("kv metadata patch -custom-metadata=team=x -remove-custom-metadata=owner secret/app/db");
    let about = sh.ok("kv metadata get secret/app/db");
    let about = about.says(&["== Metadata Path ==", "max_versions ", "map[team:x]", "====== Version 2 ======"]);
    assert_eq!((about.row("current_version"), about.row("max_versions")), ("5".to_owned(), "4".to_owned()));
    sh.ok("kv metadata delete secret/app/db");
    sh.run("kv metadata get secret/app/db").is(2).complains(&["No value found at secret/metadata/app/db"]);
}

#[test]
fn version_1_and_its_way_to_version_2() {
    let server = Server::dev();
    let sh = Shell::root(&server);
    sh.ok("secrets enable -path=old -version=1 kv").says(&["Success! Enabled the kv secrets engine at: old/"]);
    sh.ok("kv put old/a x=1 y=2").says(&["Success! Data written to: old/a"]);
    sh.ok("kv get old/a").says(&["== Data ==", "x      1", "y      2"]);
    assert_eq!(sh.json("kv get -format=json old/a")["data"], json!({"x": "1", "y": "2"}));
    assert_eq!(sh.value("kv get -mount=old -field=x a"), "1");
    assert_eq!(sh.ok("kv list old").names(), ["a"]);
    sh.run("kv metadata get old/a").is(1).complains(&["Metadata not supported on KV Version 1"]);
    sh.run("kv undelete -versions=1 old/a").is(1).complains(&["Undelete not supported on KV Version 1"]);
    sh.run("kv destroy -versions=1 old/a").is(1).complains(&["Destroy not supported on KV Version 1"]);
    sh.run("kv patch old/a x=3").is(2).complains(&["K/V engine mount must be version 2 for patch support"]);
    let refused = sh.run("kv rollback -version=1 old/a").is(2);
    refused.complains(&["K/V engine mount must be version 2 for rollback support"]);
    sh.ok("kv put old/b z=1");
    sh.ok("kv delete old/b").says(&["Success! Data deleted (if it existed) at: old/b"]);
    sh.run("kv get old/b").is(2).complains(&["No value found at old/b"]);
    sh.ok("kv enable-versioning old").says(&["Success! Tuned the secrets engine at: old/"]);
    assert_eq!(sh.value("kv get -field=x old/a"), "1");
    sh.ok("kv put old/a x=2").says(&["version            2"]);
}

#[test]
fn data_comes_from_arguments_files_and_standard_input() {
    let server = Server::dev();
    let sh = Shell::root(&server);
    let file = sh.write_file("pw.txt", "from a file\n");
    sh.write_file("all.json", r#"{"n": 12345678901234567890, "deep": {"list": [1, 2.50, null]}}"#);
    let words = ["kv", "put", "secret/a", &format!("file=@{file}"), "typed=-", "at=\\@x", "equals=a=b", "empty="];
    sh.input("from input").run_words(&words).is(0);
    let data = sh.json("kv get -format=json secret/a")["data"]["data"].clone();
    let want = json!({"file": "from a file\n", "typed": "from input", "at": "@x", "equals": "a=b", "empty": ""});
    assert_eq!(data, want);
    sh.ok("kv put secret/b @all.json");
    let out = sh.ok("kv get -format=json secret/b").out;
    assert!(out.contains("12345678901234567890") && out.contains("2.50"), "digits stay: {out}");
    sh.input(r#"{"a": "b"}"#).ok("kv put secret/c -");
    assert_eq!(sh.value("kv get -field=a secret/c"), "b");
    let odd = sh.run("kv put secret/d @none.json").is(1);
    assert!(odd.err.contains("none.json"), "{odd:?}");
    sh.input("{").run("kv put secret/d -").is(1);
    sh.run("kv put secret/d justtext").is(1);
    sh.run("kv put secret/d").is(1);
    sh.run("kv put").is(1).complains(&["Not enough arguments"]);
}

#[test]
fn a_reader_of_one_mount_needs_no_more_than_that() {
    let server = Server::dev();
    let root = Shell::root(&server);
    root.ok("kv put secret/a x=1");
    root.input(r#"path "secret/data/a" { capabilities = ["read"] }"#).ok("policy write reader -");
    let token = root.value("token create -policy=reader -no-default-policy -field=token");
    let sh = root.with("VAULT_TOKEN", &token);
    assert_eq!(sh.value("kv get -field=x secret/a"), "1");
    assert_eq!(sh.value("kv get -mount=secret -field=x a"), "1");
    sh.run("kv get secret/b").is(2).complains(&["Code: 403", "permission denied"]);
    sh.run("kv put secret/a x=2").is(2).complains(&["Code: 403"]);
    sh.run("kv get other/a").is(2).complains(&["Code: 403"]);
}
