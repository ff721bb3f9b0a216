//! Client libraries as their users use them, against two nodes behind a plain load balancer, one of which is killed in the middle.
use crate::balancer::Balancer;
use crate::nodes::Node;
use crate::support::Caller;
use serde_json::json;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
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
    let (balancer, root) = begin(nodes);
    driver.env("VAULT_ADDR", format!("http://{}", balancer.address)).env("VAULT_TOKEN", root);
    finish(driver, &balancer);
}

/// Runs `docs/tutorial.md`. The server that the page starts is the cluster, which is there already.
pub fn tutorial(nodes: Vec<Node>) {
    let (balancer, root) = begin(nodes);
    Caller::new(&balancer.address)
        .token(&root)
        .post("auth/token/create", json!({"id": "root", "policies": ["root"]}))
        .ok();
    let folder = tempfile::tempdir().unwrap();
    let page = std::fs::read_to_string(root_of_checkout().join("docs/tutorial.md")).unwrap();
    let provider = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let page = page.replace("127.0.0.1:18200", &balancer.address).replace("18999", &provider.port().to_string());
    assert!(!page.contains("18200"), "the tutorial has another server");
    std::fs::write(folder.path().join("tutorial.md"), page).unwrap();
    let program = env!("CARGO_BIN_EXE_keywright");
    let script = format!("#!/bin/sh\n[ \"$1\" = server ] && exec sleep 1000\nexec {program} \"$@\"\n");
    let file = folder.path().join("keywright");
    std::fs::write(&file, script).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
    let python = PathBuf::from(std::env::var("KW_PYTHON").expect("KW_PYTHON names the Python to use"));
    let inherited = std::env::var_os("PATH").unwrap_or_default();
    let folders = [folder.path().to_owned(), python.parent().unwrap().to_owned()];
    let path = std::env::join_paths(folders.into_iter().chain(std::env::split_paths(&inherited))).unwrap();
    let mut driver = Command::new(python);
    driver.arg(root_of_checkout().join("tests/docs.py")).arg(folder.path().join("tutorial.md")).env("PATH", path);
    finish(&mut driver, &balancer);
}

/// Two nodes that serve, behind a balancer, and their root token.
fn begin(nodes: Vec<Node>) -> (Balancer, String) {
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
    (Balancer::start(nodes, ANSWERS), root)
}

fn finish(driver: &mut Command, balancer: &Balancer) {
    let output = driver.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    println!("{said}");
    assert!(output.status.success(), "the driver failed: {said}");
    assert!(balancer.has_struck(), "no node was killed");
}

/// The folder of the drivers.
pub fn drivers() -> PathBuf {
    root_of_checkout().join("tests/clients")
}

fn root_of_checkout() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "..", ".."].iter().collect()
}
