//! write, patch, delete.
use super::FORCE;
use crate::call::Call;
use crate::data;
use crate::failure::Failure;
use crate::flags;
use crate::output::plain;
use kw_client::{ApiResponse, Json, Request};
use std::collections::BTreeMap;

pub(super) fn write(call: &mut Call) -> Result<i32, Failure> {
    let (path, body) = input(call)?;
    let answer = call.session()?.send(Request::put(&path, &body));
    let answer = answer.map_err(|e| e.during(format!("Error writing data to {path}")))?;
    done(call, &answer, &format!("Success! Data written to: {path}"))
}

pub(super) fn patch(call: &mut Call) -> Result<i32, Failure> {
    let (path, body) = input(call)?;
    let answer = call.session()?.send(Request::patch(&path, &body));
    let answer = answer.map_err(|e| e.during(format!("Error writing data to {path}")))?;
    done(call, &answer, &format!("Success! Data written to: {path}"))
}

pub(super) fn delete(call: &mut Call) -> Result<i32, Failure> {
    let path = call.arg(0).trim_matches('/').to_owned();
    let mut request = Request::delete(&path);
    let args = call.args().get(1..).unwrap_or_default().to_vec();
    for (key, value) in data::object(&args, call.terminal.input)? {
        request = request.query(&key, &plain(&value));
    }
    let answer = call.session()?.send(request).map_err(|e| e.during(format!("Error deleting {path}")))?;
    done(call, &answer, &format!("Success! Data deleted (if it existed) at: {path}"))
}

fn input(call: &mut Call) -> Result<(String, BTreeMap<String, Json>), Failure> {
    let path = call.arg(0).trim_matches('/').to_owned();
    let args = call.args().get(1..).unwrap_or_default().to_vec();
    if args.is_empty() && !call.on(&FORCE) {
        return Err(Failure::local("Must supply data or use -force"));
    }
    let body = data::object(&args, call.terminal.input)?;
    Ok((path, body))
}

/// An answer with content is shown; for one without, people are told that all went well and programs get nothing.
fn done(call: &mut Call, answer: &ApiResponse, success: &str) -> Result<i32, Failure> {
    if !answer.is_empty() || call.text(&flags::FIELD).is_some() {
        return call.show(answer);
    }
    if call.format()?.is_table() {
        call.say(success)?;
    }
    Ok(0)
}
