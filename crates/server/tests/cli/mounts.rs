//! `secrets` and `auth`.
use crate::shell::Shell;
use crate::support::Server;

#[test]
fn secrets_engines_come_move_and_go() {
    let server = Server::dev();
    let sh = Shell::root(&server);
    let list = sh.ok("secrets list").says(&["Path", "Type", "Accessor", "Description"]);
    for mount in ["cubbyhole/", "identity/", "secret/", "sys/"] {
        assert!(list.out.lines().any(|l| l.starts_with(mount)), "{list:?}");
    }
    sh.ok("secrets enable -path=team/kv -version=2 -description=theirs kv");
    sh.ok("secrets enable kv-v2").says(&["Success! Enabled the kv-v2 secrets engine at: kv-v2/"]);
    sh.ok("secrets enable -default-lease-ttl=1h -max-lease-ttl=2h -audit-non-hmac-request-keys=ip ssh");
    sh.run("secrets enable ssh").is(2).complains(&["path is already in use at ssh/"]);
    sh.run("secrets enable nonsense").is(2).complains(&["plugin not found in the catalog"]);
    sh.run("secrets enable").is(1);
    let json = sh.json("secrets list -format=json");
    assert_eq!(json["team/kv/"]["options"]["version"], "2");
    assert_eq!(json["team/kv/"]["description"], "theirs");
    assert_eq!(json["ssh/"]["config"]["default_lease_ttl"], 3600);
    sh.ok("secrets list -detailed").says(&["Default TTL", "map[version:2]"]);
    sh.ok("secrets tune -default-lease-ttl=30m -description=new -listing-visibility=unauth ssh/")
        .says(&["Success! Tuned the secrets engine at: ssh/"]);
    let tuned = sh.ok("read sys/mounts/ssh/tune");
    assert_eq!((tuned.row("default_lease_ttl"), tuned.row("max_lease_ttl")), ("30m".to_owned(), "2h".to_owned()));
    assert_eq!(tuned.row("description"), "new");
    sh.run("secrets tune -default-lease-ttl=3h ssh").is(2).complains(&["Code: 400"]);
    sh.ok("kv put team/kv/a x=1");
    sh.ok("secrets move team/kv moved").says(&["Success! Finished moving secrets engine team/kv/ to moved/"]);
    assert_eq!(sh.value("kv get -field=x moved/a"), "1");
    sh.run("secrets move none other").is(2);
    sh.ok("secrets disable moved/").says(&["Success! Disabled the secrets engine (if it existed) at: moved/"]);
    sh.ok("secrets disable moved");
    sh.run("secrets disable sys").is(2).complains(&["Code: 400"]);
    sh.run("kv get moved/a").is(2);
}

#[test]
fn auth_methods_come_move_and_go() {
    let server = Server::dev();
    let sh = Shell::root(&server);
    sh.ok("auth enable -path=people -description=staff userpass")
        .says(&["Success! Enabled userpass auth method at: people/"]);
    sh.ok("auth enable approle").says(&["Success! Enabled approle auth method at: approle/"]);
    sh.run("auth enable approle").is(2).complains(&["path is already in use at approle/"]);
    sh.ok("auth list").says(&["approle/", "people/", "token/", "staff"]);
    sh.ok("auth list -detailed").says(&["Token Type", "default-service"]);
    sh.ok("auth tune -default-lease-ttl=1h -token-type=batch -listing-visibility=unauth people/")
        .says(&["Success! Tuned the auth method at: people/"]);
    assert_eq!(sh.json("auth list -format=json")["people/"]["config"]["token_type"], "batch");
    sh.ok("write auth/people/users/ann password=pw");
    sh.ok("auth move people staff").says(&["Success! Finished moving auth method people/ to staff/"]);
    let nobody = Shell::nobody(&server);
    assert!(nobody.value("login -method=userpass -path=staff -token-only username=ann password=pw").starts_with("b."));
    sh.ok("auth help userpass").says(&["vault login -method=userpass username="]);
    sh.ok("auth disable staff").says(&["Success! Disabled the auth method (if it existed) at: staff/"]);
    sh.run("auth disable token").is(2).complains(&["Code: 400"]);
    nobody.run("login -method=userpass -path=staff username=ann password=pw").is(2);
}
