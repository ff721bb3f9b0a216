//! read, list, scan, path-help.
use super::{AFTER, LIMIT};
use crate::call::Call;
use crate::data;
use crate::failure::Failure;
use crate::output::plain;
use kw_client::{Json, Request};

pub(super) fn read(call: &mut Call) -> Result<i32, Failure> {
    let path = call.arg(0).trim_matches('/').to_owned();
    let mut request = Request::get(&path);
    let args = call.args().get(1..).unwrap_or_default().to_vec();
    for (key, value) in data::object(&args, call.terminal.input)? {
        match value {
            Json::Array(values) => {
                for value in values {
                    request = request.query(&key, &plain(&value));
                }
            }
            value => request = request.query(&key, &plain(&value)),
        }
    }
    match call.session()?.find(request).map_err(|e| e.during(format!("Error reading {path}")))? {
        Some(answer) => call.show(&answer),
        None => Err(Failure::remote(format!("No value found at {path}"))),
    }
}

pub(super) fn list(call: &mut Call) -> Result<i32, Failure> {
    let path = call.arg(0).trim_matches('/').to_owned();
    names(call, Request::list(&path), &path)
}

pub(super) fn scan(call: &mut Call) -> Result<i32, Failure> {
    let path = call.arg(0).trim_matches('/').to_owned();
    names(call, Request::scan(&path), &path)
}

fn names(call: &mut Call, mut request: Request, path: &str) -> Result<i32, Failure> {
    if let Some(after) = call.text(&AFTER) {
        request = request.query("after", after);
    }
    if let Some(limit) = call.int(&LIMIT).filter(|l| *l >= 0) {
        request = request.query("limit", &limit.to_string());
    }
    let answer = call.session()?.find(request).map_err(|e| e.during(format!("Error listing {path}")))?;
    match answer {
        Some(answer) if answer.wrap_info.is_some() => call.show(&answer),
        Some(answer) if !answer.keys().is_empty() => {
            call.show_warnings(&answer);
            call.show_list(&answer.keys())
        }
        // The server has something to say about the path itself, and no names.
        Some(answer) if !answer.warnings().is_empty() => call.show(&answer),
        _ => call.nothing_at(path),
    }
}

pub(super) fn path_help(call: &mut Call) -> Result<i32, Failure> {
    let path = call.arg(0).trim_matches('/').to_owned();
    let request = Request::get(&path).query("help", "1");
    let answer = call.session()?.send(request).map_err(|e| e.during("Error retrieving help"))?;
    let body: Json = answer.body_as().map_err(|e| Failure::remote(format!("Error retrieving help: {e}")))?;
    if call.format()?.is_table() {
        let text = body.get("help").and_then(Json::as_str).unwrap_or("No help available for path.");
        call.say(text.trim_end())?;
    } else {
        call.show_structure(body.get("openapi").unwrap_or(&body))?;
    }
    Ok(0)
}
