//! kv delete, undelete, destroy, rollback.
use super::locate::Located;
use super::write::{Options, Write};
use super::{VERSION, VERSIONS};
use crate::call::Call;
use crate::failure::Failure;
use kw_client::{ApiResponse, Json, Request};
use serde_json::json;

pub(super) fn delete(call: &mut Call) -> Result<i32, Failure> {
    let versions = versions(call)?;
    let session = call.session()?;
    let at = Located::new(call, &session)?;
    let path = at.path("data");
    let request = match at.is_versioned() && !versions.is_empty() {
        true => Request::put(&at.path("delete"), &json!({"versions": versions})),
        false => Request::delete(&path),
    };
    let answer = session.send(request).map_err(|e| e.during(format!("Error deleting {path}")))?;
    done(call, &answer, &format!("Success! Data deleted (if it existed) at: {path}"))
}

pub(super) fn undelete(call: &mut Call) -> Result<i32, Failure> {
    act(call, "undelete", "Undelete")
}

pub(super) fn destroy(call: &mut Call) -> Result<i32, Failure> {
    act(call, "destroy", "Destroy")
}

fn act(call: &mut Call, action: &str, title: &str) -> Result<i32, Failure> {
    let versions = versions(call)?;
    if versions.is_empty() {
        return Err(Failure::local(format!(
            "No versions provided, use the \"-versions\" flag to specify the version to {action}."
        )));
    }
    let session = call.session()?;
    let path = Located::new(call, &session)?.versioned_only(title)?.path(action);
    let answer = session.send(Request::put(&path, &json!({"versions": versions})));
    let answer = answer.map_err(|e| e.during(format!("Error writing data to {path}")))?;
    done(call, &answer, &format!("Success! Data written to: {path}"))
}

/// Writes an older version again. The check against the newest version keeps a write in between from being lost.
pub(super) fn rollback(call: &mut Call) -> Result<i32, Failure> {
    let version = call.int(&VERSION).filter(|v| *v > 0);
    let version = version.ok_or_else(|| Failure::local("Missing version: use -version with a number from 1 on"))?;
    let session = call.session()?;
    let path = Located::new(call, &session)?.of_versioned_mount("rollback")?.path("data");
    let read = |request| session.find(request).map_err(|e| e.during(format!("Error doing pre-read at {path}")));
    let newest = read(Request::get(&path))?;
    let newest = newest.as_ref().and_then(|a| a.field("metadata")?.get("version")?.as_u64());
    let newest = newest.ok_or_else(|| Failure::remote(format!("No value found at {path}")))?;
    let older = read(Request::get(&path).query("version", &version.to_string()))?;
    let older = older.as_ref().and_then(|a| a.field("data")).filter(|d| !d.is_null());
    let Some(data) = older else {
        return Err(Failure::remote(format!(
            "No value found at {path} for version {version}; it may be deleted or destroyed"
        )));
    };
    let request = Request::put(&path, &Write { data, options: Options { cas: Some(newest) } });
    let answer = session.send(request).map_err(|e| e.during(format!("Error writing data to {path}")))?;
    call.show(&answer)
}

/// `-versions=1,2 -versions=3`.
fn versions(call: &Call) -> Result<Vec<u64>, Failure> {
    let given = call.all(&VERSIONS);
    let parts = given.iter().flat_map(|v| v.split(',')).map(str::trim).filter(|v| !v.is_empty());
    parts.map(|v| v.parse().map_err(|_| Failure::local("Versions must be numbers, separated by commas"))).collect()
}

fn done(call: &mut Call, answer: &ApiResponse, success: &str) -> Result<i32, Failure> {
    if answer.data.as_ref().is_some_and(|d| *d != Json::Null) || answer.wrap_info.is_some() {
        return call.show(answer);
    }
    call.show_warnings(answer);
    if call.format()?.is_table() {
        call.say(success)?;
    }
    Ok(0)
}
