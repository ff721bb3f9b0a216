//! enable, disable, move, auth help.
use super::tune::{options, settings};
use super::*;
use crate::call::Call;
use crate::commands::login::help_for;
use crate::failure::Failure;
use crate::session::Session;
use kw_client::{Json, Request};
use serde_json::json;
use std::time::Duration;

/// How long to wait between looks at a move that goes on, and how often to look.
const MOVE_POLL: Duration = Duration::from_millis(250);
const MOVE_POLLS_MAX: usize = 1200;

pub(super) fn enable(call: &mut Call, table: Table) -> Result<i32, Failure> {
    if call.args().len() > 1 {
        return Err(Failure::local(format!("Too many arguments (expected 1, got {})", call.args().len())));
    }
    let given = call.arg(0).trim().to_owned();
    let kind = match (given.as_str(), call.text(&PLUGIN_NAME)) {
        ("plugin", Some(plugin)) => plugin.to_owned(),
        ("plugin", None) => return Err(Failure::local("Missing plugin name: use -plugin-name with the type plugin")),
        _ => given.clone(),
    };
    let path = format!("{}/", call.text_or(&PATH, &kind).trim_matches('/'));
    let mut config = settings(call);
    if call.on(&NO_CACHE) {
        config.insert("force_no_cache".to_owned(), json!(true));
    }
    let body = json!({
        "type": kind,
        "description": call.text_or(&DESCRIPTION, ""),
        "local": call.on(&LOCAL),
        "seal_wrap": call.on(&SEAL_WRAP),
        "external_entropy_access": call.on(&ENTROPY),
        "config": config,
        "options": Some(options(call)).filter(|o| !o.is_empty()),
    });
    let answer = call.session()?.send(Request::post(&format!("{}/{path}", table.api), &body));
    let answer = answer.map_err(|e| e.during("Error enabling"))?;
    call.show_warnings(&answer);
    let text = match table.api {
        "sys/auth" => format!("Success! Enabled {kind} auth method at: {path}"),
        _ => format!("Success! Enabled the {kind} secrets engine at: {path}"),
    };
    call.say(text).map(|()| 0)
}

pub(super) fn disable(call: &mut Call, table: Table) -> Result<i32, Failure> {
    let path = format!("{}/", call.arg(0).trim().trim_matches('/'));
    let answer = call.session()?.send(Request::delete(&format!("{}/{path}", table.api)));
    answer.map_err(|e| e.during(format!("Error disabling {} at {path}", table.noun)))?;
    call.say(format!("Success! Disabled the {} (if it existed) at: {path}", table.noun)).map(|()| 0)
}

pub(super) fn move_mount(call: &mut Call, table: Table) -> Result<i32, Failure> {
    let slashed = |text: &str| format!("{}/", text.trim().trim_matches('/'));
    let (from, to) = (slashed(call.arg(0)), slashed(call.arg(1)));
    let session = call.session()?;
    // The API's paths of auth methods begin with `auth/`; people write them with and without.
    let whole =
        |path: &str| if path.starts_with(table.prefix) { path.to_owned() } else { format!("{}{path}", table.prefix) };
    let body = json!({"from": whole(&from), "to": whole(&to)});
    let answer = session.send(Request::post("sys/remount", &body));
    let answer = answer.map_err(|e| e.during(format!("Error moving {} {from} to {to}", table.noun)))?;
    call.show_warnings(&answer);
    let Some(id) = answer.field("migration_id").and_then(Json::as_str).map(str::to_owned) else {
        return call.say(format!("Success! Finished moving {} {from} to {to}", table.noun)).map(|()| 0);
    };
    let about = format!("{} {from} to {to}, with migration ID {id}", table.noun);
    call.say(format!("Started moving {about}"))?;
    call.say(format!("Waiting for terminal status in migration of {about}"))?;
    wait_for_move(&session, &id, &about)?;
    call.say(format!("Success! Finished moving {about}")).map(|()| 0)
}

fn wait_for_move(session: &Session, id: &str, about: &str) -> Result<(), Failure> {
    for _ in 0..MOVE_POLLS_MAX {
        let answer = session.send(Request::get(&format!("sys/remount/status/{id}")));
        let answer = answer.map_err(|e| e.during(format!("Error checking the move of {about}")))?;
        match answer.field("migration_info").and_then(|i| i.get("status")).and_then(Json::as_str) {
            Some("success") => return Ok(()),
            Some("failure") => {
                return Err(Failure::remote(format!("Failure! The server could not move {about}; its log says why.")));
            }
            _ => session.sleep(MOVE_POLL),
        }
    }
    Err(Failure::remote(format!("The move of {about} still goes on; look at sys/remount/status/{id}.")))
}

/// By type; by path only where a mount of that path is there.
pub(super) fn help(call: &mut Call) -> Result<i32, Failure> {
    let given = call.arg(0).trim().trim_matches('/').to_owned();
    let mounted = call.session()?.send(Request::get("sys/auth")).ok();
    let kind = mounted
        .as_ref()
        .and_then(|a| a.field(&format!("{given}/"))?.get("type")?.as_str())
        .unwrap_or(&given)
        .to_owned();
    let text = help_for(&kind, call.brand.program());
    call.say(text.trim_end()).map(|()| 0)
}
