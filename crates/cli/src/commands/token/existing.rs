//! token lookup, renew, revoke, capabilities.
use super::{ACCESSOR, INCREMENT, MODE, SELF};
use crate::call::Call;
use crate::failure::Failure;
use kw_client::{Json, Request};
use serde_json::json;
use std::collections::BTreeMap;

/// Which token a command is about.
enum Subject {
    InUse,
    Token(String),
    Accessor(String),
}

fn subject(call: &mut Call, index: usize) -> Result<Subject, Failure> {
    let accessor = call.on(&ACCESSOR);
    let Some(given) = call.args().get(index).cloned() else {
        return match accessor {
            true => Err(Failure::local("Not enough arguments with -accessor (expected 1, got 0)")),
            false => Ok(Subject::InUse),
        };
    };
    let text = call.secret_argument(Some(given), "Token")?.expose().trim().to_owned();
    Ok(if accessor { Subject::Accessor(text) } else { Subject::Token(text) })
}

pub(super) fn lookup(call: &mut Call) -> Result<i32, Failure> {
    let request = match subject(call, 0)? {
        Subject::InUse => Request::get("auth/token/lookup-self"),
        Subject::Token(token) => Request::post("auth/token/lookup", &json!({"token": token})),
        Subject::Accessor(accessor) => Request::post("auth/token/lookup-accessor", &json!({"accessor": accessor})),
    };
    let answer = call.session()?.send(request).map_err(|e| e.during("Error looking up token"))?;
    call.show(&answer)
}

pub(super) fn renew(call: &mut Call) -> Result<i32, Failure> {
    let mut body = BTreeMap::new();
    if let Some(increment) = call.text(&INCREMENT) {
        body.insert("increment".to_owned(), json!(increment));
    }
    let path = match subject(call, 0)? {
        Subject::InUse => "auth/token/renew-self",
        Subject::Token(token) => {
            body.insert("token".to_owned(), json!(token));
            "auth/token/renew"
        }
        Subject::Accessor(accessor) => {
            body.insert("accessor".to_owned(), json!(accessor));
            "auth/token/renew-accessor"
        }
    };
    let answer = call.session()?.send(Request::put(path, &body)).map_err(|e| e.during("Error renewing token"))?;
    call.show(&answer)
}

pub(super) fn revoke(call: &mut Call) -> Result<i32, Failure> {
    let own = call.on(&SELF);
    let mode = call.text_or(&MODE, "").to_owned();
    if own && !call.args().is_empty() {
        return Err(Failure::local("Too many arguments with -self (expected 0, got 1)"));
    }
    if !own && call.args().is_empty() {
        return Err(Failure::local("Not enough arguments (expected 1 or -self, got 0)"));
    }
    let request = match (subject(call, 0)?, mode.as_str()) {
        (Subject::InUse, "") => Request::put("auth/token/revoke-self", &json!({})),
        (Subject::Token(token), "") => Request::put("auth/token/revoke", &json!({"token": token})),
        (Subject::Accessor(accessor), "") => Request::put("auth/token/revoke-accessor", &json!({"accessor": accessor})),
        (Subject::Token(token), "orphan") => Request::put("auth/token/revoke-orphan", &json!({"token": token})),
        (Subject::Token(path), "path") => {
            Request::put(&format!("sys/leases/revoke-prefix/{}", path.trim_matches('/')), &json!({}))
        }
        (_, "orphan" | "path") => return Err(Failure::local("-mode cannot be used with -self or -accessor")),
        _ => return Err(Failure::local("-mode must be orphan or path")),
    };
    call.session()?.send(request).map_err(|e| e.during("Error revoking token"))?;
    call.say("Success! Revoked token (if it existed)").map(|()| 0)
}

pub(super) fn capabilities(call: &mut Call) -> Result<i32, Failure> {
    let one = call.args().len() == 1;
    let path = call.arg(usize::from(!one)).trim_matches('/').to_owned();
    let paths = json!([path]);
    let subject = if one { Subject::InUse } else { subject(call, 0)? };
    let request = match subject {
        Subject::InUse => Request::post("sys/capabilities-self", &json!({"paths": paths})),
        Subject::Token(token) => Request::post("sys/capabilities", &json!({"token": token, "paths": paths})),
        Subject::Accessor(accessor) => {
            Request::post("sys/capabilities-accessor", &json!({"accessor": accessor, "paths": paths}))
        }
    };
    let answer = call.session()?.send(request).map_err(|e| e.during("Error listing capabilities"))?;
    let found = answer.field(&path).or_else(|| answer.field("capabilities"));
    let mut names: Vec<String> = found
        .and_then(Json::as_array)
        .map(|list| list.iter().filter_map(|v| v.as_str().map(str::to_owned)).collect())
        .unwrap_or_default();
    names.sort();
    match call.format()?.is_table() {
        true => call.say(names.join(", "))?,
        false => call.show_structure(&names)?,
    }
    Ok(0)
}
