//! Identity: nobody is given root by another spelling of it, and two names are two names.
use crate::support::{Answer, Caller, Server};
use serde_json::{Value, json};

/// Spellings of the root policy.
const ROOTS: &[&str] = &["root", "ROOT", "Root", " root", "root ", "\troot", "root\n", "roOT "];

/// CVE-2025-5999 / CVE-2025-54996 / CVE-2025-64761
#[test]
fn no_spelling_of_root_can_be_attached() {
    let server = Server::dev();
    server.mount_auth("userpass", "userpass");
    server.mount_auth("approle", "approle");
    let mut forms: Vec<Value> = ROOTS.iter().map(|r| json!([r])).collect();
    forms.extend(ROOTS.iter().map(|r| json!(r)));
    forms.extend([json!("default,root"), json!("default, ROOT"), json!(["default", "root"]), json!(["default,root"])]);
    let admin = server.limited("path \"*\" { capabilities = [\"create\", \"read\", \"update\", \"list\"] }");
    for form in &forms {
        for caller in [&server.root(), &admin] {
            for path in ["identity/entity", "identity/entity/name/e", "identity/group", "identity/group/name/g"] {
                let answer = caller.post(path, json!({"policies": form}));
                // An element of a list is one name, with a comma or without: there is no policy of such a name.
                let is_one_name = *form == json!(["default,root"]);
                assert!(answer.status == 400 || is_one_name, "{path} {form}: {}", answer.text());
            }
        }
        log_in_with(&server, &admin, form);
    }
    let kept = server.root().get("identity/entity/name/e").data()["policies"].clone();
    assert!(kept.is_null() || kept == json!(["default,root"]), "{kept}");
    // The control: another policy is attached and works.
    server.policy("reader", "path \"secret/*\" { capabilities = [\"read\", \"list\"] }");
    server.root().post("secret/data/a", json!({"data": {}})).ok();
    server.root().post("auth/userpass/users/v", json!({"password": "pw", "token_policies": ["Reader"]})).ok();
    let login = server.nobody().post("auth/userpass/login/v", json!({"password": "pw"})).ok();
    server.with(&login.client_token()).get("secret/data/a").ok();
}

/// Users and roles that were given root by who may write them: whatever becomes of it, nobody is root by logging in.
fn log_in_with(server: &Server, admin: &Caller, form: &Value) {
    let by_password = || server.nobody().post("auth/userpass/login/u", json!({"password": "pw"}));
    admin.post("auth/userpass/users/u", json!({"password": "pw", "token_policies": form}));
    assert_no_root(server, by_password(), form);
    admin.post("auth/userpass/users/u/policies", json!({"token_policies": form}));
    assert_no_root(server, by_password(), form);
    let role = json!({"token_policies": form, "bind_secret_id": false, "secret_id_bound_cidrs": "127.0.0.0/8"});
    admin.post("auth/approle/role/r", role);
    let role_id = server.root().get("auth/approle/role/r/role-id").data()["role_id"].clone();
    assert_no_root(server, server.nobody().post("auth/approle/login", json!({"role_id": role_id})), form);
}

/// A login that was refused, or whose token cannot do what takes root.
fn assert_no_root(server: &Server, login: Answer, form: &Value) {
    if login.status != 200 {
        return;
    }
    let caller = server.with(&login.client_token());
    assert_eq!(caller.list("auth/token/accessors").status, 403, "{form} made root: {}", login.text());
    assert_eq!(caller.get("sys/mounts").status, 403, "{form} made root: {}", login.text());
}

/// Entities and groups give what they have to a login, but never root, however it got into them.
#[test]
fn identity_policies_reach_a_login_and_root_never_does() {
    let server = Server::dev();
    server.mount_auth("userpass", "userpass");
    server.policy("of-entity", "path \"secret/data/e\" { capabilities = [\"read\"] }");
    server.policy("of-group", "path \"secret/data/g\" { capabilities = [\"read\"] }");
    for name in ["e", "g"] {
        server.root().post(&format!("secret/data/{name}"), json!({"data": {}})).ok();
    }
    server.root().post("auth/userpass/users/ann", json!({"password": "pw"})).ok();
    let login = || server.nobody().post("auth/userpass/login/ann", json!({"password": "pw"})).ok();
    let first = login();
    let entity = first.at("/auth/entity_id");
    let caller = server.with(&first.client_token());
    caller.get("secret/data/e").is(403);
    server.root().post(&format!("identity/entity/id/{entity}"), json!({"policies": ["of-entity"]})).ok();
    server
        .root()
        .post("identity/group", json!({"name": "g", "policies": ["of-group"], "member_entity_ids": [entity]}))
        .ok();
    // At once, with the token that there was already.
    caller.get("secret/data/e").ok();
    caller.get("secret/data/g").ok();
    caller.list("auth/token/accessors").is(403);
    // And gone at once.
    server.root().post("identity/group", json!({"name": "g", "policies": ["of-group"], "member_entity_ids": []})).ok();
    caller.get("secret/data/g").is(403);
    server.root().post(&format!("identity/entity/id/{entity}"), json!({"disabled": true})).ok();
    caller.get("secret/data/e").is(403);
}

/// unicode twins
#[test]
fn names_that_decide_about_rights_have_no_twins() {
    let server = Server::dev();
    server.mount_auth("userpass", "userpass");
    let policy = json!({"policy": "path \"x\" { capabilities = [\"read\"] }"});
    server.root().post("sys/policies/acl/admin", policy.clone()).ok();
    // With a soft hyphen, a Cyrillic a, a full-width a, a combining accent, a dotless i, zero width.
    for twin in
        ["ad%C2%ADmin", "%D0%B0dmin", "%EF%BD%81dmin", "adm%C4%B1n", "admi%CC%81n", "ad%E2%80%8Bmin", "admin%EF%BB%BF"]
    {
        for (path, body) in [
            (format!("sys/policies/acl/{twin}"), policy.clone()),
            (format!("auth/userpass/users/{twin}"), json!({"password": "pw"})),
            (format!("auth/token/roles/{twin}"), json!({})),
            (format!("sys/mounts/{twin}"), json!({"type": "kv"})),
        ] {
            let answer = server.root().post(&path, body);
            assert!(matches!(answer.status, 400 | 404), "{path}: {} {}", answer.status, answer.text());
        }
    }
    // Case folds to the one name, and keys of secrets stay as they are, byte for byte.
    server.root().post("sys/policies/acl/ADMIN", policy).ok();
    let names = server.root().list("sys/policies/acl").ok().data()["keys"].clone();
    assert_eq!(names.as_array().unwrap().iter().filter(|n| n.as_str().unwrap().to_lowercase() == "admin").count(), 1);
    for (path, value) in [("caf%C3%A9", "composed"), ("cafe%CC%81", "combined"), ("Cafe", "upper"), ("cafe", "lower")] {
        server.root().post(&format!("secret/data/{path}"), json!({"data": {"k": value}})).ok();
    }
    assert_eq!(server.root().list("secret/metadata/").ok().data()["keys"].as_array().unwrap().len(), 4);
    assert_eq!(server.root().get("secret/data/caf%C3%A9").ok().at("/data/data/k"), "composed");
}
