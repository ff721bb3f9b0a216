//! `login`, and where its token is kept.
use crate::shell::Shell;
use crate::support::Server;
use serde_json::json;
use std::fs;
use std::os::unix::fs::PermissionsExt;

/// A server with a user, a role, and a policy for both.
fn server() -> (Server, Shell) {
    let server = Server::dev();
    let root = Shell::root(&server);
    root.input(r#"path "secret/data/app" { capabilities = ["read"] }"#).ok("policy write app -");
    root.ok("kv put secret/app x=1");
    root.ok("auth enable userpass");
    root.input("pa ss").ok("write auth/userpass/users/ann password=- token_policies=app");
    root.ok("auth enable -path=robots approle");
    root.ok("write auth/robots/role/app token_policies=app token_ttl=1h");
    (server, root)
}

#[test]
fn people_and_programs_log_in_and_the_token_is_kept() {
    let (server, root) = server();
    let sh = Shell::nobody(&server);
    let login = sh.input("pa ss").ok("login -method=userpass username=ann password=-");
    let login = login.says(&["Success! You are now authenticated.", "token_meta_username    ann"]);
    assert_eq!(login.row("token_policies"), r#"["app" "default"]"#);
    let file = sh.path(".vault-token");
    assert_eq!(fs::read_to_string(&file).unwrap(), login.row("token"));
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(sh.value("kv get -field=x secret/app"), "1");
    assert_eq!(sh.value("print token"), login.row("token"));
    assert_eq!(sh.ok("token lookup").row("display_name"), "userpass-ann");
    sh.run("kv get secret/other").is(2).complains(&["Code: 403"]);
    sh.run("login -method=userpass username=ann password=wrong")
        .is(2)
        .complains(&["Error authenticating", "Code: 400"]);
    assert_eq!(fs::read_to_string(&file).unwrap(), login.row("token"), "a refused login leaves it");

    let role = root.value("read -field=role_id auth/robots/role/app/role-id");
    let secret = root.value("write -f -field=secret_id auth/robots/role/app/secret-id");
    let robot = format!("login -method=approle -path=robots role_id={role} secret_id={secret}");
    let answer = sh.json(&robot.replace("login", "login -format=json"));
    assert_eq!(answer["auth"]["policies"], json!(["app", "default"]));
    assert_eq!(answer["auth"]["lease_duration"], 3600);
    assert_eq!(fs::read_to_string(&file).unwrap(), answer["auth"]["client_token"].as_str().unwrap());
    let alone = sh.ok(&robot.replace("login", "login -no-store -token-only")).out;
    assert_ne!(fs::read_to_string(&file).unwrap(), alone);
    sh.with("VAULT_TOKEN", &alone).ok("token lookup");
    assert_eq!(sh.ok(&robot.replace("login", "login -no-print")).out, "");

    sh.ok(&format!("login {}", server.keys.root)).says(&["token_duration       ∞", r#"token_policies       ["root"]"#]);
    sh.input(&format!("{}\n", server.keys.root)).ok("login -");
    sh.run("login s.wrong").is(2).complains(&["Error authenticating: error looking up token", "Code: 403"]);
    assert_eq!(sh.value("print token"), server.keys.root);
    let warned = sh.with("VAULT_TOKEN", "s.other").ok(&format!("login {}", server.keys.root));
    warned.complains(&["WARNING! The VAULT_TOKEN environment variable is set!"]);
    sh.run("login -method=userpass username=ann").is(1).complains(&["Password"]);
    sh.run("login -method=nonsense a=b").is(2);
}

#[test]
fn a_wrapped_login_is_unwrapped_to_be_kept_and_shown_to_be_passed_on() {
    let (server, _) = server();
    let sh = Shell::nobody(&server);
    let typed = sh.input("pa ss");
    let login = typed.ok("login -method=userpass -wrap-ttl=60s username=ann password=-");
    assert_eq!(sh.value("print token"), login.row("token"));
    let wrapped = typed.ok("login -method=userpass -wrap-ttl=60s -no-store username=ann password=-");
    sh.ok(&format!("unwrap {}", wrapped.row("wrapping_token:"))).says(&["token_meta_username    ann"]);
    let token = typed.ok("login -method=userpass -wrap-ttl=60s -token-only username=ann password=-").out;
    sh.ok(&format!("unwrap {token}"));
}

#[test]
fn a_program_can_keep_the_token() {
    let (server, _) = server();
    let sh = Shell::nobody(&server);
    let kept = sh.path("kept").display().to_string();
    let helper = sh.write_file(
        "helper",
        &format!(
            "#!/bin/sh\ncase \"$1\" in get) cat {kept} 2>/dev/null || true;; store) cat > {kept};; *) exit 3;; esac\n"
        ),
    );
    fs::set_permissions(&helper, fs::Permissions::from_mode(0o700)).unwrap();
    sh.write_file(".vault", &format!("token_helper = \"{helper}\"\n"));
    let login = sh.input("pa ss").ok("login -method=userpass username=ann password=-");
    assert_eq!(fs::read_to_string(&kept).unwrap(), login.row("token"));
    assert!(!sh.path(".vault-token").exists());
    assert_eq!(sh.value("kv get -field=x secret/app"), "1");
    sh.write_file("helper", "#!/bin/sh\nexit 1\n");
    sh.run("kv get secret/app").is(1).complains(&["The token helper", "failed to get the token"]);
}

#[test]
fn who_fails_too_often_is_locked_out() {
    let (server, root) = server();
    let sh = Shell::nobody(&server);
    for _ in 0..5 {
        sh.run("login -method=userpass username=ann password=wrong").is(2);
    }
    sh.input("pa ss").run("login -method=userpass username=ann password=-").is(2).complains(&["Code: 403"]);
    let accessor = root.json("auth list -format=json")["userpass/"]["accessor"].as_str().unwrap().to_owned();
    root.ok(&format!("write -f sys/locked-users/{accessor}/unlock/ann"));
    sh.input("pa ss").ok("login -method=userpass username=ann password=-");
}
