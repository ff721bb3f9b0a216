//! operator unseal, seal, step-down.
use super::{MIGRATE, RECOVERY, RESET};
use crate::call::Call;
use crate::commands::diagnostics::show_seal_status;
use crate::failure::Failure;
use crate::session::Session;
use kw_client::{Json, Request};
use serde_json::json;

pub(super) fn unseal(call: &mut Call) -> Result<i32, Failure> {
    let session = call.session()?.unwrapped();
    let (migrate, recovery) = (call.on(&MIGRATE), call.on(&RECOVERY));
    let body = if call.on(&RESET) {
        json!({"reset": true, "migrate": migrate})
    } else if call.args().is_empty() && !migrate && !recovery && opens_by_itself(&session) {
        json!({})
    } else {
        let given = call.args().first().cloned();
        let key = call.secret_argument(given, if recovery { "Recovery Key" } else { "Unseal Key" })?;
        let mut body = json!({"key": key.expose().trim(), "migrate": migrate});
        // Other servers do not know it, and would warn.
        if let (true, Some(fields)) = (recovery, body.as_object_mut()) {
            fields.insert("recovery".to_owned(), true.into());
        }
        body
    };
    let answer = session.send(Request::put("sys/unseal", &body)).map_err(|e| e.during("Error unsealing"))?;
    show_seal_status(call, &session, &answer)?;
    Ok(0)
}

/// Whether the server's seal needs no shares.
fn opens_by_itself(session: &Session) -> bool {
    let status = session.send(Request::get("sys/seal-status")).ok().and_then(|a| a.body_as::<Json>().ok());
    let on = |name: &str| status.as_ref().and_then(|s| s.get(name)?.as_bool()).unwrap_or(false);
    on("recovery_seal") && !on("migration")
}

pub(super) fn seal(call: &mut Call) -> Result<i32, Failure> {
    call.session()?.send(Request::put("sys/seal", &json!({}))).map_err(|e| e.during("Error sealing"))?;
    call.say(format!("Success! {} is sealed.", call.brand.product())).map(|()| 0)
}

pub(super) fn step_down(call: &mut Call) -> Result<i32, Failure> {
    let sent = call.session()?.send(Request::put("sys/step-down", &json!({})));
    sent.map_err(|e| e.during("Error stepping down"))?;
    let address = call.text_or(&crate::flags::ADDRESS, "the server").to_owned();
    call.say(format!("Success! Stepped down: {address}")).map(|()| 0)
}
