//! Figures, not tests: `cargo test --release -p kw-store-embedded --test speed -- --ignored --nocapture --test-threads=1`.
#![expect(clippy::unwrap_used, reason = "tests in tests/ are not seen as tests by the lint")]
#![expect(clippy::disallowed_methods, reason = "durations are measured here")]

use bytes::Bytes;
use futures_util::future::join_all;
use kw_store::{Batch, Key, Write};
use kw_store_embedded::{Options, open};
use kw_types::Rng;
use std::cell::Cell;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

struct Fixed;

impl Rng for Fixed {
    fn fill(&self, buffer: &mut [u8]) {
        buffer.fill(7);
    }
}

fn resident_kb() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = |name: &str| status.lines().find(|l| l.starts_with(name)).unwrap_or_default().replace('\t', " ");
    format!("{}, {}", line("VmRSS"), line("VmHWM"))
}

fn three_rows(number: u64, random: bool) -> Vec<Write> {
    let head = if random { number.wrapping_mul(0x9e37_79b9_7f4a_7c15) } else { number };
    let row =
        |part: &str| Write { key: Key::from(format!("{part}/{head:016x}")), value: Some(Bytes::from(vec![b'v'; 400])) };
    vec![row("accessor"), row("lease"), row("token")]
}

fn commits(committers: usize, random: bool, seconds: u64) {
    let dir = tempfile::TempDir::new().unwrap();
    let store = open(dir.path(), &Options::new(Arc::new(Fixed))).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let (number, done) = (Cell::new(0), Cell::new(0));
    let begun = Instant::now();
    let until = begun + Duration::from_secs(seconds);
    runtime.block_on(join_all((0..committers).map(async |_| {
        while Instant::now() < until {
            number.set(number.get() + 1);
            let writes = three_rows(number.get(), random);
            store.commit(Batch { began: store.revision(), seen: Vec::new(), writes }).await.unwrap();
            done.set(done.get() + 1);
        }
    })));
    let took = begun.elapsed().as_secs_f64();
    let order = if random { "random" } else { "ordered" };
    println!(
        "{committers:4} committers, {order} keys: {:.0} commits/s; {}",
        f64::from(done.get()) / took,
        resident_kb()
    );
}

#[test]
#[ignore = "prints figures"]
fn durable_commits() {
    for committers in [1, 32, 256] {
        commits(committers, false, 3);
        commits(committers, true, 3);
    }
}

#[test]
#[ignore = "prints figures"]
fn sustained() {
    commits(256, false, 20);
}

#[test]
#[ignore = "prints figures"]
fn opening_an_empty_store() {
    for _ in 0..5 {
        let dir = tempfile::TempDir::new().unwrap();
        let begun = Instant::now();
        let store = open(dir.path(), &Options::new(Arc::new(Fixed))).unwrap();
        let made = begun.elapsed();
        drop(store);
        let begun = Instant::now();
        let store = open(dir.path(), &Options::new(Arc::new(Fixed))).unwrap();
        println!("made in {made:?}, opened again in {:?}", begun.elapsed());
        drop(store);
    }
}

#[test]
#[ignore = "prints figures"]
fn cache_hits() {
    let dir = tempfile::TempDir::new().unwrap();
    let store = open(dir.path(), &Options::new(Arc::new(Fixed))).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    for number in 0..1000 {
        let writes = three_rows(number, true);
        runtime.block_on(store.commit(Batch { writes, ..Batch::default() })).unwrap();
    }
    let keys: Vec<Key> = (0..1000).flat_map(|n| three_rows(n, true)).map(|w| w.key).collect();
    for pass in ["first", "second", "third"] {
        let begun = Instant::now();
        for key in keys.iter().cycle().take(300_000) {
            assert!(store.peek(key).unwrap().unwrap().is_some());
        }
        println!("{pass} pass: {:?} a read", begun.elapsed() / 300_000);
    }
}

/// Not a figure: fills a store and dies.
#[test]
#[ignore = "run by reopening"]
fn fill_and_die() {
    let Ok(dir) = std::env::var("KW_SPEED_DIR") else { return };
    let random = std::env::var("KW_SPEED_RANDOM").is_ok();
    let store = open(Path::new(&dir), &Options::new(Arc::new(Fixed))).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    for chunk in 0..1600 {
        let writes = (chunk * 21..(chunk + 1) * 21).flat_map(|n| three_rows(n, random)).collect();
        runtime.block_on(store.commit(Batch { writes, ..Batch::default() })).unwrap();
    }
    std::process::abort();
}

#[test]
#[ignore = "prints figures"]
fn reopening() {
    for random in [false, true] {
        let dir = tempfile::TempDir::new().unwrap();
        let mut child = Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", "fill_and_die", "--ignored"]).env("KW_SPEED_DIR", dir.path());
        if random {
            child.env("KW_SPEED_RANDOM", "1");
        }
        assert!(!child.output().unwrap().status.success());
        let begun = Instant::now();
        let store = open(dir.path(), &Options::new(Arc::new(Fixed))).unwrap();
        let after_kill = begun.elapsed();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        assert_eq!(runtime.block_on(store.keys(b"", b"", usize::MAX)).unwrap().len(), 100_800);
        runtime.block_on(store.close()).unwrap();
        drop(store);
        let begun = Instant::now();
        let store = open(dir.path(), &Options::new(Arc::new(Fixed))).unwrap();
        println!("100k rows, random {random}: after a kill {after_kill:?}, after closing {:?}", begun.elapsed());
        drop(store);
    }
}

/// On a store with many rows, that of `KW_SPEED_DIR` or one made here: what a row costs that is in no cache of ours.
#[test]
#[ignore = "prints figures"]
fn reading_many_rows() {
    let made = tempfile::TempDir::new().unwrap();
    let given = std::env::var("KW_SPEED_DIR").map(std::path::PathBuf::from);
    let cache = std::env::var("KW_SPEED_CACHE_MIB").ok().and_then(|n| n.parse::<usize>().ok());
    let mut options = Options::new(Arc::new(Fixed));
    options.base_cache_bytes = cache.map_or(options.base_cache_bytes, |mib| mib << 20);
    let store = open(given.as_deref().unwrap_or(made.path()), &options).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    if given.is_err() {
        for chunk in 0..3333 {
            let writes = (chunk * 100..(chunk + 1) * 100).flat_map(|n| three_rows(n, true)).collect();
            runtime.block_on(store.commit(Batch { writes, ..Batch::default() })).unwrap();
        }
    }
    let keys: Vec<Key> = runtime.block_on(store.keys(b"", b"", usize::MAX)).unwrap();
    println!("{} rows, {}", keys.len(), resident_kb());
    let mut at = 1;
    for _ in 0..4 {
        let begun = Instant::now();
        for _ in 0..100_000 {
            at = (at * 48_271 + 7_919) % keys.len();
            assert!(store.peek(&keys[at]).unwrap_or_else(|| runtime.block_on(store.get(&keys[at]))).unwrap().is_some());
        }
        println!("{:?} a read, {}", begun.elapsed() / 100_000, resident_kb());
    }
}
