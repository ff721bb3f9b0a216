//! Leases.
use crate::call::Call;
use crate::declare::{Command, Flag, Kind, Shared};
use crate::failure::Failure;
use kw_client::Request;
use serde_json::{Map, json};

const INCREMENT: Flag =
    Flag::new("increment", Kind::Duration, "How long the lease should last from now on.").aliases(&["i"]);
const FORCE: Flag =
    Flag::new("force", Kind::Bool, "Drop the leases even if the outside world keeps the credentials; needs -prefix.")
        .aliases(&["f"]);
const PREFIX: Flag =
    Flag::new("prefix", Kind::Bool, "The argument is the beginning of the ids of all leases to revoke.");
const SYNC: Flag = Flag::new("sync", Kind::Bool, "Wait until it is done.");

pub(super) const COMMANDS: &[Command] = &[
    Command {
        name: "lease lookup",
        args: "ID",
        arity: (1, 1),
        summary: "Show a lease",
        details: "Shows when a lease was made and when it ends.\n\n$ lease lookup database/creds/reader/abc123",
        shared: Shared::HttpFormat,
        flags: &[],
        run: lookup,
    },
    Command {
        name: "lease renew",
        args: "ID",
        arity: (1, 1),
        summary: "Renew a lease",
        details: "Renews a lease.\n\n$ lease renew -increment=1h database/creds/reader/abc123",
        shared: Shared::HttpFormat,
        flags: &[INCREMENT],
        run: renew,
    },
    Command {
        name: "lease revoke",
        args: "ID",
        arity: (1, 1),
        summary: "Revoke leases and their credentials",
        details: "Revokes a lease, or all whose ids begin alike.\n\n$ lease revoke database/creds/reader/abc123\n$ lease revoke -prefix database/creds/reader",
        shared: Shared::Http,
        flags: &[PREFIX, FORCE, SYNC],
        run: revoke,
    },
];

fn lookup(call: &mut Call) -> Result<i32, Failure> {
    let id = call.arg(0).to_owned();
    let answer = call.session()?.send(Request::put("sys/leases/lookup", &json!({"lease_id": id})));
    let answer = answer.map_err(|e| e.during(format!("Error looking up lease id {id}")))?;
    call.show(&answer)
}

fn renew(call: &mut Call) -> Result<i32, Failure> {
    let id = call.arg(0).trim().to_owned();
    let mut body = Map::new();
    body.insert("lease_id".to_owned(), json!(id));
    if let Some(increment) = call.text(&INCREMENT) {
        body.insert("increment".to_owned(), json!(increment));
    }
    let answer = call.session()?.send(Request::put("sys/leases/renew", &body));
    let answer = answer.map_err(|e| e.during(format!("Error renewing {id}")))?;
    call.show(&answer)
}

fn revoke(call: &mut Call) -> Result<i32, Failure> {
    let id = call.arg(0).trim().to_owned();
    let (force, prefix, sync) = (call.on(&FORCE), call.on(&PREFIX), call.on(&SYNC));
    if force && !prefix {
        return Err(Failure::local("Must specify a prefix: use -prefix with -force"));
    }
    let bare = id.trim_matches('/');
    let (request, success) = if force {
        call.warn(format!(
            "Warning! Force-removing leases can cause {} to become out of sync with the systems that hold the credentials!",
            call.brand.product()
        ));
        let request = Request::put(&format!("sys/leases/revoke-force/{bare}"), &json!({}));
        (request, format!("Success! Force revoked any leases with prefix: {id}"))
    } else if prefix {
        let request = Request::put(&format!("sys/leases/revoke-prefix/{bare}"), &json!({"sync": sync}));
        (request, format!("Success! Revoked any leases with prefix: {id}"))
    } else {
        let request = Request::put("sys/leases/revoke", &json!({"lease_id": id, "sync": sync}));
        (request, format!("Success! Revoked lease: {id}"))
    };
    call.session()?.send(request).map_err(|e| e.during(format!("Error revoking {id}")))?;
    let text = if sync || force { success } else { "All revocation operations queued successfully!".to_owned() };
    call.say(text).map(|()| 0)
}
