//! `-wrap-ttl` and `unwrap`.
use crate::shell::Shell;
use crate::support::Server;
use serde_json::json;

#[test]
fn what_is_wrapped_is_had_once() {
    let server = Server::dev();
    let (sh, nobody) = (Shell::root(&server), Shell::nobody(&server));
    let put = sh.ok("kv put -wrap-ttl=60s secret/a b=c");
    assert_eq!(put.row("wrapping_token_ttl:"), "1m");
    assert_eq!(put.row("wrapping_token_creation_path:"), "secret/data/a");
    nobody.ok(&format!("unwrap {}", put.row("wrapping_token:"))).says(&["version "]);
    let token = sh.value("kv get -wrap-ttl=60s -field=wrapping_token secret/a");
    let first = nobody.json(&format!("unwrap -format=json {token}"));
    assert_eq!(first["data"]["data"], json!({"b": "c"}));
    nobody.run(&format!("unwrap {token}")).is(2).complains(&["wrapping token is not valid or does not exist"]);
    let read = sh.json("read -wrap-ttl=5m -format=json secret/data/a");
    let token = read["wrap_info"]["token"].as_str().unwrap();
    assert_eq!(nobody.input(token).value("unwrap -field=data -"), "map[b:c]");
    let token = sh.value("token create -policy=default -wrap-ttl=1m -field=wrapping_token");
    let login = nobody.with("VAULT_TOKEN", &token).ok("unwrap").says(&["token_policies"]);
    nobody.with("VAULT_TOKEN", &login.row("token")).ok("token lookup");
    nobody.run("unwrap s.nonsense").is(2);
    sh.run("kv get -wrap-ttl=soon secret/a").is(1);
}
