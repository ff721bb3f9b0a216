//! Every route of every table refuses who may not call it. A new route is in the sweep without being named here; one that
//! is open to anybody fails it until it stands in the list below, which is where a reviewer sees it.
use crate::support::{Caller, Op, Server, mount_all, operations};
use serde_json::json;
use std::collections::BTreeSet;

/// What anybody may call. This list only shrinks.
const OPEN: &[&str] = &[
    // Load balancers, clients and the seal: there are no tokens before it is open.
    "read sys/health",
    "read sys/init",
    "write sys/init",
    "read sys/leader",
    "read sys/seal-backend-status",
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
    "read sys/seal-backend-status",
    "read sys/seal-status",
    // Nothing is left to do, and it says so.
    "write sys/seal",
    "write sys/unseal",
];

/// Whose token is not who asks but what is asked about: a wrapping token. Any other is no wrapping token, which is 400.
const ABOUT_THE_TOKEN: &[&str] =
    &["read sys/wrapping/unwrap", "write sys/wrapping/unwrap", "write sys/wrapping/rewrap"];

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
            expect(op, &server.nobody(), "without a token", |s| s == 403, &mut wrong);
            let refusal = if ABOUT_THE_TOKEN.contains(&op.name.as_str()) { 400 } else { 403 };
            expect(op, &server.with("s.no-such-token"), "with a made-up token", |s| s == refusal, &mut wrong);
            expect(op, &powerless, "with the policy `nothing`", |s| s == refusal, &mut wrong);
        }
        let elsewhere = server.root().header("X-Vault-Namespace", "no-such-namespace");
        expect(op, &elsewhere, "in a namespace that does not exist", |s| s == 404, &mut wrong);
    }
    // The control: it is not for some other reason that they are refused. What seals the server comes last.
    let (sealing, others): (Vec<&Op>, Vec<&Op>) = ops.iter().partition(|op| op.name == "write sys/seal");
    assert_eq!(sealing.len(), 1);
    for op in others {
        // A token of its own for each: some routes revoke the caller's.
        let root = server.with(&server.make_token(json!({"policies": ["root"], "ttl": "1h"})));
        expect(op, &root, "with a root token", |s| s != 403, &mut wrong);
        assert!(!server.is_sealed(), "{} sealed the server", op.name);
    }
    expect(sealing[0], &server.root(), "with a root token", |s| s == 204, &mut wrong);
    assert!(server.is_sealed());
    for op in ops.iter().filter(|op| !WHILE_SEALED.contains(&op.name.as_str())) {
        expect(op, &server.nobody(), "sealed, without a token", |s| s == 503, &mut wrong);
        expect(op, &server.root(), "sealed, with a root token", |s| s == 503, &mut wrong);
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

fn expect(op: &Op, caller: &Caller, who: &str, is_right: impl Fn(u16) -> bool, wrong: &mut Vec<String>) {
    let answer = op.call(caller, &json!({}));
    if !is_right(answer.status) {
        wrong.push(format!("{} ({}) {who}: {} {}", op.name, op.path, answer.status, answer.text()));
    }
}
