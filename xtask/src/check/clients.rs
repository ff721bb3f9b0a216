//! Client libraries as their users use them, unmodified, each against a server of its own.
use super::python;
use crate::dev_server::DevServer;
use crate::machine::{has, succeed};
use crate::{Machine, Outcome};
use std::process::Command;

/// Runs each driver in `tests/clients`, and what trains the compiler (`benches/train.rs`).
pub fn run(machine: &Machine) -> Outcome {
    let drivers = [
        ("hvac", hvac(machine)?),
        ("go", go(machine)?),
        ("vaultrs", vaultrs(machine)),
        ("our own, under load", own(machine)),
    ];
    let mut failed = Vec::new();
    for (name, mut driver) in drivers {
        println!("-- {name}");
        let server = DevServer::start(machine)?;
        server.introduce(&mut driver);
        failed.extend(succeed(&mut driver).err());
    }
    println!("-- two nodes");
    failed.extend(succeed(&mut two_nodes(machine)?).err());
    if failed.is_empty() { Ok(()) } else { Err(failed.join("\n")) }
}

/// The drivers again, against two nodes behind a load balancer, one of which is killed in the middle.
fn two_nodes(machine: &Machine) -> Result<Command, String> {
    let tests = "test --quiet --package kw-server --test cluster does_not_notice -- --ignored --test-threads 1";
    let mut driver = machine.cargo(tests);
    driver.env("KW_PYTHON", python::programs(machine)?.join("python")).env("KW_REQUIRE_REAL", "1");
    Ok(driver)
}

fn hvac(machine: &Machine) -> Result<Command, String> {
    let mut driver = machine.command(python::programs(machine)?.join("python"));
    driver.arg("tests/clients/hvac_calls.py");
    Ok(driver)
}

fn go(machine: &Machine) -> Result<Command, String> {
    if !has("go") {
        return Err("please install Go 1.24 or newer: its client library is tested".to_owned());
    }
    let mut driver = machine.command("go");
    driver.args(["run", "."]).current_dir(machine.root.join("tests/clients/go"));
    Ok(driver)
}

fn own(machine: &Machine) -> Command {
    machine.cargo("run --quiet --package kw-benches --bin train -- --requests 400")
}

/// A workspace of its own, so that what the client needs does not enter our lock file.
fn vaultrs(machine: &Machine) -> Command {
    let mut driver = machine.cargo("run --quiet --locked --manifest-path tests/clients/vaultrs/Cargo.toml");
    driver.env("CARGO_TARGET_DIR", machine.target.join("clients"));
    driver
}
