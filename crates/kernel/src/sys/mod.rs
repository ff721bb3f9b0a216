//! The system's own routes: `sys/`, `identity/`, `auth/token/`. They are declared like an engine's; only their handlers may
//! use the kernel.
mod audit;
mod audit_headers;
mod call;
mod capabilities;
mod catalog;
mod leases;
mod lockout;
mod loggers;
mod metrics;
mod mounts;
mod node;
mod openapi;
mod policies;
mod raw;
mod routes;
mod seal;
mod snapshots;
mod status;
mod tools;
mod ui_headers;
mod wrapping;

pub(crate) use call::Call;
pub(crate) use routes::{Answering, Authed, BareJson, SysHandler, SysRoutes};

use kw_schema::RouteTable;

/// The tables of the system.
pub(crate) struct SystemRoutes {
    sys: SysRoutes,
    identity: SysRoutes,
    token: SysRoutes,
}

impl SystemRoutes {
    pub fn new() -> Self {
        let sys = status::routes(SysRoutes::default());
        let sys = audit::routes(sys);
        let sys = audit_headers::routes(sys);
        let sys = leases::routes(sys);
        let sys = lockout::routes(sys);
        let sys = loggers::routes(sys);
        let sys = metrics::routes(sys);
        let sys = node::routes(sys);
        let sys = openapi::routes(sys);
        let sys = seal::routes(sys);
        let sys = snapshots::routes(sys);
        let sys = tools::routes(sys);
        let sys = ui_headers::routes(sys);
        let sys = capabilities::routes(sys);
        let sys = catalog::routes(sys);
        let sys = mounts::routes(sys);
        let sys = policies::routes(sys);
        let sys = raw::routes(sys);
        let sys = wrapping::routes(sys);
        Self {
            sys,
            identity: crate::identity::routes(SysRoutes::default()),
            token: crate::token::routes(SysRoutes::default()),
        }
    }

    pub fn sys(&self) -> &RouteTable<SysHandler> {
        self.sys.table()
    }

    /// The table of a mount of the system; `None` for engines and methods.
    pub fn table(&self, kind: &str) -> Option<&RouteTable<SysHandler>> {
        match kind {
            "system" => Some(self.sys.table()),
            "identity" => Some(self.identity.table()),
            "token" => Some(self.token.table()),
            _ => None,
        }
    }
}

/// Every route of every table as JSON: the content of `api/schema.json`.
pub fn schema_json(registry: &crate::Registry) -> serde_json::Value {
    let system = SystemRoutes::new();
    let mut all = serde_json::Map::new();
    for (name, routes) in [("sys", &system.sys), ("identity", &system.identity), ("auth/token", &system.token)] {
        all.insert(
            name.to_owned(),
            routes.table().each().map(|(pattern, op)| kw_schema::op_json(pattern, op)).collect(),
        );
    }
    for (name, routes) in registry.tables() {
        all.insert(name, routes.table().each().map(|(pattern, op)| kw_schema::op_json(pattern, op)).collect());
    }
    serde_json::Value::Object(all)
}
