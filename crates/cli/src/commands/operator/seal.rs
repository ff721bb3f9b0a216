//! operator unseal, seal, step-down.
use super::{MIGRATE, RESET};
use crate::call::Call;
use crate::commands::diagnostics::show_seal_status;
use crate::failure::Failure;
use kw_client::Request;
use serde_json::json;

pub(super) fn unseal(call: &mut Call) -> Result<i32, Failure> {
    let body = if call.on(&RESET) {
        json!({"reset": true, "migrate": call.on(&MIGRATE)})
    } else {
        let given = call.args().first().cloned();
        let key = call.secret_argument(given, "Unseal Key")?;
        json!({"key": key.expose().trim(), "migrate": call.on(&MIGRATE)})
    };
    let session = call.session()?.unwrapped();
    let answer = session.send(Request::put("sys/unseal", &body)).map_err(|e| e.during("Error unsealing"))?;
    show_seal_status(call, &session, &answer)?;
    Ok(0)
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
