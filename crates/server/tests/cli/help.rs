//! `-help`, and `path-help`, whose text the server has.
use crate::shell::Shell;
use crate::support::Server;

#[test]
fn every_command_explains_itself() {
    let sh = Shell::new("http://127.0.0.1:1");
    sh.ok("-help").says(&["Usage: vault <command> [args]", "operator", "secrets"]);
    sh.ok("kv -help").says(&["Usage: vault kv"]);
    sh.ok("kv put -h").says(&["Usage: vault kv put", "-cas=<int>", "VAULT_ADDR"]);
    sh.ok("operator init --help").says(&["-key-shares"]);
    sh.ok("server -help").says(&["Usage: vault server", "-config=<string>", "-dev-root-token-id"]);
    sh.ok("server -dev -h").says(&["Usage: vault server"]);
    for script in ["bash", "zsh", "fish"] {
        sh.ok(&format!("completion {script}")).says(&["vault"]);
    }
    sh.run("completion ksh").is(1);
}

#[test]
fn the_server_explains_its_paths_to_whoever_may_use_them() {
    let server = Server::dev();
    let root = Shell::root(&server);
    root.ok("path-help secret").says(&["## DESCRIPTION", "## PATHS", "data/{path...}"]);
    root.ok("path-help secret/").says(&["## PATHS"]);
    root.ok("path-help secret/data/a").says(&[
        "Request:        data/a",
        "Matching Route: data/{path...}",
        "## PARAMETERS",
    ]);
    root.ok("path-help sys/mounts/x/tune").says(&["default_lease_ttl (duration)"]);
    root.ok("path-help sys").says(&["mounts/{path...}"]);
    root.ok("path-help auth/token/create").says(&["explicit_max_ttl"]);
    root.ok("path-help cubbyhole/x").says(&["Request:        x"]);
    let described = root.json("path-help -format=json secret/data/a");
    assert!(described["paths"]["/secret/data/{path}"]["get"].is_object(), "{described}");
    root.run("path-help none/a").is(2).complains(&["Code: 404"]);
    root.run("path-help auth/token/nonsense/x").is(2).complains(&["Code: 404"]);
    // Help is no way to a value: nothing is read, and who may do nothing in a mount is told nothing of it.
    root.ok("kv put secret/a x=the-value");
    assert!(!root.ok("path-help secret/data/a").out.contains("the-value"));
    root.input(r#"path "secret/data/a" { capabilities = ["read"] }"#).ok("policy write p -");
    let token = root.value("token create -policy=p -no-default-policy -field=token");
    let sh = root.with("VAULT_TOKEN", &token);
    sh.ok("path-help secret/metadata/b");
    sh.run("path-help sys/mounts").is(2).complains(&["Code: 403"]);
    sh.run("path-help none/a").is(2).complains(&["Code: 403"]);
    Shell::nobody(&server).run("path-help secret").is(2).complains(&["Code: 403"]);
    Shell::nobody(&server).run("path-help sys/health").is(2).complains(&["Code: 403"]);
}
