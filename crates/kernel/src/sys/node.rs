//! What there is to say about this node and its machine.
use super::routes::{BareJson, Flat};
use super::{Call, SysRoutes};
use crate::members::Member;
use kw_engine::{Data, Keys, Reply};
use kw_schema::{Request, Response};
use kw_types::{Fault, Time};
use serde::Serialize;
use std::collections::BTreeMap;

pub(super) fn routes(routes: SysRoutes) -> SysRoutes {
    let routes = routes.at("leader").read(leader).while_sealed();
    let routes = routes.at("ha-status").read(ha_status).at("host-info").read(host_info);
    routes.at("version-history").list(version_history).at("config/state/sanitized").read(sanitized)
}

/// Which node leads: none does. Where several nodes share a store each of them serves every request, so each says that it is
/// itself the one to ask.
#[derive(Request)]
struct Leader {}

#[derive(Serialize)]
struct LeaderAnswer {
    ha_enabled: bool,
    is_self: bool,
    active_time: String,
    leader_address: String,
    leader_cluster_address: String,
    performance_standby: bool,
    performance_standby_last_remote_wal: u64,
}

async fn leader(call: &Call<'_>, _: Leader) -> Result<BareJson<LeaderAnswer>, Fault> {
    let kernel = call.kernel;
    let (ha_enabled, me) = (kernel.store.is_shared(), kernel.member());
    let is_self = ha_enabled && !kernel.is_sealed();
    let answer = LeaderAnswer {
        ha_enabled,
        is_self,
        active_time: if is_self { me.started } else { Time::ZERO }.rfc3339(),
        leader_address: if is_self { me.api_address } else { String::new() },
        leader_cluster_address: if is_self { me.cluster_address } else { String::new() },
        performance_standby: false,
        performance_standby_last_remote_wal: 0,
    };
    Ok(BareJson(200, answer))
}

/// Lists the nodes of the cluster.
#[derive(Request)]
struct HaStatus {}

#[derive(Serialize, Response)]
struct HaStatusAnswer {
    /// The nodes that serve the same store, this one first.
    #[field(kind = "List")]
    nodes: Vec<NodeStatus>,
}

#[derive(Serialize)]
struct NodeStatus {
    hostname: String,
    api_address: String,
    cluster_address: String,
    /// Whether it serves: it has been heard of lately.
    active_node: bool,
    /// When it was last heard of; null for the node that answers.
    last_echo: Option<String>,
    version: String,
    upgrade_version: String,
}

async fn ha_status(call: &Call<'_>, _: HaStatus) -> Result<Flat<Data<HaStatusAnswer>>, Fault> {
    let (now, members) = (call.kernel.now(), call.kernel.members().await?);
    let shown = |(at, member): (usize, Member)| NodeStatus {
        active_node: member.serves(now),
        last_echo: (at > 0).then(|| member.seen.rfc3339()),
        hostname: member.hostname,
        api_address: member.api_address,
        cluster_address: member.cluster_address,
        upgrade_version: member.version.clone(),
        version: member.version,
    };
    Ok(Flat(Data(HaStatusAnswer { nodes: members.into_iter().enumerate().map(shown).collect() })))
}

/// Facts about the machine.
#[derive(Request)]
struct HostInfo {}

#[derive(Serialize, Response)]
struct HostInfoAnswer {
    /// When it was asked (RFC 3339).
    #[field(kind = "Time")]
    timestamp: String,
    /// The system and how long it runs.
    host: Host,
    /// Memory in bytes.
    memory: Memory,
    /// How many processors this process may use.
    #[field(kind = "Integer")]
    cpu_count: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Host {
    hostname: String,
    os: String,
    kernel_version: String,
    kernel_arch: String,
    /// In seconds.
    uptime: i64,
    procs: u16,
}

#[derive(Serialize)]
struct Memory {
    total: u64,
    free: u64,
    buffers: u64,
    shared: u64,
    #[serde(rename = "swapTotal")]
    swap_total: u64,
    #[serde(rename = "swapFree")]
    swap_free: u64,
}

async fn host_info(call: &Call<'_>, _: HostInfo) -> Result<Data<HostInfoAnswer>, Fault> {
    let (name, now) = (rustix::system::uname(), rustix::system::sysinfo());
    let bytes = |amount| u64::saturating_mul(amount, now.mem_unit.into());
    Ok(Data(HostInfoAnswer {
        timestamp: call.kernel.now().rfc3339(),
        host: Host {
            hostname: text(name.nodename()),
            os: text(name.sysname()).to_lowercase(),
            kernel_version: text(name.release()),
            kernel_arch: text(name.machine()),
            uptime: now.uptime,
            procs: now.procs,
        },
        memory: Memory {
            total: bytes(now.totalram),
            free: bytes(now.freeram),
            buffers: bytes(now.bufferram),
            shared: bytes(now.sharedram),
            swap_total: bytes(now.totalswap),
            swap_free: bytes(now.freeswap),
        },
        cpu_count: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
    }))
}

fn text(of_system: &std::ffi::CStr) -> String {
    of_system.to_string_lossy().into_owned()
}

/// Lists the versions of the server that have opened this store, the oldest first.
#[derive(Request)]
struct VersionHistory {}

#[derive(Serialize)]
struct VersionFacts {
    timestamp_installed: String,
    previous_version: Option<String>,
    commit_date: String,
}

async fn version_history(call: &Call<'_>, _: VersionHistory) -> Result<Keys, Fault> {
    let versions = call.kernel.versions().await?;
    let keys = versions.iter().map(|(version, _)| version.clone()).collect();
    let facts: BTreeMap<String, VersionFacts> = versions
        .into_iter()
        .map(|(version, row)| {
            let facts = VersionFacts {
                timestamp_installed: row.installed.rfc3339(),
                previous_version: row.previous,
                commit_date: row.built,
            };
            (version, facts)
        })
        .collect();
    let key_info = serde_json::value::to_raw_value(&facts).map_err(Fault::internal)?;
    Ok(Keys { keys, key_info: Some(key_info) })
}

/// Shows the configuration without its secrets.
#[derive(Request)]
struct Sanitized {}

async fn sanitized(call: &Call<'_>, _: Sanitized) -> Result<Reply, Fault> {
    Reply::data(&call.kernel.settings.sanitized)
}
