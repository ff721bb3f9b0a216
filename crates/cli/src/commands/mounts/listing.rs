//! secrets list, auth list.
use super::{DETAILED, Table};
use crate::call::Call;
use crate::failure::Failure;
use crate::output::{duration, plain, titled};
use kw_client::{Json, Request};
use std::collections::BTreeMap;

pub(super) fn list(call: &mut Call, table: Table) -> Result<i32, Failure> {
    let answer = call.session()?.send(Request::get(table.api));
    let answer = answer.map_err(|e| e.during(format!("Error listing {}s", table.noun)))?;
    let mounts = answer.data.as_ref().and_then(Json::as_object).cloned().unwrap_or_default();
    if !call.format()?.is_table() {
        call.show_structure(&mounts)?;
        return Ok(0);
    }
    let is_auth = table.prefix == "auth/";
    let text = if call.on(&DETAILED) { detailed(&mounts, is_auth) } else { simple(&mounts, is_auth) };
    call.say(text).map(|()| 0)
}

fn simple(mounts: &BTreeMap<String, Json>, is_auth: bool) -> String {
    let mut titles = vec!["Path", "Type", "Accessor", "Description"];
    if is_auth {
        titles.push("Version");
    }
    let row = |(path, about): (&String, &Json)| {
        let mut row = vec![path.clone(), text(about, "type"), text(about, "accessor"), text(about, "description")];
        if is_auth {
            row.push(text(about, "plugin_version"));
        }
        row
    };
    titled(&titles, &mounts.iter().map(row).collect::<Vec<_>>())
}

fn detailed(mounts: &BTreeMap<String, Json>, is_auth: bool) -> String {
    let titles = [
        "Path",
        "Plugin",
        "Accessor",
        "Default TTL",
        "Max TTL",
        if is_auth { "Token Type" } else { "Force No Cache" },
        "Replication",
        "Seal Wrap",
        "External Entropy Access",
        "Options",
        "Description",
        "UUID",
        "Version",
        "Running Version",
        "Running SHA256",
        "Deprecation Status",
    ];
    let row = |(path, about): (&String, &Json)| {
        let config = about.get("config").cloned().unwrap_or_default();
        vec![
            path.clone(),
            text(about, "type"),
            text(about, "accessor"),
            ttl(about, &config, "default_lease_ttl"),
            ttl(about, &config, "max_lease_ttl"),
            if is_auth { text(&config, "token_type") } else { flag(&config, "force_no_cache") },
            if about.get("local") == Some(&Json::Bool(true)) { "local" } else { "replicated" }.to_owned(),
            flag(about, "seal_wrap"),
            flag(about, "external_entropy_access"),
            plain(about.get("options").filter(|o| o.as_object().is_some()).unwrap_or(&Json::Object(BTreeMap::new()))),
            text(about, "description"),
            text(about, "uuid"),
            text(about, "plugin_version"),
            text(about, "running_plugin_version"),
            text(about, "running_sha256"),
            text(about, "deprecation_status"),
        ]
    };
    titled(&titles, &mounts.iter().map(row).collect::<Vec<_>>())
}

fn text(about: &Json, name: &str) -> String {
    about.get(name).and_then(Json::as_str).unwrap_or_default().to_owned()
}

fn flag(about: &Json, name: &str) -> String {
    about.get(name).and_then(Json::as_bool).unwrap_or(false).to_string()
}

/// A mount's own time, `system` for the server's; empty for mounts that make no leases.
fn ttl(about: &Json, config: &Json, name: &str) -> String {
    let leases = !matches!(text(about, "type").as_str(), "system" | "cubbyhole" | "ns_system" | "ns_cubbyhole");
    match config.get(name).and_then(Json::as_u64) {
        _ if !leases => String::new(),
        None | Some(0) => "system".to_owned(),
        Some(seconds) => duration(seconds),
    }
}
