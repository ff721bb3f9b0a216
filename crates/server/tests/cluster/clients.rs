//! Client libraries as their users use them, against two nodes behind a plain load balancer, one of which is killed in the middle.
use crate::balancer::Balancer;
use crate::nodes::Node;
use crate::support::Caller;
use serde_json::json;
use std::path::PathBuf;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Answers that the first node gives before it dies.
const ANSWERS: usize = 8;

/// A node opens by itself within this.
const OPENING_TIME: Duration = Duration::from_secs(30);

/// Runs a driver of `tests/clients` to its end. Panics when it fails, or when no node was killed meanwhile.
pub fn survives(driver: &mut Command, nodes: Vec<Node>) {
    nodes[0].start();
    let root = nodes[0].found();
    let caller = Caller::new(&nodes[0].address().unwrap()).token(&root);
    caller.post("sys/mounts/secret", json!({"type": "kv", "options": {"version": "2"}})).ok();
    nodes[1].start();
    let since = Instant::now();
    while !nodes[1].is_healthy() {
        assert!(since.elapsed() < OPENING_TIME, "{}", nodes[1].log_end());
        sleep(Duration::from_millis(50));
    }
    let balancer = Balancer::start(nodes, ANSWERS);
    driver.env("VAULT_ADDR", format!("http://{}", balancer.address)).env("VAULT_TOKEN", root);
    let output = driver.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    println!("{said}");
    assert!(output.status.success(), "the driver failed: {said}");
    assert!(balancer.has_struck(), "no node was killed");
}

/// The folder of the drivers.
pub fn drivers() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "..", "..", "tests", "clients"].iter().collect()
}
