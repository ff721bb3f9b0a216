//! Where the scenarios are run: on each store, and on two nodes of each store that can be shared.
use super::backing::{Etcd, PostgreSql};
use crate::Machine;

/// A store, and how many nodes serve it.
#[derive(Debug, PartialEq, Eq)]
pub struct Site {
    pub name: &'static str,
    kind: Kind,
    pub nodes: u32,
    /// The first port of its lane, see `lane.py`: below those that the system gives out by itself.
    pub first_port: u16,
}

/// How many ports a lane has, and how many belong to each server of the scenarios: its own, and one for each node behind it.
pub const LANE: (u16, u16) = (2500, 4);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Memory,
    Embedded,
    Etcd,
    PostgreSql,
}

pub static SITES: [Site; 6] = [
    Site { name: "memory", kind: Kind::Memory, nodes: 1, first_port: 16_000 },
    Site { name: "embedded", kind: Kind::Embedded, nodes: 1, first_port: 18_500 },
    Site { name: "etcd", kind: Kind::Etcd, nodes: 1, first_port: 21_000 },
    Site { name: "postgresql", kind: Kind::PostgreSql, nodes: 1, first_port: 23_500 },
    Site { name: "two-on-etcd", kind: Kind::Etcd, nodes: 2, first_port: 26_000 },
    Site { name: "two-on-postgresql", kind: Kind::PostgreSql, nodes: 2, first_port: 28_500 },
];

/// Where nodes share a store and the recorded server was alone: all that the runner says against such a scenario, and no more.
const SHARED_DIFFERS: [(&str, &str); 1] =
    [("seal.health_while_sealed", "step 3 GET /v1/sys/leader: ha_enabled: want false, got true")];

impl Site {
    /// Whether these are the problems that the scenario is meant to have here.
    pub fn excuses(&self, scenario: &str, problems: &[String]) -> bool {
        let is_shared = matches!(self.kind, Kind::Etcd | Kind::PostgreSql);
        is_shared && matches!(problems, [problem] if SHARED_DIFFERS.contains(&(scenario, problem)))
    }
}

/// The sites of a list of names with commas between them.
pub fn named(list: &str) -> Result<Vec<&'static Site>, String> {
    let find = |name: &str| {
        let all = || SITES.each_ref().map(|site| site.name).join(", ");
        SITES.iter().find(|site| site.name == name).ok_or_else(|| format!("there is no {name:?}; there are: {}", all()))
    };
    list.split(',').map(find).collect()
}

/// The servers behind the stores.
pub struct Backing {
    etcd: Option<Etcd>,
    postgresql: Option<PostgreSql>,
}

impl Backing {
    /// Starts what these sites need.
    pub fn start(machine: &Machine, sites: &[&Site]) -> Result<Self, String> {
        let needs = |kind: Kind| sites.iter().any(|site| site.kind == kind);
        Ok(Self {
            etcd: needs(Kind::Etcd).then(|| Etcd::start(machine)).transpose()?,
            postgresql: needs(Kind::PostgreSql).then(|| PostgreSql::start(machine)).transpose()?,
        })
    }

    /// The site's store, as [`super::nodes`] takes it.
    pub fn store(&self, site: &Site) -> String {
        match site.kind {
            Kind::Memory => "memory".to_owned(),
            Kind::Embedded => "embedded".to_owned(),
            Kind::Etcd => format!("etcd:{}", self.etcd.as_ref().map_or(0, |etcd| etcd.port)),
            Kind::PostgreSql => format!("postgresql:{}", self.postgresql.as_ref().map_or(0, |server| server.port)),
        }
    }
}
