//! unwrap.
use crate::call::Call;
use crate::failure::Failure;
use kw_client::Request;
use serde_json::json;

/// The wrapping token itself authorises the request, so that no other token is needed.
pub(super) fn unwrap(call: &mut Call) -> Result<i32, Failure> {
    let session = call.session()?.unwrapped();
    let given = call.args().first().cloned();
    let session = match given {
        None => session,
        Some(_) => session.with_token(call.secret_argument(given, "Wrapping Token")?),
    };
    let answer = session.send(Request::put("sys/wrapping/unwrap", &json!({})));
    let answer = answer.map_err(|e| e.during("Error unwrapping"))?;
    if answer.is_empty() {
        return Err(Failure::remote("Error unwrapping: the wrapping token held no answer"));
    }
    call.show(&answer)
}
