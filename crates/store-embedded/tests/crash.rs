//! Kills a process that writes, again and again, and looks whether everything that it was told is there.
#![expect(clippy::unwrap_used, reason = "tests in tests/ are not seen as tests by the lint")]
#![expect(
    clippy::disallowed_methods,
    reason = "the number of rounds and the child's directory come from the environment"
)]

use futures_util::future::join_all;
use kw_store::suite::put;
use kw_store::{Batch, Key, Revision, Store};
use kw_store_embedded::{Options, open, verify};
use kw_types::Rng;
use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

const WRITERS: usize = 8;

struct Fixed;

impl Rng for Fixed {
    fn fill(&self, buffer: &mut [u8]) {
        buffer.fill(7);
    }
}

/// Every other round with small segments, so that kills fall into rotating and folding too.
fn options(round: u64) -> Options {
    let mut options = Options::new(Arc::new(Fixed));
    if round % 2 == 1 {
        options.segment_bytes = 64 * 1024;
    }
    options
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap()
}

async fn count_of(store: &dyn Store, writer: usize) -> (u64, Revision) {
    match store.get(format!("count/{writer}").as_bytes()).await.unwrap() {
        Some(row) => (std::str::from_utf8(&row.value).unwrap().parse().unwrap(), row.revision),
        None => (0, Revision(0)),
    }
}

/// Commits batches of four rows that belong together, and tells each on standard output once it is acknowledged.
async fn write_on(store: &dyn Store, writer: usize) {
    let (mut count, mut seen) = count_of(store, writer).await;
    loop {
        count += 1;
        let part = |name: &str| put(&format!("row/{writer}/{count:08}/{name}"), format!("{count} {}", "x".repeat(250)));
        let writes = vec![part("a"), part("b"), part("c"), put(&format!("count/{writer}"), count.to_string())];
        let batch = Batch { began: store.revision(), seen: vec![(Key::from(format!("count/{writer}")), seen)], writes };
        seen = store.commit(batch).await.unwrap();
        writeln!(std::io::stdout().lock(), "acknowledged {writer} {count}").unwrap();
    }
}

/// Not a test: what the child process runs.
#[test]
#[ignore = "run by the test below, in a process of its own"]
fn child() {
    let Ok(dir) = std::env::var("KW_CRASH_DIR") else { return };
    let round = std::env::var("KW_CRASH_ROUND").unwrap().parse().unwrap();
    let store = open(Path::new(&dir), &options(round)).unwrap();
    runtime().block_on(join_all((0..WRITERS).map(|writer| write_on(store.as_ref(), writer))));
}

fn spawn(dir: &Path, round: u64) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--ignored", "--nocapture", "--test-threads=1"])
        .env("KW_CRASH_DIR", dir)
        .env("KW_CRASH_ROUND", round.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Kills the child after so many milliseconds. Returns the highest acknowledged count of each writer.
fn kill_after(mut child: Child, millis: u64) -> HashMap<usize, u64> {
    let output = BufReader::new(child.stdout.take().unwrap());
    let reader = std::thread::spawn(move || {
        let mut told = HashMap::new();
        // The last line may be cut off by the kill.
        for line in output.lines().map_while(Result::ok) {
            let mut words = line.split(' ');
            if words.next() != Some("acknowledged") {
                continue;
            }
            if let (Some(Ok(writer)), Some(Ok(count))) =
                (words.next().map(str::parse), words.next().map(str::parse::<u64>))
            {
                let highest = told.entry(writer).or_insert(0);
                *highest = count.max(*highest);
            }
        }
        told
    });
    std::thread::sleep(Duration::from_millis(millis));
    child.kill().unwrap();
    child.wait().unwrap();
    reader.join().unwrap()
}

async fn check(store: &dyn Store, told: &HashMap<usize, u64>) -> u64 {
    let mut all = 0;
    for writer in 0..WRITERS {
        let (count, _) = count_of(store, writer).await;
        let acknowledged = told.get(&writer).copied().unwrap_or(0);
        assert!(count >= acknowledged, "writer {writer}: {acknowledged} was acknowledged, {count} is there");
        let prefix = format!("row/{writer}/");
        let keys = store.keys(prefix.as_bytes(), format!("row/{writer}0").as_bytes(), usize::MAX).await.unwrap();
        let mut keys = keys.into_iter();
        for i in 1..=count {
            for name in ["a", "b", "c"] {
                let key = keys.next().unwrap();
                assert_eq!(key, format!("{prefix}{i:08}/{name}"));
                let row = store.get(&key).await.unwrap().unwrap();
                assert!(row.value.starts_with(format!("{i} ").as_bytes()));
            }
        }
        assert_eq!(keys.next(), None, "a part of a batch that is not there");
        all += count;
    }
    all
}

#[test]
fn killed_again_and_again() {
    let rounds: u64 = std::env::var("KW_CRASH_ROUNDS").ok().and_then(|r| r.parse().ok()).unwrap_or(20);
    let mut dir = tempfile::TempDir::new().unwrap();
    let mut state = u64::from(std::process::id());
    let mut batches = 0;
    for round in 0..rounds {
        // A fresh directory now and then, so that kills fall into creation and first segments too.
        if round % 10 == 9 {
            dir = tempfile::TempDir::new().unwrap();
        }
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let told = kill_after(spawn(dir.path(), round), 5 + (state >> 33) % 300);
        let store = open(dir.path(), &options(round + 1)).unwrap();
        batches = runtime().block_on(check(store.as_ref(), &told));
        drop(store);
        verify(dir.path()).unwrap();
    }
    println!("{rounds} rounds, {batches} batches in the last directory");
}
