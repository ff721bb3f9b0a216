//! `operator migrate` between real stores.
use super::databases::{Etcd, Postgres};
use crate::support::{Keys, Server, Setup};
use serde_json::json;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

const BINARY: &str = env!("CARGO_BIN_EXE_keywright");
const ROWS: usize = 400;

/// From one store to the next, each by the words that follow `storage`.
struct Mover {
    setup: Setup,
    count: std::cell::Cell<usize>,
}

impl Mover {
    fn command(&self, source: &str, destination: &str) -> Command {
        self.count.set(self.count.get() + 1);
        let file = self.setup.path(&format!("migrate-{}.hcl", self.count.get()));
        std::fs::write(&file, format!("storage_source {source}\nstorage_destination {destination}\n")).unwrap();
        let mut command = Command::new(BINARY);
        command.args(["operator", "migrate", &format!("-config={}", file.display())]);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn migrate(&self, source: &str, destination: &str) -> Output {
        self.command(source, destination).output().unwrap()
    }

    fn succeeds(&self, source: &str, destination: &str) -> String {
        let output = self.migrate(source, destination);
        let said = text(&output);
        assert!(output.status.success(), "{source} -> {destination}: {said}");
        assert!(said.contains("Success!") && said.contains("SHA-256"), "{said}");
        said
    }

    /// A server on this store; the last block of storage counts.
    fn on(&self, block: &str) -> Setup {
        self.setup.clone().with_top(&format!("storage {block}"))
    }

    fn embedded(&self, name: &str) -> String {
        format!("\"embedded\" {{ path = {:?} }}", self.setup.file(name))
    }
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn fill(server: &Server) {
    server.mount("kv", json!({"type": "kv", "options": {"version": "2"}}));
    for n in 0..ROWS {
        server.root().post(&format!("kv/data/{n}"), json!({"data": {"v": format!("{n}-{}", "x".repeat(n))}})).ok();
    }
}

fn holds_all(server: &Server) {
    for n in [0, 7, ROWS / 2, ROWS - 1] {
        let found = server.root().get(&format!("kv/data/{n}")).data();
        assert_eq!(found["data"]["v"], json!(format!("{n}-{}", "x".repeat(n))));
    }
}

fn is_refused(setup: &Setup, keys: &Keys, why: &str) {
    let server = setup.start();
    let answer = server.nobody().post("sys/unseal", json!({"key": keys.shares[0]}));
    assert_eq!(answer.status, 503, "{}", answer.text());
    assert!(answer.text().contains(why), "{}", answer.text());
    server.stop();
}

#[test]
fn data_moves_between_all_stores_and_back() {
    let (Some(postgres), Some(etcd)) = (Postgres::start(), Etcd::start()) else { return };
    let mover = Mover { setup: Setup::embedded(), count: Default::default() };
    let server = mover.setup.open();
    fill(&server);
    let keys = server.keys.clone();
    let blocks = [
        mover.embedded("data"),
        postgres.block("one"),
        etcd.block("one"),
        mover.embedded("data-2"),
        etcd.block("two"),
        postgres.block("two"),
        mover.embedded("data-3"),
    ];
    // The directory is locked while a server runs.
    let busy = mover.migrate(&blocks[0], &blocks[1]);
    assert_eq!((busy.status.code(), text(&busy).contains("in use")), (Some(2), true), "{}", text(&busy));
    server.stop();
    let mut sums = Vec::new();
    for pair in blocks.windows(2) {
        let said = mover.succeeds(&pair[0], &pair[1]);
        sums.push(said.split("SHA-256 ").nth(1).unwrap()[..64].to_owned());
    }
    assert!(sums.iter().all(|sum| *sum == sums[0]), "{sums:?}");
    for block in [&blocks[0], &blocks[1], &blocks[2]] {
        is_refused(&mover.on(block), &keys, "was migrated");
    }
    let last = mover.on(&blocks[6]).reopen(&keys);
    holds_all(&last);
    last.stop();
    // Taken back, the first one is served again.
    let mut reset = mover.command(&blocks[0], &blocks[1]);
    assert!(reset.arg("-reset").status().unwrap().success());
    holds_all(&mover.on(&blocks[0]).reopen(&keys));
}

#[test]
fn a_node_that_runs_on_a_store_that_is_left_seals_itself() {
    let Some(postgres) = Postgres::start() else { return };
    let mover = Mover { setup: Setup::embedded(), count: Default::default() };
    let shared = mover.on(&postgres.block("left"));
    let server = shared.open();
    fill(&server);
    let keys = server.keys.clone();
    let to = mover.embedded("data-2");
    mover.succeeds(&postgres.block("left"), &to);
    assert!(server.is_sealed());
    assert!(server.log().contains("this store is being migrated to embedded"), "{}", server.log());
    assert_eq!(server.nobody().post("sys/unseal", json!({"key": keys.shares[0]})).status, 503);
    holds_all(&mover.on(&to).reopen(&keys));
}

#[test]
fn a_migration_that_is_killed_is_completed_by_the_next() {
    let Some(postgres) = Postgres::start() else { return };
    let mover = Mover { setup: Setup::embedded(), count: Default::default() };
    let server = mover.setup.open();
    fill(&server);
    let keys = server.keys.clone();
    server.stop();
    let (from, to) = (mover.embedded("data"), postgres.block("killed"));
    for millis in [60, 120, 180, 240] {
        let mut child = mover.command(&from, &to).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(millis));
        let _ = child.kill();
        if child.wait().unwrap().success() {
            break;
        }
    }
    let done = mover.migrate(&from, &to);
    let said = text(&done);
    // One that was quick enough has nothing left to do.
    assert!(done.status.success() || said.contains("was migrated"), "{said}");
    holds_all(&mover.on(&to).reopen(&keys));
    is_refused(&mover.on(&from), &keys, "was migrated");
}

#[test]
fn what_makes_no_sense_is_refused() {
    let mover = Mover { setup: Setup::embedded(), count: Default::default() };
    let (one, two) = (mover.embedded("data"), mover.embedded("data-2"));
    for (source, destination, code, why) in [
        ("\"inmem\" {}", two.as_str(), 1, "in memory"),
        (one.as_str(), one.as_str(), 1, "the same store"),
        (one.as_str(), two.as_str(), 2, "holds no data"),
    ] {
        let output = mover.migrate(source, destination);
        assert_eq!((output.status.code(), text(&output).contains(why)), (Some(code), true), "{}", text(&output));
    }
    let help = Command::new(BINARY).args(["operator", "migrate", "-help"]).output().unwrap();
    assert!(help.status.success() && text(&help).contains("storage_source"), "{}", text(&help));
}
