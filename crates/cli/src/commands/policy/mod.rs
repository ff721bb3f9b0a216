//! Policies.
use crate::call::Call;
use crate::data::read_input;
use crate::declare::{Command, Shared};
use crate::failure::Failure;
use kw_client::{Json, Request};
use serde_json::json;

pub(super) const COMMANDS: &[Command] = &[
    Command {
        name: "policy list",
        args: "",
        arity: (0, 0),
        summary: "List the policies",
        details: "Lists the names of all policies.",
        shared: Shared::HttpFormat,
        flags: &[],
        run: list,
    },
    Command {
        name: "policy read",
        args: "NAME",
        arity: (1, 1),
        summary: "Print a policy",
        details: "Prints the text of a policy.\n\n$ policy read app",
        shared: Shared::HttpFormat,
        flags: &[],
        run: read,
    },
    Command {
        name: "policy write",
        args: "NAME PATH",
        arity: (2, 2),
        summary: "Upload a policy",
        details: "Uploads a policy from a file, or from standard input for -.\n\n$ policy write app app.hcl\n$ policy write app - < app.hcl",
        shared: Shared::Http,
        flags: &[],
        run: write,
    },
    Command {
        name: "policy delete",
        args: "NAME",
        arity: (1, 1),
        summary: "Delete a policy",
        details: "Deletes a policy. Tokens that have it lose its permissions at once.\n\n$ policy delete app",
        shared: Shared::Http,
        flags: &[],
        run: delete,
    },
    Command {
        name: "policy fmt",
        args: "PATH",
        arity: (1, 1),
        summary: "Format a policy file",
        details: "Formats a policy file in place.\n\n$ policy fmt app.hcl",
        shared: Shared::Nothing,
        flags: &[],
        run: fmt,
    },
];

fn path(call: &Call) -> (String, String) {
    // Names of policies are lower-case; the server folds them, so messages do too.
    let name = call.arg(0).trim().to_lowercase();
    (format!("sys/policies/acl/{name}"), name)
}

fn list(call: &mut Call) -> Result<i32, Failure> {
    let answer = call.session()?.send(Request::list("sys/policies/acl"));
    let names = answer.map_err(|e| e.during("Error listing policies"))?.keys();
    match call.format()?.is_table() {
        true => names.iter().try_for_each(|name| call.say(name))?,
        false => call.show_structure(&names)?,
    }
    Ok(0)
}

fn read(call: &mut Call) -> Result<i32, Failure> {
    let (path, name) = path(call);
    let answer = call.session()?.find(Request::get(&path));
    let answer = answer.map_err(|e| e.during(format!("Error reading policy named {name}")))?;
    let text = answer.as_ref().and_then(|a| a.field("policy").or_else(|| a.field("rules"))).and_then(Json::as_str);
    let Some(text) = text.filter(|t| !t.is_empty()) else {
        return Err(Failure::remote(format!("No policy named: {name}")));
    };
    match call.format()?.is_table() {
        true => call.say(text.trim())?,
        false => call.show_structure(&json!({"policy": text}))?,
    }
    Ok(0)
}

fn write(call: &mut Call) -> Result<i32, Failure> {
    let (path, name) = path(call);
    let text = match call.arg(1) {
        "-" => read_input(call.terminal.input, "policy")?,
        file => std::fs::read_to_string(file)
            .map_err(|e| Failure::local_as_remote(format!("Error opening policy file: open {file}: {e}")))?,
    };
    let answer = call.session()?.send(Request::put(&path, &json!({"policy": text})));
    let answer = answer.map_err(|e| e.during("Error uploading policy"))?;
    call.show_warnings(&answer);
    call.say(format!("Success! Uploaded policy: {name}")).map(|()| 0)
}

fn delete(call: &mut Call) -> Result<i32, Failure> {
    let (path, name) = path(call);
    call.session()?.send(Request::delete(&path)).map_err(|e| e.during(format!("Error deleting {name}")))?;
    call.say(format!("Success! Deleted policy: {name}")).map(|()| 0)
}

fn fmt(call: &mut Call) -> Result<i32, Failure> {
    let file = call.arg(0).to_owned();
    let text =
        std::fs::read_to_string(&file).map_err(|e| Failure::local(format!("Error reading policy file {file}: {e}")))?;
    let formatted = kw_hcl::fmt(&text).map_err(|e| Failure::local(format!("Error parsing policy file {file}: {e}")))?;
    std::fs::write(&file, formatted).map_err(|e| Failure::local(format!("Error writing policy file {file}: {e}")))?;
    call.say(format!("Success! Formatted policy: {file}")).map(|()| 0)
}
