//! Audit devices.
use crate::call::Call;
use crate::data;
use crate::declare::{ANY, Command, Flag, Kind, Shared};
use crate::failure::Failure;
use crate::output::titled;
use kw_client::{Json, Request};
use serde_json::json;
use std::collections::BTreeMap;

const DESCRIPTION: Flag = Flag::new("description", Kind::Text, "What the device is for.");
const LOCAL: Flag = Flag::new("local", Kind::Bool, "Keep the device to this cluster.");
const PATH: Flag = Flag::new("path", Kind::Text, "Name of the device, if not that of its type.");
const DETAILED: Flag = Flag::new("detailed", Kind::Bool, "Show the options too.");

pub(super) const COMMANDS: &[Command] = &[
    Command {
        name: "audit list",
        args: "",
        arity: (0, 0),
        summary: "List the audit devices",
        details: "Lists the audit devices.\n\n$ audit list -detailed",
        shared: Shared::HttpFormat,
        flags: &[DETAILED],
        run: list,
    },
    Command {
        name: "audit enable",
        args: "TYPE [CONFIG K=V...]",
        arity: (1, ANY),
        summary: "Enable an audit device",
        details: "Enables an audit device.\n\n$ audit enable file file_path=/var/log/keywright/audit.log",
        shared: Shared::Http,
        flags: &[DESCRIPTION, LOCAL, PATH],
        run: enable,
    },
    Command {
        name: "audit disable",
        args: "PATH",
        arity: (1, 1),
        summary: "Disable an audit device",
        details: "Disables an audit device.\n\n$ audit disable file/",
        shared: Shared::Http,
        flags: &[],
        run: disable,
    },
];

fn list(call: &mut Call) -> Result<i32, Failure> {
    let answer = call.session()?.send(Request::get("sys/audit")).map_err(|e| e.during("Error listing audits"))?;
    let devices = answer.data.as_ref().and_then(Json::as_object).cloned().unwrap_or_default();
    if !call.format()?.is_table() {
        call.show_structure(&devices)?;
        return Ok(0);
    }
    if devices.is_empty() {
        call.say("No audit devices are enabled.")?;
        return Ok(2);
    }
    let text = |about: &Json, name: &str| about.get(name).and_then(Json::as_str).unwrap_or_default().to_owned();
    let detailed = call.on(&DETAILED);
    let row = |(path, about): (&String, &Json)| {
        let mut row = vec![path.clone(), text(about, "type"), text(about, "description")];
        if detailed {
            let local = about.get("local").and_then(Json::as_bool).unwrap_or(false);
            row.push(if local { "local" } else { "replicated" }.to_owned());
            let options = about.get("options").and_then(Json::as_object);
            let options = options.into_iter().flatten().map(|(k, v)| format!("{k}={}", crate::output::plain(v)));
            row.push(options.collect::<Vec<_>>().join(" "));
        }
        row
    };
    let rows: Vec<_> = devices.iter().map(row).collect();
    let titles: &[&str] = if detailed {
        &["Path", "Type", "Description", "Replication", "Options"]
    } else {
        &["Path", "Type", "Description"]
    };
    call.say(titled(titles, &rows)).map(|()| 0)
}

fn enable(call: &mut Call) -> Result<i32, Failure> {
    let kind = call.arg(0).trim().to_owned();
    let args = call.args().get(1..).unwrap_or_default().to_vec();
    let options: BTreeMap<String, Json> =
        data::texts(&args, call.terminal.input)?.into_iter().map(|(k, v)| (k, Json::String(v))).collect();
    let path = format!("{}/", call.text_or(&PATH, &kind).trim_matches('/'));
    let body = json!({
        "type": kind,
        "description": call.text_or(&DESCRIPTION, ""),
        "local": call.on(&LOCAL),
        "options": options,
    });
    let answer = call.session()?.send(Request::put(&format!("sys/audit/{path}"), &body));
    answer.map_err(|e| e.during("Error enabling audit device"))?;
    call.say(format!("Success! Enabled the {kind} audit device at: {path}")).map(|()| 0)
}

fn disable(call: &mut Call) -> Result<i32, Failure> {
    let path = format!("{}/", call.arg(0).trim_matches('/'));
    let answer = call.session()?.send(Request::delete(&format!("sys/audit/{path}")));
    answer.map_err(|e| e.during("Error disabling audit device"))?;
    call.say(format!("Success! Disabled audit device (if it was enabled) at: {path}")).map(|()| 0)
}
