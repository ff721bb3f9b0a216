//! `token`.
use crate::shell::Shell;
use crate::support::Server;
use serde_json::json;

#[test]
fn tokens_are_made_looked_up_renewed_and_revoked() {
    let server = Server::dev();
    let sh = Shell::root(&server);
    sh.input(r#"path "secret/data/app" { capabilities = ["read", "update"] }"#).ok("policy write app -");
    let made =
        sh.ok("token create -policy=app -ttl=1h -explicit-max-ttl=3h -display-name=t -metadata=a=b -use-limit=9");
    assert_eq!((made.row("token_duration"), made.row("token_policies")), ("1h".into(), r#"["app" "default"]"#.into()));
    let (token, accessor) = (made.row("token"), made.row("token_accessor"));
    let about = sh.ok(&format!("token lookup {token}"));
    assert_eq!((about.row("display_name"), about.row("num_uses")), ("token-t".to_owned(), "9".to_owned()));
    assert_eq!((about.row("meta"), about.row("explicit_max_ttl")), ("map[a:b]".to_owned(), "3h".to_owned()));
    assert_eq!(sh.ok(&format!("token lookup -accessor {accessor}")).row("id"), "n/a");
    let renewed = sh.ok(&format!("token renew -increment=2h {token}"));
    assert_eq!(renewed.row("token_duration"), "2h");
    sh.ok(&format!("token renew -accessor {accessor}")).says(&["token_accessor"]);
    assert_eq!(sh.value(&format!("token capabilities {token} secret/data/app")), "read, update");
    assert_eq!(sh.value(&format!("token capabilities -accessor {accessor} secret/data/b")), "deny");
    sh.ok(&format!("token revoke {token}")).says(&["Success! Revoked token (if it existed)"]);
    sh.run(&format!("token lookup {token}")).is(2).complains(&["Code: 403"]);
    sh.run(&format!("token lookup -accessor {accessor}")).is(2);

    let own = sh.with("VAULT_TOKEN", &sh.value("token create -policy=app -period=24h -field=token"));
    assert_eq!(own.ok("token lookup").row("period"), "24h");
    own.ok("token renew").says(&["token_duration       24h"]);
    assert_eq!(own.value("token capabilities secret/data/app"), "read, update");
    own.run("token create").is(2).complains(&["permission denied"]);
    own.ok("token revoke -self").says(&["Success! Revoked token (if it existed)"]);
    own.run("token lookup").is(2);

    let parent = sh.value("token create -policy=root -field=token");
    let child = sh.with("VAULT_TOKEN", &parent).value("token create -policy=app -field=token");
    let orphan = sh.with("VAULT_TOKEN", &parent).value("token create -orphan -policy=app -field=token");
    sh.ok("token revoke -mode=path auth/token/nothing");
    sh.ok(&format!("token revoke -mode=orphan {parent}"));
    sh.ok(&format!("token lookup {child}"));
    assert_eq!(sh.ok(&format!("token lookup {orphan}")).row("orphan"), "true");

    let batch = sh.json("token create -type=batch -policy=app -ttl=1h -format=json");
    let batch = batch["auth"]["client_token"].as_str().unwrap().to_owned();
    assert_eq!(sh.ok(&format!("token lookup {batch}")).row("type"), "batch");
    sh.ok("write auth/token/roles/r allowed_policies=app orphan=true");
    let of_role = sh.json("token create -role=r -policy=app -format=json");
    assert_eq!(of_role["auth"]["orphan"], json!(true));
    sh.run("token create -role=r -policy=other").is(2).complains(&["Code: 400"]);
    sh.run("token create -ttl=soon").is(1);
    sh.run("token revoke").is(1);
    sh.run("token lookup a b").is(1);
}
