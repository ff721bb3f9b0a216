//! RabbitMQ: users of a broker that live as long as their lease.
mod api;
mod connection;
mod creds;
mod lease_config;
mod roles;
mod template;

use kw_engine::{Engine, LeaseKind, Mount, Routes};

/// The engine, as the list of engines wants it.
pub fn engine() -> impl Engine {
    RabbitMq { routes: routes() }
}

struct RabbitMq {
    routes: Routes,
}

impl Engine for RabbitMq {
    fn kind(&self) -> &'static str {
        "rabbitmq"
    }

    fn doc(&self) -> &'static str {
        include_str!("README.md")
    }

    fn routes(&self, _: &Mount) -> &Routes {
        &self.routes
    }

    fn variants(&self) -> Vec<(&'static str, &Routes)> {
        vec![("", &self.routes)]
    }

    fn leases(&self) -> Vec<LeaseKind> {
        vec![LeaseKind::of::<creds::User>()]
    }
}

fn routes() -> Routes {
    Routes::new()
        .at("config/connection")
        .write(connection::write)
        .at("config/lease")
        .read(lease_config::read)
        .write(lease_config::write)
        .at("roles")
        .list(roles::list)
        .at("roles/{name}")
        .read(roles::read)
        .write(roles::write)
        .delete(roles::delete)
        .at("creds/{name}")
        .read_with_txn(creds::issue)
}

#[cfg(test)]
mod tests;
