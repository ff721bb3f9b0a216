//! kv put, patch.
use super::locate::Located;
use super::read::{section, show_path};
use super::{CAS, METHOD, REMOVE_DATA};
use crate::call::Call;
use crate::data;
use crate::failure::Failure;
use crate::flags;
use crate::output::Format;
use crate::session::Session;
use kw_client::{ApiResponse, Json, Request};
use serde::Serialize;
use std::collections::BTreeMap;

/// The body of a write. A type, because `json!` would round the numbers of the data.
#[derive(Serialize)]
pub(super) struct Write<'a, D> {
    pub(super) data: &'a D,
    pub(super) options: Options,
}

/// How to write.
#[derive(Serialize)]
pub(super) struct Options {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) cas: Option<u64>,
}

pub(super) fn put(call: &mut Call) -> Result<i32, Failure> {
    let body = input(call)?;
    let session = call.session()?;
    let at = Located::new(call, &session)?;
    let path = at.path("data");
    let request = match at.is_versioned() {
        true => Request::put(&path, &Write { data: &body, options: options(call) }),
        false => Request::put(&path, &body),
    };
    let answer = session.send(request).map_err(|e| e.during(format!("Error writing data to {path}")))?;
    show_written(call, &answer, &path)
}

pub(super) fn patch(call: &mut Call) -> Result<i32, Failure> {
    let mut body =
        if call.args().len() > 1 || call.all(&REMOVE_DATA).is_empty() { input(call)? } else { BTreeMap::new() };
    for key in call.all(&REMOVE_DATA) {
        body.insert(key, Json::Null);
    }
    let session = call.session()?;
    let at = Located::new(call, &session)?.of_versioned_mount("patch")?;
    let path = at.path("data");
    let answer = match call.text_or(&METHOD, "") {
        "rw" => read_then_write(&session, &path, body)?,
        method @ ("" | "patch") => {
            let sent = session.send(Request::patch(&path, &Write { data: &body, options: options(call) }));
            match sent {
                // An old server has no PATCH; an old policy has no `patch` capability, but may allow read and update.
                Err(e) if method.is_empty() && matches!(e.status(), Some(403 | 405)) => {
                    match read_then_write(&session, &path, body) {
                        Ok(answer) => answer,
                        Err(Failure::Stopped { .. }) => return Err(e.during(format!("Error writing data to {path}"))),
                        Err(other) => return Err(other),
                    }
                }
                sent => sent.map_err(|e| e.during(format!("Error writing data to {path}")))?,
            }
        }
        _ => return Err(Failure::local("Unsupported method provided to -method flag: use patch or rw")),
    };
    show_written(call, &answer, &path)
}

/// Reads the newest version, changes it and writes it back, provided that nobody wrote in between.
fn read_then_write(session: &Session, path: &str, changes: BTreeMap<String, Json>) -> Result<ApiResponse, Failure> {
    let nothing = || Failure::remote(format!("No value found at {path}"));
    let found = session.find(Request::get(path)).map_err(|e| e.during(format!("Error doing pre-read at {path}")))?;
    let found = found.ok_or_else(nothing)?;
    let mut data = found.field("data").and_then(Json::as_object).cloned().ok_or_else(nothing)?;
    let version = found.field("metadata").and_then(|m| m.get("version")?.as_u64());
    for (key, value) in changes {
        match value {
            Json::Null => _ = data.remove(&key),
            value => _ = data.insert(key, value),
        }
    }
    let request = Request::put(path, &Write { data: &data, options: Options { cas: version } });
    session.send(request).map_err(|e| e.during(format!("Error writing data to {path}")))
}

fn input(call: &mut Call) -> Result<BTreeMap<String, Json>, Failure> {
    let args = call.args().get(1..).unwrap_or_default().to_vec();
    if args.is_empty() {
        return Err(Failure::local("Must supply data"));
    }
    data::object(&args, call.terminal.input)
}

fn options(call: &Call) -> Options {
    Options { cas: call.int(&CAS).filter(|cas| *cas >= 0).and_then(|cas| u64::try_from(cas).ok()) }
}

fn show_written(call: &mut Call, answer: &ApiResponse, path: &str) -> Result<i32, Failure> {
    let data = answer.data.as_ref().and_then(Json::as_object).cloned();
    let as_it_is = answer.wrap_info.is_some() || call.text(&flags::FIELD).is_some();
    match data {
        _ if as_it_is => call.show(answer),
        None if answer.is_empty() => {
            if call.format()?.is_table() {
                call.say(format!("Success! Data written to: {path}"))?;
            }
            Ok(0)
        }
        Some(metadata) if call.format()? == Format::Table => {
            call.show_warnings(answer);
            show_path(call, "Secret Path", path)?;
            section(call, "Metadata", &metadata)?;
            Ok(0)
        }
        _ => call.show(answer),
    }
}
