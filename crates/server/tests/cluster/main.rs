//! Three nodes on one real store, under load, while nodes, their connections and the store fail. What was answered is judged by
//! the checkers of the simulation. How to run it and what it promises stands in `docs/cluster.md`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests in tests/ are not seen as tests by the lint"
)]
#![allow(
    clippy::disallowed_methods,
    reason = "deadlines, the clock of a history and the test's switches are the test's own"
)]

#[allow(
    dead_code,
    unused_imports,
    clippy::wrong_self_convention,
    reason = "what starts servers is shared with the other test binaries"
)]
#[path = "../it/support/mod.rs"]
mod support;

mod backing;
mod balancer;
mod bounded;
mod chance;
mod client;
mod clients;
mod end;
mod etcd;
mod nemesis;
mod nodes;
mod postgres;
mod proxy;
mod record;
mod run;
mod scene;

use backing::Backing;
use nodes::Node;
use std::process::Command;
use std::sync::{Mutex, PoisonError};

/// One run at a time: two would only measure how they disturb each other.
static TURN: Mutex<()> = Mutex::new(());

#[test]
fn three_nodes_on_three_members_of_etcd_keep_their_promises() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(members) = etcd::Member::start_three() else { return };
    run::run(Backing::Etcd(members));
}

#[test]
fn three_nodes_on_postgresql_keep_their_promises() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(database) = postgres::Postgres::start() else { return };
    run::run(Backing::Postgres(database));
}

#[test]
fn a_bounded_read_is_a_second_old_at_most() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(members) = etcd::Member::start_three() else { return };
    let backing = Backing::Etcd(members);
    let nodes = [1, 2].map(|number| Node::with(number, &backing, "consistency = \"bounded\""));
    bounded::run(&nodes);
}

/// `cargo xtask clients` runs it, and says where the Python with the client's library is.
#[test]
#[ignore = "needs client libraries: `cargo xtask clients`"]
fn hvac_does_not_notice_that_a_node_behind_its_balancer_dies() {
    let Some((backing, nodes)) = two_nodes() else { return };
    let python = std::env::var("KW_PYTHON").expect("KW_PYTHON names the Python to use");
    clients::survives(Command::new(python).arg(clients::drivers().join("hvac_calls.py")), nodes);
    drop(backing);
}

/// As above.
#[test]
#[ignore = "needs client libraries: `cargo xtask clients`"]
fn the_go_client_does_not_notice_that_a_node_behind_its_balancer_dies() {
    let Some((backing, nodes)) = two_nodes() else { return };
    clients::survives(Command::new("go").args(["run", "."]).current_dir(clients::drivers().join("go")), nodes);
    drop(backing);
}

/// As above. The page as it stands, but for its ports.
#[test]
#[ignore = "needs client libraries: `cargo xtask clients`"]
fn the_tutorial_does_not_notice_that_a_node_behind_its_balancer_dies() {
    let Some((backing, nodes)) = two_nodes() else { return };
    clients::tutorial(nodes);
    drop(backing);
}

fn two_nodes() -> Option<(Backing, Vec<Node>)> {
    let backing = Backing::Postgres(postgres::Postgres::start()?);
    let nodes = (1..=2).map(|number| Node::new(number, &backing)).collect();
    Some((backing, nodes))
}
