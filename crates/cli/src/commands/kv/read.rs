//! kv get, list, scan.
use super::VERSION;
use super::locate::Located;
use crate::call::Call;
use crate::failure::Failure;
use crate::flags;
use crate::output::{Format, heading, key_value_table, plain};
use kw_client::{ApiResponse, Json, Request};
use std::collections::BTreeMap;

pub(super) fn get(call: &mut Call) -> Result<i32, Failure> {
    let session = call.session()?;
    let at = Located::new(call, &session)?;
    let path = at.path("data");
    let mut request = Request::get(&path);
    if let Some(version) = call.int(&VERSION).filter(|v| *v > 0 && at.is_versioned()) {
        request = request.query("version", &version.to_string());
    }
    let answer = session.find(request).map_err(|e| e.during(format!("Error reading {path}")))?;
    let Some(answer) = answer else { return Err(Failure::remote(format!("No value found at {path}"))) };
    if !at.is_versioned() || answer.wrap_info.is_some() {
        return show_plain(call, &answer);
    }
    if let Some(field) = call.text(&flags::FIELD).map(str::to_owned) {
        return show_field(call, &answer, &field, &path);
    }
    if call.format()? != Format::Table {
        return call.show(&answer);
    }
    call.show_warnings(&answer);
    show_versioned(call, &answer, &path)
}

/// Version 1, or a wrapped answer.
fn show_plain(call: &mut Call, answer: &ApiResponse) -> Result<i32, Failure> {
    let as_it_is = answer.wrap_info.is_some() || call.text(&flags::FIELD).is_some() || call.format()? != Format::Table;
    match answer.data.as_ref().and_then(Json::as_object) {
        Some(data) if !as_it_is => {
            call.show_warnings(answer);
            section(call, "Data", data)?;
            Ok(0)
        }
        _ => call.show(answer),
    }
}

fn show_field(call: &mut Call, answer: &ApiResponse, field: &str, path: &str) -> Result<i32, Failure> {
    let data = answer.field("data").and_then(Json::as_object);
    let outer = matches!(field, "data" | "metadata").then(|| answer.field(field).cloned()).flatten();
    match data.and_then(|d| d.get(field).cloned()).or(outer) {
        None if data.is_none() => Err(Failure::remote(format!("No data found at {path}"))),
        found => call.show_field(found, field),
    }
}

fn show_versioned(call: &mut Call, answer: &ApiResponse, path: &str) -> Result<i32, Failure> {
    show_path(call, "Secret Path", path)?;
    if let Some(metadata) = answer.field("metadata").and_then(Json::as_object) {
        section(call, "Metadata", metadata)?;
        call.say("")?;
    }
    if let Some(data) = answer.field("data").and_then(Json::as_object) {
        section(call, "Data", data)?;
    }
    Ok(0)
}

/// `== Secret Path ==`, the path, an empty line.
pub(super) fn show_path(call: &mut Call, title: &str, path: &str) -> Result<(), Failure> {
    call.say(format!("{}\n{path}\n", heading(title, path.chars().count())))
}

/// A table under its heading, which is as wide as the longest key and the word `Json`.
pub(super) fn section(call: &mut Call, title: &str, data: &BTreeMap<String, Json>) -> Result<(), Failure> {
    let rows: Vec<_> = data.iter().map(|(k, v)| (k.clone(), plain(v))).collect();
    let width = data.keys().map(|k| k.chars().count()).max().unwrap_or(0) + "    Value".len();
    call.say(format!("{}\n{}", heading(title, width), key_value_table(&rows)))
}

pub(super) fn list(call: &mut Call) -> Result<i32, Failure> {
    names(call, Request::list)
}

pub(super) fn scan(call: &mut Call) -> Result<i32, Failure> {
    names(call, Request::scan)
}

fn names(call: &mut Call, request: fn(&str) -> Request) -> Result<i32, Failure> {
    let session = call.session()?;
    let path = Located::new(call, &session)?.path("metadata");
    let path = path.trim_end_matches('/');
    let answer = session.find(request(path)).map_err(|e| e.during(format!("Error listing {path}")))?;
    match answer {
        Some(answer) if answer.wrap_info.is_some() => call.show(&answer),
        Some(answer) if !answer.keys().is_empty() => {
            call.show_warnings(&answer);
            call.show_list(&answer.keys())
        }
        _ => call.nothing_at(path),
    }
}
