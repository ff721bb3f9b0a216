//! Every route of every table refuses who may not call it. A new route is in the sweep without being named here; one that
//! is open to anybody fails it until it stands in the list below, which is where a reviewer sees it.
use crate::support::{Answer, Caller, Server};
use kw_kernel::schema_json;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// What anybody may call. This list only shrinks.
const OPEN: &[&str] = &[
    // Load balancers, clients and the seal: there are no tokens before it is open.
    "read sys/health",
    "read sys/init",
    "write sys/init",
    "read sys/leader",
    "read sys/seal-status",
    "write sys/unseal",
    // Log-ins, and what a host has to show for itself: a one-time password.
    "write auth/approle/login",
    "write auth/userpass/login/{username}",
    "write secrets/ssh/verify",
    // Of a wrapping token, which must be named: when and on what path it was made.
    "read sys/wrapping/lookup",
    "write sys/wrapping/lookup",
    // Which mounts the operator has marked as visible, and, with a token, those it may use.
    "read sys/internal/ui/mounts",
    "read sys/internal/ui/mounts/{path...}",
    "read sys/internal/ui/namespaces",
    // Holders of key shares need no token, as in Vault; a listener can ask for one besides.
    "delete sys/generate-root/attempt",
    "read sys/generate-root/attempt",
    "write sys/generate-root/attempt",
    "write sys/generate-root/update",
    "write sys/decode-token",
    "delete sys/rekey/init",
    "read sys/rekey/init",
    "write sys/rekey/init",
    "write sys/rekey/update",
    "delete sys/rekey/verify",
    "read sys/rekey/verify",
    "write sys/rekey/verify",
    "delete sys/rekey-recovery-key/init",
    "read sys/rekey-recovery-key/init",
    "write sys/rekey-recovery-key/init",
    "write sys/rekey-recovery-key/update",
    "delete sys/rekey-recovery-key/verify",
    "read sys/rekey-recovery-key/verify",
    "write sys/rekey-recovery-key/verify",
];

/// What answers while sealed. This list only shrinks.
const WHILE_SEALED: &[&str] = &[
    "read sys/health",
    "read sys/init",
    "write sys/init",
    "read sys/leader",
    "read sys/seal-status",
    // Nothing is left to do, and it says so.
    "write sys/seal",
    "write sys/unseal",
];

/// Whose token is not who asks but what is asked about: a wrapping token. Any other is no wrapping token, which is 400.
const ABOUT_THE_TOKEN: &[&str] = &["read sys/wrapping/unwrap", "write sys/wrapping/rewrap"];

/// Captures that must name something which is there, for the control.
const NAMED: &[(&str, &str)] = &[("sys/internal/ui/mounts/{path...}", "sys/internal/ui/mounts/secret")];

/// One operation, with a path that a client could send.
struct Op {
    /// As in the lists above: the verb and the pattern behind its table.
    name: String,
    verb: String,
    path: String,
    is_open: bool,
}

#[test]
fn every_route_refuses_whoever_may_not_call_it() {
    let server = Server::dev();
    let ops = operations();
    assert!(ops.len() > 100, "only {} operations were found", ops.len());
    mount_all(&server);
    server.policy("nothing", "path \"no-such-mount/x\" { capabilities = [\"read\"] }");

    only_listed_routes_are_open(&ops);
    let powerless = server.holder_of(&["nothing"]);
    let mut wrong = Vec::new();
    for op in &ops {
        if !op.is_open {
            op.expect(&server.nobody(), "without a token", |s| s == 403, &mut wrong);
            let refusal = if ABOUT_THE_TOKEN.contains(&op.name.as_str()) { 400 } else { 403 };
            op.expect(&server.with("s.no-such-token"), "with a made-up token", |s| s == refusal, &mut wrong);
            op.expect(&powerless, "with the policy `nothing`", |s| s == refusal, &mut wrong);
        }
        let elsewhere = server.root().header("X-Vault-Namespace", "no-such-namespace");
        op.expect(&elsewhere, "in a namespace that does not exist", |s| s == 404, &mut wrong);
    }
    // The control: it is not for some other reason that they are refused. What seals the server comes last.
    let (sealing, others): (Vec<&Op>, Vec<&Op>) = ops.iter().partition(|op| op.name == "write sys/seal");
    assert_eq!(sealing.len(), 1);
    for op in others {
        // A token of its own for each: some routes revoke the caller's.
        let root = server.with(&server.make_token(json!({"policies": ["root"], "ttl": "1h"})));
        op.expect(&root, "with a root token", |s| s != 403, &mut wrong);
        assert!(!server.is_sealed(), "{} sealed the server", op.name);
    }
    sealing[0].expect(&server.root(), "with a root token", |s| s == 204, &mut wrong);
    assert!(server.is_sealed());
    for op in ops.iter().filter(|op| !WHILE_SEALED.contains(&op.name.as_str())) {
        op.expect(&server.nobody(), "sealed, without a token", |s| s == 503, &mut wrong);
        op.expect(&server.root(), "sealed, with a root token", |s| s == 503, &mut wrong);
    }
    assert!(wrong.is_empty(), "{} of {} operations answer wrongly:\n{}", wrong.len(), ops.len(), wrong.join("\n"));
}

/// Both ways: a route that became open is found, and a list that says more than is true is cut down.
fn only_listed_routes_are_open(ops: &[Op]) {
    let open: BTreeSet<&str> = ops.iter().filter(|op| op.is_open).map(|op| op.name.as_str()).collect();
    let listed: BTreeSet<&str> = OPEN.iter().copied().collect();
    let unlisted: Vec<_> = open.difference(&listed).collect();
    let closed: Vec<_> = listed.difference(&open).collect();
    assert!(unlisted.is_empty(), "open to anybody, and not in the list: {unlisted:#?}");
    assert!(closed.is_empty(), "in the list of open routes, and not open: {closed:#?}");
}

impl Op {
    fn expect(&self, caller: &Caller, who: &str, is_right: impl Fn(u16) -> bool, wrong: &mut Vec<String>) {
        let answer = self.call(caller);
        if !is_right(answer.status) {
            wrong.push(format!("{} ({}) {who}: {} {}", self.name, self.path, answer.status, answer.text()));
        }
    }

    fn call(&self, caller: &Caller) -> Answer {
        let body = json!({});
        match self.verb.as_str() {
            "read" => caller.get(&self.path),
            "list" => caller.list(&self.path),
            "scan" => caller.call("SCAN", &self.path, None),
            "write" => caller.post(&self.path, body),
            "patch" => caller.patch(&self.path, body),
            "delete" => caller.delete(&self.path),
            other => panic!("no method for the verb {other}"),
        }
    }
}

fn operations() -> Vec<Op> {
    let schema = schema_json(&kw_server::registry());
    let tables = schema.as_object().unwrap();
    tables.iter().flat_map(|(table, ops)| ops.as_array().unwrap().iter().map(move |op| operation(table, op))).collect()
}

fn operation(table: &str, op: &Value) -> Op {
    let (pattern, verb) = (op["path"].as_str().unwrap(), op["verb"].as_str().unwrap());
    let parts: Vec<&str> = pattern.split('/').map(|part| if part.starts_with('{') { "x" } else { part }).collect();
    let full = format!("{table}/{pattern}");
    let named = NAMED.iter().find(|(name, _)| *name == full).map(|(_, path)| (*path).to_owned());
    Op {
        name: format!("{verb} {full}"),
        verb: verb.to_owned(),
        path: named.unwrap_or_else(|| format!("{}/{}", mount_of(table), parts.join("/"))),
        is_open: op["access"] == json!("open"),
    }
}

/// Where the routes of a table are to be reached.
fn mount_of(table: &str) -> String {
    match table {
        "sys" | "identity" | "auth/token" => table.to_owned(),
        "secrets/cubbyhole" => "cubbyhole".to_owned(),
        _ => match table.strip_prefix("auth/") {
            Some(method) => format!("auth/sweep-{}", method.replace('/', "-")),
            None => format!("sweep-{}", table.trim_start_matches("secrets/").replace('/', "-")),
        },
    }
}

fn mount_all(server: &Server) {
    let schema = schema_json(&kw_server::registry());
    for table in schema.as_object().unwrap().keys() {
        let path = mount_of(table);
        if !path.contains("sweep-") {
            continue;
        }
        let mut words = table.split('/').skip(1);
        let mut body = json!({"type": words.next().unwrap()});
        if let Some(version) = words.next() {
            body["options"] = json!({"version": version.trim_start_matches('v')});
        }
        let at = if path.starts_with("auth/") { format!("sys/{path}") } else { format!("sys/mounts/{path}") };
        server.root().post(&at, body).ok();
    }
}
