//! What hosts ask.
use super::otp;
use kw_engine::{Cx, Data, Fault, Request, Response, Secret, Txn};
use serde::Serialize;

/// A host's helper sends this to see whether the server is there.
const ECHO_REQUEST: &str = "verify-echo-request";
const ECHO_RESPONSE: &str = "verify-echo-response";

/// Says what a one-time password is good for, and uses it up. Needs no token, since hosts have none.
#[derive(Request)]
pub(super) struct Verify {
    /// The password.
    #[field(required)]
    otp: Secret<String>,
}

/// What the password was good for.
#[derive(Serialize, Response)]
pub(super) struct Verified {
    #[field(kind = "Text")]
    #[serde(skip_serializing_if = "Option::is_none")]
    ip: Option<String>,
    #[field(kind = "Text")]
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<String>,
    #[field(kind = "Text")]
    #[serde(skip_serializing_if = "Option::is_none")]
    role_name: Option<String>,
    /// `verify-echo-response`, for `verify-echo-request`; then there is nothing else.
    #[field(kind = "Text")]
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'static str>,
}

pub(super) async fn verify(cx: &Cx<'_>, txn: Txn<'_>, asked: Verify) -> Result<Data<Verified>, Fault> {
    if asked.otp.expose() == ECHO_REQUEST {
        let message = Some(ECHO_RESPONSE);
        return Ok(Data(Verified { ip: None, username: None, role_name: None, message }));
    }
    let login = otp::take(cx, txn, &asked.otp).await?.ok_or_else(|| Fault::bad_request("OTP not found"))?;
    let (ip, username, role_name) = (Some(login.ip), Some(login.username), Some(login.role_name));
    Ok(Data(Verified { ip, username, role_name, message: None }))
}
