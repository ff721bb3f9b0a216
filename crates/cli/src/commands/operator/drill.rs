//! operator seal drill, backends, accept-rollback.
use super::{CANCEL, STATUS};
use crate::call::Call;
use crate::failure::Failure;
use crate::output::{columns, key_value_table, plain};
use kw_client::{Json, Request};
use std::io::Write;
use std::path::Path;

const DRILL: &str = "sys/seal/drill";

pub(super) fn drill(call: &mut Call) -> Result<i32, Failure> {
    let session = call.session()?;
    if call.on(&CANCEL) {
        session.send(Request::delete(DRILL)).map_err(|e| e.during("Error canceling the drill"))?;
        return call.say("Success! Canceled the drill (if it was started)").map(|()| 0);
    }
    let answer = if call.on(&STATUS) {
        session.send(Request::get(DRILL)).map_err(|e| e.during("Error reading the drill"))?
    } else {
        let given = call.args().first().cloned();
        let key = call.secret_argument(given, "Key Share")?;
        let body = serde_json::json!({"key": key.expose().trim()});
        session.send(Request::put(DRILL, &body)).map_err(|e| e.during("Error giving the share"))?
    };
    let status: Json = answer.body_as().unwrap_or_default();
    if !call.format()?.is_table() {
        call.show_structure(&status)?;
        return Ok(0);
    }
    let text = |name: &str| status.get(name).map(plain).unwrap_or_default();
    let on = |name: &str| status.get(name).and_then(Json::as_bool).unwrap_or(false);
    call.say(key_value_table(&[
        ("Kind of Shares".to_owned(), text("kind")),
        ("Progress".to_owned(), format!("{}/{}", text("progress"), text("required"))),
        ("Complete".to_owned(), text("complete")),
        ("Opens the Store".to_owned(), text("opens_store")),
    ]))?;
    match (on("complete"), on("opens_store")) {
        (true, true) => call.say("\nSuccess! These shares open the store: proven by its own rows. Nothing was changed.")?,
        (true, false) => call.say(
            "\nThese shares are right and speak for their holders, but were made not to open\nthe store: if the seal's key is lost, the data is lost.",
        )?,
        _ => {}
    }
    Ok(0)
}

pub(super) fn backends(call: &mut Call) -> Result<i32, Failure> {
    let answer = call.session()?.unwrapped().send(Request::get("sys/seal-backend-status"));
    let status: Json = answer.map_err(|e| e.during("Error reading the seals"))?.body_as().unwrap_or_default();
    if !call.format()?.is_table() {
        call.show_structure(&status)?;
        return Ok(0);
    }
    let mut rows = vec![["Name", "Type", "Priority", "Healthy", "Wrapped", "Error"].map(str::to_owned).to_vec()];
    let list = |name: &str| status.get(name).and_then(Json::as_array).cloned().unwrap_or_default();
    let not_wrapped: Vec<String> = list("not_wrapped").iter().map(plain).collect();
    for backend in list("backends") {
        let text = |name: &str| backend.get(name).map(plain).unwrap_or_default();
        let wrapped = !not_wrapped.contains(&text("name"));
        rows.push(vec![
            text("name"),
            text("type"),
            text("priority"),
            text("healthy"),
            wrapped.to_string(),
            text("error"),
        ]);
    }
    call.say(columns(&rows)).map(|()| 0)
}

/// A file beside the server, so whoever may change the server's own files says so, and nobody over the network.
pub(super) fn accept_rollback(call: &mut Call) -> Result<i32, Failure> {
    let path = call.arg(0).to_owned();
    let text = std::fs::read(&path).map_err(|e| Failure::local(format!("Cannot read the mark {path}: {e}")))?;
    let other = || Failure::local(format!("{path} is not a rollback mark: see rollback_mark in the configuration"));
    let mut mark: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(&text).map_err(|_| other())?;
    let checkpoint = mark.get("checkpoint").and_then(serde_json::Value::as_u64).ok_or_else(other)?;
    mark.insert("accepted".to_owned(), "an operator accepted it with operator seal accept-rollback".into());
    let text = serde_json::to_vec(&mark).map_err(|e| Failure::local(e.to_string()))?;
    replace(Path::new(&path), &text).map_err(|e| Failure::local(format!("Cannot write the mark {path}: {e}")))?;
    let product = call.brand.product();
    call.say(format!(
        "Success! The next opening accepts a store that is older than checkpoint {checkpoint}.\nWhat was revoked or changed after the older state was saved is so no longer. Unseal\n{product} now; with a seal that opens by itself, it does so within half a minute."
    ))
    .map(|()| 0)
}

/// Keeps owner and mode of the file, which belongs to the server.
fn replace(path: &Path, text: &[u8]) -> std::io::Result<()> {
    let mut file = std::fs::OpenOptions::new().write(true).truncate(true).open(path)?;
    file.write_all(text)?;
    file.sync_all()
}
