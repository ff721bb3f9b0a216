//! operator generate-root.
use super::init::pgp_key;
use super::{CANCEL, DECODE, GENERATE_OTP, INIT, NONCE, OTP, PGP_KEY, STATUS, otp};
use crate::call::Call;
use crate::data::read_input;
use crate::failure::Failure;
use crate::output::columns;
use kw_client::{Json, Request};
use serde_json::json;

const ATTEMPT: &str = "sys/generate-root/attempt";

pub(super) fn generate_root(call: &mut Call) -> Result<i32, Failure> {
    if call.on(&GENERATE_OTP) {
        return generate_otp(call);
    }
    if call.text(&DECODE).is_some() {
        return decode(call);
    }
    if call.on(&CANCEL) {
        let sent = call.session()?.send(Request::delete(ATTEMPT));
        sent.map_err(|e| e.during("Error canceling root token generation"))?;
        return call.say("Success! Root token generation canceled (if it was started)").map(|()| 0);
    }
    if call.on(&INIT) {
        return begin(call);
    }
    if call.on(&STATUS) {
        let answer = call.session()?.send(Request::get(ATTEMPT));
        let answer = answer.map_err(|e| e.during("Error getting root generation status"))?;
        return show(call, &answer.body_as().unwrap_or_default());
    }
    provide(call)
}

fn generate_otp(call: &mut Call) -> Result<i32, Failure> {
    // The server knows how long its tokens are; without one, the usual length will do.
    let status = call.session()?.send(Request::get(ATTEMPT)).ok().and_then(|a| a.body_as::<Json>().ok());
    let length = status.and_then(|s| s.get("otp_length")?.as_u64()).and_then(|n| usize::try_from(n).ok());
    let otp = otp::generate(length.filter(|n| *n > 0).unwrap_or(otp::LENGTH))?;
    match call.format()?.is_table() {
        true => call.write(&otp)?,
        false => call.show_structure(&json!({"otp": otp, "otp_length": otp.len()}))?,
    }
    Ok(0)
}

fn decode(call: &mut Call) -> Result<i32, Failure> {
    let Some(otp) = call.text(&OTP).filter(|otp| !otp.is_empty()).map(str::to_owned) else {
        return Err(Failure::local("Missing otp: use -otp to supply it"));
    };
    let encoded = match call.text_or(&DECODE, "").to_owned().as_str() {
        "-" => read_input(call.terminal.input, "the encoded token")?,
        text => text.to_owned(),
    };
    let token = otp::decode(&encoded, &otp)?;
    match call.format()?.is_table() {
        true => call.write(token.expose())?,
        false => call.show_structure(&json!({"token": token}))?,
    }
    Ok(0)
}

fn begin(call: &mut Call) -> Result<i32, Failure> {
    let body = match (call.text(&OTP), call.text(&PGP_KEY)) {
        (_, Some(file)) => json!({"pgp_key": pgp_key(file)?}),
        (Some(otp), None) => json!({"otp": otp}),
        (None, None) => json!({}),
    };
    let answer = call.session()?.send(Request::put(ATTEMPT, &body));
    let answer = answer.map_err(|e| e.during("Error initializing root generation"))?;
    let status: Json = answer.body_as().unwrap_or_default();
    let made = status.get("otp").and_then(Json::as_str).is_some_and(|o| !o.is_empty());
    if call.format()?.is_table() && made && call.text(&OTP).is_none() {
        call.warn(
            "A One-Time-Password has been generated for you and is shown in the OTP field.\nYou will need this value to decode the resulting root token, so keep it safe.",
        );
    }
    show(call, &status)
}

fn provide(call: &mut Call) -> Result<i32, Failure> {
    let session = call.session()?;
    let status = session.send(Request::get(ATTEMPT)).map_err(|e| e.during("Error getting root generation status"))?;
    let status: Json = status.body_as().unwrap_or_default();
    if status.get("started").and_then(Json::as_bool) != Some(true) {
        return Err(Failure::local("No root generation is in progress. Start one by running with -init."));
    }
    let running = status.get("nonce").and_then(Json::as_str).unwrap_or_default().to_owned();
    let given = call.args().first().cloned();
    let nonce = match call.text(&NONCE).map(str::to_owned) {
        Some(nonce) => nonce,
        // Whoever types at the terminal sees which operation it is; a program must say which it means.
        None if given.is_none() && call.may_ask() => {
            call.warn(format!("Operation nonce: {running}"));
            running
        }
        None => return Err(Failure::local("Missing nonce value: specify it via the -nonce flag")),
    };
    let key = call.secret_argument(given, "Unseal Key")?;
    let body = json!({"key": key.expose().trim(), "nonce": nonce});
    let answer = session.send(Request::put("sys/generate-root/update", &body));
    let answer = answer.map_err(|e| e.during("Error posting unseal key"))?;
    show(call, &answer.body_as().unwrap_or_default())
}

fn show(call: &mut Call, status: &Json) -> Result<i32, Failure> {
    if !call.format()?.is_table() {
        call.show_structure(status)?;
        return Ok(0);
    }
    let text = |name: &str| match status.get(name) {
        None | Some(Json::Null) => String::new(),
        Some(value) => crate::output::plain(value),
    };
    let mut rows = vec![
        vec!["Nonce".to_owned(), text("nonce")],
        vec!["Started".to_owned(), text("started")],
        vec!["Progress".to_owned(), format!("{}/{}", text("progress"), text("required"))],
        vec!["Complete".to_owned(), text("complete")],
    ];
    let token = Some(text("encoded_token")).filter(|t| !t.is_empty()).unwrap_or_else(|| text("encoded_root_token"));
    for (title, value) in [
        ("PGP Fingerprint", text("pgp_fingerprint")),
        ("Encoded Token", token),
        ("OTP", text("otp")),
        ("OTP Length", Some(text("otp_length")).filter(|t| t != "0").unwrap_or_default()),
    ] {
        if !value.is_empty() {
            rows.push(vec![title.to_owned(), value]);
        }
    }
    call.say(columns(&rows)).map(|()| 0)
}
