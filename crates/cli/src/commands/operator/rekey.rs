//! operator rekey.
use super::init::pgp_keys;
use super::*;
use crate::call::Call;
use crate::failure::Failure;
use crate::output::{key_value_table, plain};
use kw_client::{Json, Request};
use serde_json::json;
use std::collections::BTreeMap;

pub(super) fn rekey(call: &mut Call) -> Result<i32, Failure> {
    let api = Api::of(call)?;
    if call.on(&BACKUP_RETRIEVE) {
        let answer = call.session()?.send(Request::get(&api.path("backup")));
        let answer = answer.map_err(|e| e.during("Error retrieving rekey stored keys"))?;
        return call.show(&answer);
    }
    if call.on(&BACKUP_DELETE) {
        let sent = call.session()?.send(Request::delete(&api.path("backup")));
        sent.map_err(|e| e.during("Error deleting stored keys"))?;
        return call.say("Success! Delete stored keys (if they existed)").map(|()| 0);
    }
    let verifies = call.on(&VERIFY) && !call.on(&INIT);
    let attempt = api.path(if verifies { "verify" } else { "init" });
    if call.on(&CANCEL) {
        let what = if verifies { "rekey verification" } else { "rekeying" };
        call.session()?.send(Request::delete(&attempt)).map_err(|e| e.during("Error canceling rekey"))?;
        return call.say(format!("Success! Canceled {what} (if it was started)")).map(|()| 0);
    }
    if call.on(&INIT) {
        return begin(call, &attempt);
    }
    if call.on(&STATUS) {
        let answer = call.session()?.send(Request::get(&attempt));
        let answer = answer.map_err(|e| e.during("Error reading rekey status"))?;
        return show_status(call, &answer.body_as().unwrap_or_default());
    }
    provide(call, &api, &attempt, verifies)
}

/// The two sets of endpoints: of the unseal key and of the recovery key.
struct Api(&'static str);

impl Api {
    fn of(call: &Call) -> Result<Self, Failure> {
        match call.text_or(&TARGET, "barrier") {
            "barrier" => Ok(Self("")),
            "recovery" | "hsm" => Ok(Self("-recovery-key")),
            _ => Err(Failure::local("The target must be barrier or recovery")),
        }
    }

    fn path(&self, what: &str) -> String {
        match (what, self.0) {
            ("backup", "") => "sys/rekey/backup".to_owned(),
            ("backup", _) => "sys/rekey/recovery-key-backup".to_owned(),
            (_, suffix) => format!("sys/rekey{suffix}/{what}"),
        }
    }
}

fn begin(call: &mut Call, attempt: &str) -> Result<i32, Failure> {
    let mut body = BTreeMap::new();
    let mut set = |name: &str, value: serde_json::Value| _ = body.insert(name.to_owned(), value);
    set("secret_shares", json!(call.int(&KEY_SHARES).unwrap_or(5)));
    set("secret_threshold", json!(call.int(&KEY_THRESHOLD).unwrap_or(3)));
    set("backup", json!(call.on(&BACKUP)));
    set("require_verification", json!(call.on(&VERIFY)));
    let keys = pgp_keys(&call.all(&PGP_KEYS))?;
    let encrypted = !keys.is_empty();
    if encrypted {
        set("pgp_keys", json!(keys));
    }
    let session = call.session()?;
    let answer = session.send(Request::put(attempt, &body)).map_err(|e| e.during("Error initializing rekey"))?;
    if call.format()?.is_table() && !encrypted {
        call.warn(
            "WARNING! Nobody can bring the new shares back if they are lost after they have\nbeen shown. With -pgp-keys they are shown encrypted, and with -backup the server\nkeeps an encrypted copy until -backup-delete.\n",
        );
    }
    let mut status: Json = answer.body_as().unwrap_or_default();
    if status.get("started").is_none() {
        // Some servers answer the beginning with an empty body.
        let again = session.send(Request::get(attempt)).map_err(|e| e.during("Error reading rekey status"))?;
        status = again.body_as().unwrap_or_default();
    }
    show_status(call, &status)
}

fn provide(call: &mut Call, api: &Api, attempt: &str, verifies: bool) -> Result<i32, Failure> {
    let session = call.session()?;
    let status = session.send(Request::get(attempt)).map_err(|e| e.during("Error getting rekey status"))?;
    let status: Json = status.body_as().unwrap_or_default();
    if status.get("started").and_then(Json::as_bool) != Some(true) {
        return Err(Failure::local("No rekey is in progress. Start a rekey process by running with -init."));
    }
    let running = status.get("nonce").and_then(Json::as_str).unwrap_or_default().to_owned();
    let given = call.args().first().cloned();
    let nonce = match call.text(&NONCE).map(str::to_owned) {
        Some(nonce) => nonce,
        None if given.is_none() && call.may_ask() => {
            call.warn(format!("Rekey operation nonce: {running}"));
            running
        }
        None => return Err(Failure::local("Missing nonce value: specify it via the -nonce flag")),
    };
    let key = call.secret_argument(given, "Unseal Key")?;
    let body = json!({"key": key.expose().trim(), "nonce": nonce});
    let to = if verifies { attempt.to_owned() } else { api.path("update") };
    let answer = session.send(Request::put(&to, &body)).map_err(|e| e.during("Error posting unseal key"))?;
    let answer: Json = answer.body_as().unwrap_or_default();
    if answer.get("complete").and_then(Json::as_bool) != Some(true) {
        // An unfinished answer holds the whole status, except from servers that say only that it is unfinished.
        let again = session.send(Request::get(attempt)).map_err(|e| e.during("Error getting rekey status"))?;
        return show_status(call, &again.body_as().unwrap_or_default());
    }
    if verifies {
        return call.say("Success! Rekey verification finished. The new shares are in force.").map(|()| 0);
    }
    show_shares(call, &status, &answer)
}

fn show_status(call: &mut Call, status: &Json) -> Result<i32, Failure> {
    if !call.format()?.is_table() {
        call.show_structure(status)?;
        return Ok(0);
    }
    let mut rows = Vec::new();
    let mut add = |title: &str, value: String| rows.push((title.to_owned(), value));
    let text = |name: &str| status.get(name).filter(|v| !v.is_null()).map(plain).unwrap_or_default();
    let started = status.get("started").and_then(Json::as_bool).unwrap_or(false);
    add("Nonce", text("nonce"));
    add("Started", started.to_string());
    if started {
        let required = Some(text("required")).filter(|r| !r.is_empty()).unwrap_or_else(|| text("t"));
        add("Progress", format!("{}/{required}", text("progress")));
        add("New Shares", text("n"));
        add("New Threshold", text("t"));
        if status.get("verification_required").is_some() {
            add("Verification Required", text("verification_required"));
        }
        let verification = text("verification_nonce");
        if !verification.is_empty() {
            add("Verification Nonce", verification);
        }
    }
    if status.get("pgp_fingerprints").is_some_and(|list| list.as_array().is_some()) {
        add("PGP Fingerprints", text("pgp_fingerprints"));
        add("Backup", text("backup"));
    }
    call.say(key_value_table(&rows)).map(|()| 0)
}

fn show_shares(call: &mut Call, status: &Json, answer: &Json) -> Result<i32, Failure> {
    if !call.format()?.is_table() {
        call.show_structure(answer)?;
        return Ok(0);
    }
    let texts = |name: &str| answer.get(name).and_then(Json::as_array).cloned().unwrap_or_default();
    let fingerprints = texts("pgp_fingerprints");
    call.say("")?;
    for (i, share) in texts("keys_base64").iter().enumerate() {
        let fingerprint = fingerprints.get(i).map(|f| format!(" fingerprint: {}; value", plain(f))).unwrap_or_default();
        call.say(format!("Key {}{fingerprint}: {}", i + 1, plain(share)))?;
    }
    let text = |from: &Json, name: &str| from.get(name).map(plain).unwrap_or_default();
    let (product, n, t) = (call.brand.product(), text(status, "n"), text(status, "t"));
    call.say(format!("\nOperation nonce: {}", text(answer, "nonce")))?;
    if answer.get("verification_required").and_then(Json::as_bool) == Some(true) {
        call.say(format!(
            "\n{product} has made {n} new shares with a key threshold of {t}. They do not count until\nthey have been proven: give {t} of them with -verify. Until then the present shares\nstay in force; keep them.\n\nVerification nonce: {}",
            text(answer, "verification_nonce")
        ))?;
    } else {
        call.say(format!(
            "\n{product} unseal keys rekeyed to {n} key shares and a key threshold of {t}. Give each\nshare to another person, over a channel that you trust: they are not shown again."
        ))?;
    }
    Ok(0)
}
