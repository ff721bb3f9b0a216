//! status.
use crate::call::Call;
use crate::failure::Failure;
use crate::flags;
use crate::output::{key_value_table, plain};
use crate::session::Session;
use kw_client::{ApiResponse, Json, Request};
use serde::Serialize;
use std::collections::BTreeMap;

/// The fields in Vault's order, which a map would lose.
#[derive(Serialize)]
struct Status {
    #[serde(rename = "type")]
    kind: Json,
    initialized: Json,
    sealed: Json,
    t: Json,
    n: Json,
    progress: Json,
    nonce: Json,
    version: Json,
    build_date: Json,
    #[serde(skip_serializing_if = "Json::is_null")]
    commit_date: Json,
    migration: Json,
    #[serde(skip_serializing_if = "Json::is_null")]
    cluster_name: Json,
    #[serde(skip_serializing_if = "Json::is_null")]
    cluster_id: Json,
    recovery_seal: Json,
    #[serde(skip_serializing_if = "Json::is_null")]
    storage_type: Json,
    #[serde(skip_serializing_if = "Json::is_null")]
    sealed_because: Json,
    #[serde(flatten)]
    high_availability: BTreeMap<String, Json>,
}

/// Exit code 0: unsealed; 2: sealed; 1: nobody knows.
pub(super) fn status(call: &mut Call) -> Result<i32, Failure> {
    let session = call.session().map_err(Failure::on_this_side)?.unwrapped();
    let answer = session.send(Request::get("sys/seal-status"));
    let answer = answer.map_err(|e| e.during("Error checking seal status").on_this_side())?;
    let sealed = show_seal_status(call, &session, &answer)?;
    Ok(if sealed { 2 } else { 0 })
}

/// Shows a seal status, with the leader's where the server is unsealed. Answers whether it is sealed.
pub(crate) fn show_seal_status(call: &mut Call, session: &Session, answer: &ApiResponse) -> Result<bool, Failure> {
    let seal: BTreeMap<String, Json> = answer.body_as().map_err(|e| Failure::local(e.to_string()))?;
    let sealed = seal.get("sealed").and_then(Json::as_bool).unwrap_or(true);
    let leader = match sealed {
        true => BTreeMap::new(),
        // A server that does not tell is shown without.
        false => session.send(Request::get("sys/leader")).ok().and_then(|a| a.body_as().ok()).unwrap_or_default(),
    };
    if let Some(field) = call.text(&flags::FIELD).map(str::to_owned) {
        let value = seal.get(&field).or_else(|| leader.get(&field)).cloned();
        call.show_field(value, &field)?;
    } else if call.format()?.is_table() {
        let rows = rows(&seal, &leader, sealed);
        call.say(key_value_table(&rows))?;
    } else {
        call.show_structure(&structure(seal, leader))?;
    }
    Ok(sealed)
}

fn structure(mut seal: BTreeMap<String, Json>, mut leader: BTreeMap<String, Json>) -> Status {
    let mut take = |name: &str| seal.remove(name).unwrap_or_default();
    let or = |value: Json, otherwise: Json| if value.is_null() { otherwise } else { value };
    let mut high_availability = BTreeMap::new();
    high_availability
        .insert("ha_enabled".to_owned(), or(leader.remove("ha_enabled").unwrap_or_default(), Json::Bool(false)));
    if high_availability.get("ha_enabled") == Some(&Json::Bool(true)) {
        for name in ["is_self", "leader_address", "leader_cluster_address", "active_time"] {
            if let Some(value) = leader.remove(name) {
                high_availability.insert(name.to_owned(), value);
            }
        }
    }
    Status {
        kind: take("type"),
        initialized: take("initialized"),
        sealed: take("sealed"),
        t: take("t"),
        n: take("n"),
        progress: take("progress"),
        nonce: take("nonce"),
        version: take("version"),
        build_date: or(take("build_date"), "".into()),
        commit_date: take("commit_date"),
        migration: or(take("migration"), Json::Bool(false)),
        cluster_name: take("cluster_name"),
        cluster_id: take("cluster_id"),
        recovery_seal: or(take("recovery_seal"), Json::Bool(false)),
        storage_type: take("storage_type"),
        sealed_because: take("sealed_because"),
        high_availability,
    }
}

fn rows(seal: &BTreeMap<String, Json>, leader: &BTreeMap<String, Json>, sealed: bool) -> Vec<(String, String)> {
    let mut rows = Vec::new();
    let text = |name: &str| seal.get(name).filter(|v| !v.is_null()).map(plain).unwrap_or_default();
    let on = |name: &str| seal.get(name).and_then(Json::as_bool).unwrap_or(false);
    let recovers = on("recovery_seal");
    let mut add = |title: &str, value: String| rows.push((title.to_owned(), value));
    add("Seal Type", text("type"));
    if recovers {
        // Servers that do not say have no other kind.
        let kind = text("recovery_seal_type");
        add("Recovery Seal Type", if kind.is_empty() { "shamir".to_owned() } else { kind });
    }
    add("Initialized", text("initialized"));
    add("Sealed", sealed.to_string());
    let prefix = if recovers { "Recovery " } else { "" };
    add(&format!("Total {prefix}Shares"), text("n"));
    add(if recovers { "Recovery Threshold" } else { "Threshold" }, text("t"));
    if sealed {
        add("Unseal Progress", format!("{}/{}", text("progress"), text("t")));
        add("Unseal Nonce", text("nonce"));
    }
    if !text("sealed_because").is_empty() {
        add("Sealed Because", text("sealed_because"));
    }
    if on("migration") {
        add("Seal Migration in Progress", "true".to_owned());
    }
    add("Version", text("version"));
    for (title, name) in [
        ("Build Date", "build_date"),
        ("Commit Date", "commit_date"),
        ("Storage Type", "storage_type"),
        ("Cluster Name", "cluster_name"),
        ("Cluster ID", "cluster_id"),
    ] {
        if !text(name).is_empty() {
            add(title, text(name));
        }
    }
    let enabled = leader.get("ha_enabled").and_then(Json::as_bool).unwrap_or(false);
    add("HA Enabled", enabled.to_string());
    if enabled {
        let of = |name: &str| leader.get(name).filter(|v| !v.is_null()).map(plain).unwrap_or_default();
        let active = leader.get("is_self").and_then(Json::as_bool).unwrap_or(false);
        add("HA Cluster", of("leader_cluster_address"));
        add("HA Mode", if active { "active" } else { "standby" }.to_owned());
        if active {
            add("Active Since", of("active_time"));
        } else {
            add("Active Node Address", of("leader_address"));
        }
    }
    rows
}
