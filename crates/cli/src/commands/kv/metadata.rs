//! kv metadata, kv enable-versioning.
use super::locate::Located;
use super::read::{section, show_path};
use super::{CAS_REQUIRED, CUSTOM_METADATA, DELETE_AFTER, MAX_VERSIONS, REMOVE_CUSTOM};
use crate::call::Call;
use crate::failure::Failure;
use crate::output::Format;
use kw_client::{Json, Request};
use serde_json::json;
use std::collections::BTreeMap;

pub(super) fn get(call: &mut Call) -> Result<i32, Failure> {
    let session = call.session()?;
    let path = Located::new(call, &session)?.versioned_only("Metadata")?.path("metadata");
    let answer = session.find(Request::get(&path)).map_err(|e| e.during(format!("Error reading {path}")))?;
    let Some(answer) = answer else { return Err(Failure::remote(format!("No value found at {path}"))) };
    let Some(Json::Object(mut data)) = answer.data.clone().filter(|_| answer.wrap_info.is_none()) else {
        return call.show(&answer);
    };
    if call.format()? != Format::Table {
        return call.show(&answer);
    }
    call.show_warnings(&answer);
    let versions = data.remove("versions");
    show_path(call, "Metadata Path", &path)?;
    section(call, "Metadata", &data)?;
    let Some(Json::Object(versions)) = versions else { return Ok(0) };
    let mut versions: Vec<(u64, Json)> =
        versions.into_iter().map(|(number, about)| (number.parse().unwrap_or(0), about)).collect();
    // The keys are texts, in whose order 10 comes before 2.
    versions.sort_by_key(|(number, _)| *number);
    for (number, about) in versions {
        if let Json::Object(about) = about {
            call.say("")?;
            section(call, &format!("Version {number}"), &about)?;
        }
    }
    Ok(0)
}

pub(super) fn put(call: &mut Call) -> Result<i32, Failure> {
    let mut body = settings(call);
    let custom = call.pairs(&CUSTOM_METADATA);
    if !custom.is_empty() {
        body.insert("custom_metadata".to_owned(), json!(custom).into());
    }
    write(call, &body, Request::put)
}

pub(super) fn patch(call: &mut Call) -> Result<i32, Failure> {
    let mut body = settings(call);
    let mut custom: BTreeMap<String, Json> =
        call.pairs(&CUSTOM_METADATA).into_iter().map(|(k, v)| (k, Json::String(v))).collect();
    custom.extend(call.all(&REMOVE_CUSTOM).into_iter().map(|key| (key, Json::Null)));
    if !custom.is_empty() {
        body.insert("custom_metadata".to_owned(), Json::Object(custom));
    }
    write(call, &body, Request::patch)
}

pub(super) fn delete(call: &mut Call) -> Result<i32, Failure> {
    let session = call.session()?;
    let path = Located::new(call, &session)?.versioned_only("Metadata")?.path("metadata");
    session.send(Request::delete(&path)).map_err(|e| e.during(format!("Error deleting {path}")))?;
    call.say(format!("Success! Data deleted (if it existed) at: {path}")).map(|()| 0)
}

pub(super) fn enable_versioning(call: &mut Call) -> Result<i32, Failure> {
    let mount = format!("{}/", call.arg(0).trim().trim_matches('/'));
    let request = Request::post(&format!("sys/mounts/{mount}tune"), &json!({"options": {"version": "2"}}));
    let answer = call.session()?.send(request);
    let answer = answer.map_err(|e| e.during(format!("Error tuning secrets engine {mount}")))?;
    call.show_warnings(&answer);
    call.say(format!("Success! Tuned the secrets engine at: {mount}")).map(|()| 0)
}

fn write(
    call: &mut Call,
    body: &BTreeMap<String, Json>,
    request: fn(&str, &BTreeMap<String, Json>) -> Request,
) -> Result<i32, Failure> {
    let session = call.session()?;
    let path = Located::new(call, &session)?.versioned_only("Metadata")?.path("metadata");
    let answer = session.send(request(&path, body)).map_err(|e| e.during(format!("Error writing data to {path}")))?;
    if answer.data.is_some() || answer.wrap_info.is_some() {
        return call.show(&answer);
    }
    call.show_warnings(&answer);
    if call.format()?.is_table() {
        call.say(format!("Success! Data written to: {path}"))?;
    }
    Ok(0)
}

fn settings(call: &Call) -> BTreeMap<String, Json> {
    let mut body = BTreeMap::new();
    if let Some(count) = call.int(&MAX_VERSIONS).filter(|c| *c >= 0) {
        body.insert("max_versions".to_owned(), json!(count).into());
    }
    if call.text(&CAS_REQUIRED).is_some() {
        body.insert("cas_required".to_owned(), json!(call.on(&CAS_REQUIRED)).into());
    }
    if let Some(after) = call.text(&DELETE_AFTER) {
        body.insert("delete_version_after".to_owned(), json!(after).into());
    }
    body
}
