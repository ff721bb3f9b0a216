//! The store behind the nodes.
use crate::etcd::Member;
use crate::postgres::Postgres;
use std::net::TcpListener;
use std::sync::atomic::{AtomicU16, Ordering};

pub enum Backing {
    Etcd(Vec<Member>),
    Postgres(Postgres),
}

impl Backing {
    /// Where its members listen.
    pub fn ports(&self) -> Vec<u16> {
        match self {
            Self::Etcd(members) => members.iter().map(|member| member.port).collect(),
            Self::Postgres(database) => vec![database.port],
        }
    }

    /// What follows `storage` in the configuration of a node that reaches the members at these ports.
    pub fn block(&self, ports: &[u16]) -> String {
        let addresses: Vec<String> = ports.iter().map(|port| format!("127.0.0.1:{port}")).collect();
        match self {
            Self::Etcd(_) => {
                let urls: Vec<String> = addresses.iter().map(|address| format!("http://{address}")).collect();
                format!("\"etcd\" {{\n  address = \"{}\"\n}}", urls.join(","))
            }
            Self::Postgres(_) => {
                let url = format!("postgres://kw@{}/postgres?sslmode=disable", addresses.join(","));
                format!("\"postgresql\" {{\n  connection_url = \"{url}\"\n  max_parallel = 8\n}}")
            }
        }
    }

    pub fn name(&self) -> &'static str {
        match self {
            Self::Etcd(_) => "etcd",
            Self::Postgres(_) => "PostgreSQL",
        }
    }
}

/// A port that a restarted process finds free again: outside of what the system gives to outgoing connections.
pub fn lasting_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = 20_000 + (std::process::id() % 1000) as u16 * 10;
    loop {
        let port = first + NEXT.fetch_add(1, Ordering::Relaxed) % 2000;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// A program that is missing fails the test where somebody insists on it.
pub fn missing<T>(package: &str) -> Option<T> {
    let is_required = std::env::var("KW_REQUIRE_REAL").is_ok_and(|v| v == "1");
    assert!(!is_required, "KW_REQUIRE_REAL=1, but the package {package} is not installed");
    eprintln!("SKIPPED: the package {package} is not installed");
    None
}
