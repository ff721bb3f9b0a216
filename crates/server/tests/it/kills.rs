//! `kill -9` where more than one file is being changed: while the log is folded into the table, while a snapshot is restored,
//! and while a start mends what the kill before it has left.
use crate::support::{Server, Setup, files};
use serde_json::{Value, json};
use std::sync::Mutex;
use std::time::Duration;

/// A fifth of the rounds of `crash.rs`, since each of these takes longer.
fn rounds() -> u64 {
    let rounds = std::env::var("KW_CRASH_ROUNDS").ok().and_then(|r| r.parse().ok()).unwrap_or(25_u64);
    (rounds / 5).max(2)
}

/// Spread over 0 to `bound` ms, different from run to run.
fn delay(round: u64, bound: u64) -> Duration {
    let mixed = (round + u64::from(std::process::id())).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33;
    Duration::from_millis(mixed % bound)
}

fn with_kv(setup: &Setup) -> Server {
    let server = setup.open();
    server.mount("kv", json!({"type": "kv", "options": {"version": "2"}}));
    server
}

fn large(key: &str) -> Value {
    json!({"v": format!("{key} {}", "x".repeat(400_000))})
}

/// The number of the newest segment of the log: each one more is a fold.
fn newest_segment(server: &Server) -> u64 {
    let names = files(&server.data()).into_iter().filter_map(|f| f.file_name()?.to_str().map(str::to_owned));
    names.filter_map(|n| u64::from_str_radix(n.strip_prefix("log-")?, 16).ok()).max().unwrap_or(0)
}

/// Values so large that a segment of the log is full every 10 writes; after each kill, starts that are killed as well.
#[test]
fn kills_while_the_log_is_folded_and_while_that_is_mended() {
    let setup = Setup::embedded();
    let mut server = with_kv(&setup);
    let keys = server.keys.clone();
    let told: Mutex<Vec<String>> = Mutex::default();
    for round in 0..rounds() {
        let root = server.root();
        std::thread::scope(|scope| {
            for writer in 0..4 {
                let (root, told) = (&root, &told);
                scope.spawn(move || {
                    for n in 0.. {
                        let key = format!("{round}-{writer}-{n}");
                        let body = json!({"data": large(&key)});
                        match root.try_call("POST", &format!("kv/data/{key}"), &body) {
                            Some(answer) => told.lock().unwrap().push(answer.ok().status.to_string() + "/" + &key),
                            None => return,
                        }
                    }
                });
            }
            std::thread::sleep(Duration::from_millis(150) + delay(round, 350));
            server.kill();
        });
        for attempt in 0..3 {
            setup.start_and_kill(delay(round * 3 + attempt, 60));
        }
        server = setup.reopen(&keys);
        for key in told.lock().unwrap().drain(..) {
            let key = key.split_once('/').unwrap().1;
            let found = server.root().get(&format!("kv/data/{key}")).data();
            assert_eq!(found["data"], large(key), "round {round}, {key}");
        }
    }
    let folds = newest_segment(&server);
    server.stop();
    kw_store_embedded::verify(&setup.path("data")).unwrap();
    println!("{} rounds, {folds} segments", rounds());
}

/// All secrets are those of the snapshot or all are those of before, whenever the kill comes.
#[test]
fn kills_while_a_snapshot_is_restored() {
    const SECRETS: usize = 150;
    let setup = Setup::embedded();
    let mut server = with_kv(&setup);
    let keys = server.keys.clone();
    let write_all = |server: &Server, word: &str| {
        for n in 0..SECRETS {
            server.root().post(&format!("kv/data/{n}"), json!({"data": {"v": word}})).ok();
        }
    };
    write_all(&server, "old");
    let snapshot = server.root().get("sys/storage/raft/snapshot").ok().body;
    let (mut restored, mut kept) = (0, 0);
    for round in 0..rounds() {
        let word = format!("new {round}");
        write_all(&server, &word);
        let root = server.root();
        let answered = std::thread::scope(|scope| {
            let asked = scope.spawn(|| root.try_raw("POST", "sys/storage/raft/snapshot", &snapshot));
            std::thread::sleep(delay(round, 60));
            server.kill();
            asked.join().unwrap().is_ok_and(|answer| answer.status < 300)
        });
        // What finishes the restore is killed as well.
        setup.start_and_kill(delay(round + 1000, 60));
        server = setup.start();
        server.keys = keys.clone();
        if round % 2 == 0 {
            let nobody = server.nobody();
            std::thread::scope(|scope| {
                scope.spawn(|| nobody.try_call("POST", "sys/unseal", &json!({"key": keys.shares[0]})));
                std::thread::sleep(delay(round + 2000, 40));
                server.kill();
            });
            server = setup.start();
            server.keys = keys.clone();
        }
        server.unseal();
        let found: Vec<Value> = (0..SECRETS).map(|n| server.root().get(&format!("kv/data/{n}")).data()).collect();
        let is_old = found[0]["data"]["v"] == json!("old");
        let wanted = if is_old { "old" } else { word.as_str() };
        assert!(found.iter().all(|f| f["data"]["v"] == json!(wanted)), "round {round}: some are old, some are new");
        assert!(is_old || !answered, "round {round}: a restore was acknowledged and did not take place");
        if is_old { restored += 1 } else { kept += 1 }
    }
    println!("{restored} restored, {kept} kept");
}
