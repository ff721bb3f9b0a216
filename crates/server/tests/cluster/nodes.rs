//! The nodes of the cluster: processes that are killed and started again, each with its own line to the store.
use crate::backing::Backing;
use crate::proxy::Proxy;
use crate::support::{Server, Setup};
use serde_json::json;
use std::sync::Mutex;

/// The seal's key, the same for all nodes: with it a node opens by itself.
const SEAL_KEY: &str = "0123456789abcdef0123456789abcdef";

pub struct Node {
    /// From 1.
    pub number: u32,
    pub proxy: Proxy,
    setup: Setup,
    server: Mutex<Option<Server>>,
}

impl Node {
    pub fn new(number: u32, backing: &Backing) -> Self {
        Self::with(number, backing, "")
    }

    /// With more in its configuration.
    pub fn with(number: u32, backing: &Backing, more: &str) -> Self {
        let proxy = Proxy::start(&backing.ports());
        let mut setup = Setup::embedded();
        std::fs::write(setup.path("seal.key"), SEAL_KEY).unwrap();
        setup.storage = backing.block(&proxy.ports);
        let key = setup.file("seal.key");
        let seal = format!("seal \"static\" {{\n  current_key_id = \"one\"\n  current_key = \"file://{key}\"\n}}");
        Self { number, proxy, setup: setup.with_top(&format!("{seal}\n{more}")), server: Mutex::default() }
    }

    /// Starts the process and waits until it listens. Each start has another address.
    pub fn start(&self) {
        let server = self.setup.start();
        *self.server.lock().unwrap() = Some(server);
    }

    pub fn kill(&self) {
        if let Some(server) = self.server.lock().unwrap().take() {
            server.kill();
        }
    }

    pub fn signal(&self, name: &str) {
        if let Some(server) = self.server.lock().unwrap().as_ref() {
            server.signal(name);
        }
    }

    /// Where it listens; `None` while there is no process.
    pub fn address(&self) -> Option<String> {
        self.server.lock().unwrap().as_ref().map(|server| server.address.clone())
    }

    /// Initialises the store and gives the root token.
    pub fn found(&self) -> String {
        let server = self.server.lock().unwrap();
        let body = json!({"recovery_shares": 1, "recovery_threshold": 1});
        server.as_ref().unwrap().nobody().post("sys/init", body).ok().at("/root_token")
    }

    /// Whether it says that it is open.
    pub fn is_healthy(&self) -> bool {
        let caller = self.server.lock().unwrap().as_ref().map(Server::nobody);
        caller.and_then(|caller| caller.try_raw("GET", "sys/health", b"").ok()).is_some_and(|a| a.status == 200)
    }

    /// The end of what it logged, for whoever reads a failure.
    pub fn log_end(&self) -> String {
        let log = std::fs::read_to_string(self.setup.path("log")).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines.get(lines.len().saturating_sub(25)..).unwrap_or_default().join("\n")
    }
}
