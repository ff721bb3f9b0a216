//! operator members, raft list-peers.
use crate::call::Call;
use crate::failure::Failure;
use crate::output::{plain, titled};
use kw_client::{Json, Request};

pub(super) fn members(call: &mut Call) -> Result<i32, Failure> {
    let answer = call.session()?.send(Request::get("sys/ha-status"));
    let answer = answer.map_err(|e| e.during("Error listing the nodes"))?;
    let data = answer.data.unwrap_or_default();
    if !call.format()?.is_table() {
        call.show_structure(&data)?;
        return Ok(0);
    }
    let nodes = data.get("nodes").or_else(|| data.get("Nodes")).and_then(Json::as_array).cloned().unwrap_or_default();
    let names =
        ["hostname", "api_address", "cluster_address", "active_node", "version", "upgrade_version", "last_echo"];
    let titles =
        ["Host Name", "API Address", "Cluster Address", "Active Node", "Version", "Upgrade Version", "Last Echo"];
    call.say(titled(&titles, &rows(&nodes, &names))).map(|()| 0)
}

pub(super) fn list_peers(call: &mut Call) -> Result<i32, Failure> {
    let answer = call.session()?.find(Request::get("sys/storage/raft/configuration"));
    let answer = answer.map_err(|e| e.during("Error reading the storage's configuration"))?;
    let config = answer.as_ref().and_then(|a| a.field("config")).cloned();
    let Some(config) = config else { return Err(Failure::remote("No raft cluster configuration found")) };
    if !call.format()?.is_table() {
        call.show_structure(&answer)?;
        return Ok(0);
    }
    let servers = config.get("servers").and_then(Json::as_array).cloned().unwrap_or_default();
    let row = |server: &Json| {
        let leads = server.get("leader").and_then(Json::as_bool).unwrap_or(false);
        let text = |name: &str| server.get(name).map(plain).unwrap_or_default();
        vec![text("node_id"), text("address"), if leads { "leader" } else { "follower" }.to_owned(), text("voter")]
    };
    let rows: Vec<_> = servers.iter().map(row).collect();
    call.say(titled(&["Node", "Address", "State", "Voter"], &rows)).map(|()| 0)
}

fn rows(items: &[Json], names: &[&str]) -> Vec<Vec<String>> {
    let cell = |item: &Json, name: &str| item.get(name).filter(|v| !v.is_null()).map(plain).unwrap_or_default();
    items.iter().map(|item| names.iter().map(|name| cell(item, name)).collect()).collect()
}
