//! Policies: what is denied is denied however it is written.
use crate::support::{Caller, Server};
use serde_json::{Value, json};

/// GHSA-59w7-v8rr-pr4p / CVE-2021-43998
#[test]
fn metadata_in_a_templated_path_means_itself_or_nothing() {
    let server = Server::dev();
    server.mount_auth("userpass", "userpass");
    let accessor = server.root().get("sys/auth/userpass").ok().at("/data/accessor");
    server.root().post("auth/userpass/users/ann", json!({"password": "pw", "token_policies": "own"})).ok();
    let template = "path \"secret/data/{{identity.entity.metadata.team}}/*\" { capabilities = [\"read\", \"list\"] }";
    server.policy("own", template);
    for path in ["red/a", "blue/a", "red/deep/a", "+/a", "*/a"] {
        server.root().post(&format!("secret/data/{path}"), json!({"data": {"k": path}})).ok();
    }
    let login = || server.nobody().post("auth/userpass/login/ann", json!({"password": "pw"})).ok();
    let entity = login().at("/auth/entity_id");
    let with_team = |team: &str| {
        let answer = server.root().post(&format!("identity/entity/id/{entity}"), json!({"metadata": {"team": team}}));
        (answer.status < 300).then(|| server.with(&login().client_token()))
    };
    let reads = |caller: &Caller| -> Vec<&str> {
        let all = ["red/a", "blue/a", "red/deep/a", "%2B/a", "*/a"];
        all.into_iter().filter(|path| caller.get(&format!("secret/data/{path}")).status == 200).collect()
    };
    for team in [
        "+",
        "*",
        "..",
        "../..",
        "red/../blue",
        "red/",
        "/",
        "",
        "r*",
        "re+",
        "{{identity.entity.id}}",
        "{{",
        "a,b",
        "red\" { }",
        "%2b",
    ] {
        let Some(caller) = with_team(team) else { continue };
        assert_eq!(reads(&caller), Vec::<&str>::new(), "{team:?}");
    }
    // The control.
    assert_eq!(reads(&with_team("red").unwrap()), ["red/a", "red/deep/a"]);
    assert_eq!(reads(&with_team("blue").unwrap()), ["blue/a"]);
    assert!(!accessor.is_empty());
}

/// A template over the name of an alias: a user cannot name himself into another's folder.
#[test]
fn a_user_name_in_a_template_is_only_that_name() {
    let server = Server::dev();
    server.mount_auth("userpass", "userpass");
    let accessor = server.root().get("sys/auth/userpass").ok().at("/data/accessor");
    server.policy(
        "own",
        &format!(
            "path \"secret/data/{{{{identity.entity.aliases.{accessor}.name}}}}/*\" {{ capabilities = [\"read\"] }}"
        ),
    );
    for name in ["ann", "bob"] {
        server.root().post(&format!("secret/data/{name}/a"), json!({"data": {"k": name}})).ok();
    }
    for name in ["ann", "+", "*", "%2B", "a*", ".."] {
        let made = server
            .root()
            .post(&format!("auth/userpass/users/{name}"), json!({"password": "pw", "token_policies": "own"}));
        if made.status >= 300 {
            continue;
        }
        let login = server.nobody().post(&format!("auth/userpass/login/{name}"), json!({"password": "pw"})).ok();
        let caller = server.with(&login.client_token());
        let expected = if name == "ann" { 200 } else { 403 };
        assert_eq!(
            (caller.get("secret/data/ann/a").status, caller.get("secret/data/bob/a").status),
            (expected, 403),
            "{name}"
        );
    }
}

/// denied_parameters forms
#[test]
fn a_denied_value_is_denied_in_every_form_that_the_handler_takes() {
    let server = Server::dev();
    server.mount_auth("userpass", "userpass");
    server.policy("admin1", "path \"sys/*\" { capabilities = [\"sudo\", \"read\"] }");
    let caller = server.limited(
        "path \"auth/userpass/users/*\" {
           capabilities = [\"create\", \"update\"]
           denied_parameters = { \"policies\" = [\"admin*\"], \"token_policies\" = [\"admin*\"] }
         }",
    );
    let holds = |name: &str| {
        let found = server.root().get(&format!("auth/userpass/users/{name}"));
        found.data()["token_policies"].to_string().to_lowercase().contains("admin")
    };
    for (at, value) in [
        json!("admin1"),
        json!(["admin1"]),
        json!(["foo", "admin1"]),
        json!("foo,admin1"),
        json!("foo, admin1"),
        json!("foo,\tadmin1"),
        json!(" admin1"),
        json!("admin1 "),
        json!([" admin1"]),
        json!("ADMIN1"),
        json!(["Admin1"]),
        json!(",admin1"),
        json!("[\"admin1\"]"),
        json!(["foo,admin1"]),
        json!("admin1\n"),
    ]
    .into_iter()
    .enumerate()
    {
        for parameter in ["policies", "token_policies", "Policies", "TOKEN_POLICIES"] {
            let name = format!("u{at}-{}", parameter.to_lowercase().replace('_', "-"));
            let mut body = json!({"password": "pw"});
            body[parameter] = value.clone();
            let answer = caller.post(&format!("auth/userpass/users/{name}"), body.clone());
            assert!(matches!(answer.status, 400 | 403) || !holds(&name), "{body} passes: {}", answer.status);
        }
    }
    let by_query = caller.post("auth/userpass/users/q?token_policies=admin1", json!({"password": "pw"}));
    assert!(matches!(by_query.status, 400 | 403) || !holds("q"), "by the query: {}", by_query.status);
    let form = caller.header("Content-Type", "application/x-www-form-urlencoded");
    let by_form = form.raw("POST", "auth/userpass/users/f", b"password=pw&token_policies=foo%2Cadmin1");
    assert!(matches!(by_form.status, 400 | 403) || !holds("f"), "by a form: {}", by_form.status);
    // The control: another value passes in each of the forms.
    for (at, value) in [json!("dev"), json!(["dev", "ops"]), json!("dev, ops")].into_iter().enumerate() {
        let body = json!({"password": "pw", "token_policies": value});
        caller.post(&format!("auth/userpass/users/c{at}"), body).ok();
    }
}

/// Allowed and required parameters hold in every form too.
#[test]
fn allowed_and_required_parameters_hold_in_every_form() {
    let server = Server::dev();
    let caller = server.limited(
        "path \"cubbyhole/a\" { capabilities = [\"create\", \"update\"]
           allowed_parameters = { \"env\" = [\"dev\", \"test-*\"], \"note\" = [] }
           required_parameters = [\"env\"] }",
    );
    let status = |body: Value| caller.post("cubbyhole/a", body).status;
    for body in [
        json!({}),
        json!({"note": "x"}),
        json!({"env": "prod"}),
        json!({"env": ["dev", "prod"]}),
        json!({"env": "dev", "other": 1}),
        json!({"env": "dev", "Other": null}),
        json!({"env": {"dev": 1}}),
        json!({"env": null}),
    ] {
        assert_eq!(status(body.clone()), 403, "{body}");
    }
    assert_eq!(caller.post("cubbyhole/a?env=prod", json!({"note": "x"})).status, 403);
    caller.post("cubbyhole/a?env=dev", json!({"env": "dev"})).one_of(&[400, 403]);
    assert_eq!(
        (status(json!({"env": "dev"})), status(json!({"env": "test-1", "note": "x"}))),
        (204, 204),
        "the control"
    );
}

/// min_wrapping_ttl
#[test]
fn a_bound_on_wrapping_holds_without_the_header_and_with_odd_ones() {
    let server = Server::dev();
    server.root().post("secret/data/a", json!({"data": {"k": "in-clear"}})).ok();
    let caller = server.limited(
        "path \"secret/data/a\" { capabilities = [\"read\"] min_wrapping_ttl = \"10s\" max_wrapping_ttl = \"60s\" }",
    );
    let asked = |ttl: &str| caller.header("X-Vault-Wrap-TTL", ttl).get("secret/data/a");
    caller.get("secret/data/a").is(403);
    for ttl in ["", "0", "0s", "5s", "9", "61", "3600", "1h", "-1", "1e1", "1e9", " ", "abc", "9223372036854775807"] {
        let answer = asked(ttl);
        assert!(
            matches!(answer.status, 400 | 403) && !answer.text().contains("in-clear"),
            "{ttl:?}: {}",
            answer.text()
        );
    }
    for ttl in ["30", "30s", "10s", "60", "1m"] {
        let answer = asked(ttl).ok();
        assert!(answer.json()["wrap_info"]["token"].is_string() && !answer.text().contains("in-clear"), "{ttl}");
    }
}

/// A deny anywhere wins over every grant, whatever the order of the policies.
#[test]
fn a_deny_wins_over_every_grant() {
    let server = Server::dev();
    for path in ["a/b", "a/c"] {
        server.root().post(&format!("secret/data/{path}"), json!({"data": {}})).ok();
    }
    server.policy("all", "path \"secret/data/*\" { capabilities = [\"read\"] } path \"secret/data/a/b\" { capabilities = [\"read\", \"sudo\"] }");
    server.policy("not", "path \"secret/data/a/b\" { capabilities = [\"deny\"] }");
    for policies in [["all", "not"], ["not", "all"]] {
        let caller = server.holder_of(&policies);
        caller.get("secret/data/a/b").is(403);
        caller.get("secret/data/a/c").ok();
    }
    server.holder_of(&["all"]).get("secret/data/a/b").ok();
}
