use super::archive;
use super::plan::{Plan, Target, surplus};
use super::round::round;
use crate::rows::SETTINGS;
use crate::tests::bed::{Bed, ROOT};
use kw_types::{Time, Ttl};
use serde_json::{Value, json};
use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

const CONFIG: &str = "sys/storage/raft/snapshot-auto/config/daily";

async fn plan(bed: &Bed, body: Value) -> (u16, Value) {
    bed.call("POST", CONFIG, ROOT, body).await
}

fn local(folder: &Path, more: Value) -> Value {
    let mut body = json!({"interval": "1h", "storage_type": "local", "path_prefix": folder, "file_prefix": "kw"});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

async fn status(bed: &Bed) -> Value {
    bed.call("GET", "sys/storage/raft/snapshot-auto/status/daily", ROOT, Value::Null).await.1["data"].clone()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found: Vec<_> = fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    found.sort();
    found
}

fn snapshots(folder: &Path) -> usize {
    files(folder).iter().filter(|f| f.extension().is_some_and(|e| e == "snap")).count()
}

#[tokio::test]
async fn snapshots_are_taken_rehearsed_and_make_room_for_each_other() {
    let bed = Bed::new(1).await;
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("snaps");
    let done = plan(&bed, local(&folder, json!({"retain": 2}))).await;
    assert_eq!(done.0, 204, "{}", done.1);
    let stranger = folder.join("kw-2020-not-ours.snap");
    fs::create_dir_all(&folder).unwrap();
    fs::write(&stranger, "x").unwrap();
    for n in 0..4 {
        round(&bed.kernel).await.unwrap();
        let told = status(&bed).await;
        assert_eq!(told["last_snapshot_error"], "", "{told}");
        assert!(told["rehearsed_rows"].as_u64().unwrap() > 10, "{told}");
        let path = PathBuf::from(told["last_snapshot_url"].as_str().unwrap());
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(path.metadata().unwrap().len(), told["last_snapshot_bytes"].as_u64().unwrap());
        assert_eq!(snapshots(&folder), 1 + (n + 1).min(2), "{:?}", files(&folder));
        // Not before its time.
        round(&bed.kernel).await.unwrap();
        assert_eq!(status(&bed).await, told);
        bed.advance(3600);
    }
    assert_eq!(files(&folder).len(), 3, "something was left behind: {:?}", files(&folder));
    assert!(stranger.exists());
    // It is what a restore takes.
    let newest = PathBuf::from(status(&bed).await["last_snapshot_url"].as_str().unwrap());
    assert!(archive::unpack(&fs::read(newest).unwrap()).unwrap().is_ours(&bed.kernel.barrier).unwrap());
    assert_eq!(bed.call("DELETE", CONFIG, ROOT, Value::Null).await.0, 204);
    bed.advance(9999);
    round(&bed.kernel).await.unwrap();
    assert_eq!(files(&folder).len(), 3);
    assert_eq!(status(&bed).await, Value::Null);
}

#[tokio::test]
async fn a_clock_that_was_far_ahead_puts_no_snapshot_off() {
    let bed = Bed::new(1).await;
    let dir = tempfile::tempdir().unwrap();
    let done = plan(&bed, local(dir.path(), json!({"retain": 5}))).await;
    assert_eq!(done.0, 204, "{}", done.1);
    round(&bed.kernel).await.unwrap();
    bed.turn_back(59);
    round(&bed.kernel).await.unwrap();
    assert_eq!(snapshots(dir.path()), 1, "clocks of nodes may differ by so much");
    bed.turn_back(100 * 24 * 3600);
    round(&bed.kernel).await.unwrap();
    assert_eq!(snapshots(dir.path()), 2);
    round(&bed.kernel).await.unwrap();
    assert_eq!(snapshots(dir.path()), 2);
}

#[tokio::test]
async fn what_cannot_be_restored_is_told_and_nothing_older_goes() {
    let bed = Bed::new(2).await;
    let dir = tempfile::tempdir().unwrap();
    plan(&bed, local(dir.path(), json!({"retain": 1}))).await;
    round(&bed.kernel).await.unwrap();
    let good = status(&bed).await;
    // A row that is not the barrier's: somebody has written into the store.
    let key = format!("{SETTINGS}intruder");
    let writes = vec![kw_store::Write { key: key.clone().into(), value: Some("plain text".into()) }];
    bed.kernel.store.commit(kw_store::Batch { writes, ..Default::default() }).await.unwrap();
    bed.advance(3600);
    round(&bed.kernel).await.unwrap();
    let bad = status(&bed).await;
    assert!(bad["last_snapshot_error"].as_str().unwrap().contains("intruder does not decrypt"), "{bad}");
    assert_eq!((&bad["consecutive_errors"], &bad["last_snapshot_url"]), (&json!(1), &good["last_snapshot_url"]));
    assert!(Path::new(good["last_snapshot_url"].as_str().unwrap()).exists());
    assert_eq!((snapshots(dir.path()), files(dir.path()).len()), (1, 2), "{:?}", files(dir.path()));
    // The next try comes soon, and when it succeeds, what was set aside goes.
    bed.kernel
        .transact(async |txn| {
            txn.delete(&key);
            Ok(())
        })
        .await
        .unwrap();
    bed.advance(61);
    round(&bed.kernel).await.unwrap();
    assert_eq!((status(&bed).await["consecutive_errors"].clone(), files(dir.path()).len()), (json!(0), 1));
}

#[tokio::test]
async fn space_age_and_a_hold_are_heeded() {
    let bed = Bed::new(3).await;
    let dir = tempfile::tempdir().unwrap();
    plan(&bed, local(dir.path(), json!({"retain": 0, "retain_age": "90m"}))).await;
    for wanted in [1, 2, 2, 2] {
        round(&bed.kernel).await.unwrap();
        assert_eq!(snapshots(dir.path()), wanted);
        bed.advance(3600);
    }
    plan(&bed, local(dir.path(), json!({"local_max_space": 10}))).await;
    round(&bed.kernel).await.unwrap();
    let told = status(&bed).await;
    assert!(told["last_snapshot_error"].as_str().unwrap().contains("local_max_space"), "{told}");
    assert_eq!(files(dir.path()).len(), 2);
    plan(&bed, local(dir.path(), json!({"retain": 0}))).await;
    let (key, value) = crate::held::Held::row(bed.kernel.now()).unwrap();
    let writes = vec![kw_store::Write { key, value: Some(value) }];
    bed.kernel.store.commit(kw_store::Batch { writes, ..Default::default() }).await.unwrap();
    round(&bed.kernel).await.unwrap();
    assert_eq!(files(dir.path()).len(), 2, "a restored copy takes none");
    bed.kernel.release().await.unwrap();
    round(&bed.kernel).await.unwrap();
    assert_eq!(files(dir.path()).len(), 3);
}

#[tokio::test]
async fn plans_that_cannot_work_are_refused() {
    let bed = Bed::new(4).await;
    let dir = tempfile::tempdir().unwrap();
    for wrong in [
        json!({"interval": "5s"}),
        json!({"storage_type": "aws-s3"}),
        json!({"path_prefix": "relative"}),
        json!({"path_prefix": "/a/../b"}),
        json!({"file_prefix": "a/b"}),
        json!({"storage_type": "http", "http_url": "ftp://x"}),
        json!({"storage_type": "http", "http_url": "http://x", "http_header_name": "a b"}),
    ] {
        assert_eq!(plan(&bed, local(dir.path(), wrong.clone())).await.0, 400, "{wrong}");
    }
    assert_eq!(plan(&bed, local(dir.path(), json!({}))).await.0, 204);
    let other = CONFIG.replace("daily", "other");
    assert_eq!(bed.call("POST", &other, ROOT, local(dir.path(), json!({}))).await.0, 400, "the same files");
    assert_eq!(bed.call("POST", &other, ROOT, local(dir.path(), json!({"file_prefix": "x"}))).await.0, 204);
    let token = bed.token(ROOT, json!({"policies": ["default"]})).await;
    assert_eq!(bed.call("GET", CONFIG, &token, Value::Null).await.0, 403);
}

/// A server that takes files: what it was sent, as `METHOD path header-value length`.
fn receiver(told: Arc<Mutex<Vec<String>>>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/up", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let (mut head, mut byte) = (Vec::new(), [0]);
            while !head.ends_with(b"\r\n\r\n") {
                stream.read_exact(&mut byte).unwrap();
                head.push(byte[0]);
            }
            let head = String::from_utf8(head).unwrap();
            let header = |name: &str| {
                let line = head.lines().find_map(|l| l.split_once(": ").filter(|(n, _)| n.eq_ignore_ascii_case(name)));
                line.map(|(_, value)| value.to_owned()).unwrap_or_default()
            };
            let mut body = vec![0; header("content-length").parse().unwrap_or(0)];
            stream.read_exact(&mut body).unwrap();
            let line = head.lines().next().unwrap().trim_end_matches(" HTTP/1.1").to_owned();
            told.lock().unwrap().push(format!("{line} {} {}", header("x-key"), body.len() > 1000));
            stream.write_all(b"HTTP/1.1 201 Created\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").unwrap();
        }
    });
    url
}

#[tokio::test]
async fn snapshots_are_sent_away_and_removed_there() {
    let bed = Bed::new(5).await;
    let told = Arc::new(Mutex::new(Vec::new()));
    let url = receiver(told.clone());
    let body = json!({"interval": "1h", "storage_type": "http", "http_url": url, "path_prefix": "a/b", "retain": 1,
        "http_header_name": "X-Key", "http_header_value": "hush"});
    assert_eq!(plan(&bed, body).await.0, 204);
    assert!(!bed.call("GET", CONFIG, ROOT, Value::Null).await.1.to_string().contains("hush"));
    for _ in 0..2 {
        round(&bed.kernel).await.unwrap();
        assert_eq!(status(&bed).await["last_snapshot_error"], "", "{}", status(&bed).await);
        bed.advance(3600);
    }
    let told = told.lock().unwrap();
    let begins =
        ["PUT /up/a/b/keywright-snapshot-", "PUT /up/a/b/keywright-snapshot-", "DELETE /up/a/b/keywright-snapshot-"];
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(
        told.iter().zip(begins).all(|(line, begin)| line.starts_with(begin) && line.contains(" hush ")),
        "{told:?}"
    );
    assert!(told[0].ends_with("true") && told[1].ends_with("true"), "{told:?}");
    assert_eq!(told[2].split(' ').nth(1), told[0].split(' ').nth(1), "the older one goes");
}

#[test]
fn the_newest_stays_whatever_the_rules_say() {
    let rules = |retain, age| Plan {
        interval: Ttl::from_hours(1),
        retain,
        retain_age: Ttl::from_seconds(age),
        file_prefix: String::new(),
        path_prefix: String::new(),
        target: Target::Local { max_space: 0 },
    };
    let at = |seconds| Time::from_seconds(seconds);
    let taken = [at(100), at(90), at(80), at(10)];
    assert_eq!(surplus(&rules(1, 0), &taken, at(1000)), [1, 2, 3]);
    assert_eq!(surplus(&rules(3, 0), &taken, at(1000)), [3]);
    assert_eq!(surplus(&rules(0, 30), &taken, at(115)), [2, 3]);
    assert_eq!(surplus(&rules(0, 0), &taken, at(115)), Vec::<usize>::new());
    assert_eq!(surplus(&rules(2, 12), &taken, at(1000)), [1, 2, 3]);
}
