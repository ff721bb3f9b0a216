//! No answer without its record: when no audit device can be written, nothing leaves and nothing changes.
use crate::support::{Caller, Server, Setup};
use rustix::fs::{Mode, OFlags};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::{OpenOptionsExt, symlink};
use std::time::{Duration, Instant};

/// A server whose configuration has one audit file of this name in its folder.
fn audited(file: &str) -> Setup {
    let setup = Setup::embedded();
    let path = setup.file(file);
    setup.with_top(&format!("audit \"file\" \"main\" {{\n  options {{ file_path = {path:?} }}\n}}"))
}

/// A secret that is there, and the version that it has.
fn with_secret(server: &Server) {
    server.mount("kv", json!({"type": "kv", "options": {"version": "2"}}));
    server.root().post("kv/data/a", json!({"data": {"k": "the-secret"}})).ok();
}

/// Nothing leaves: neither a secret nor a token, neither to who may nor to who may not.
fn assert_closed(root: &Caller, nobody: &Caller) {
    let since = Instant::now();
    for answer in [
        root.get("kv/data/a"),
        root.list("kv/metadata/"),
        root.post("kv/data/a", json!({"data": {"k": "changed"}})),
        root.delete("kv/data/a"),
        root.post("auth/token/create", json!({})),
        root.get("sys/mounts"),
        root.get("no/such/mount"),
        nobody.get("kv/data/a"),
    ] {
        let answer = answer.is(500);
        assert!(!answer.text().contains("the-secret") && !answer.text().contains("client_token"), "{}", answer.text());
    }
    assert!(since.elapsed() < Duration::from_secs(5), "refused too late");
    // Health is not about anybody's secrets, and says that the process is there.
    nobody.get("sys/health").is(200);
}

/// All is as it was before, and goes on.
fn assert_unchanged(root: &Caller) {
    let found = root.get("kv/data/a").ok().data();
    assert_eq!((&found["data"]["k"], &found["metadata"]["version"]), (&json!("the-secret"), &json!(1)));
    assert_eq!(root.get("kv/metadata/a").ok().data()["current_version"], json!(1));
    root.post("kv/data/b", json!({"data": {}})).ok();
}

fn lines(setup: &Setup, file: &str) -> Vec<Value> {
    let text = fs::read_to_string(setup.path(file)).unwrap();
    text.lines().map(|l| serde_json::from_str(l).unwrap_or_else(|e| panic!("{e}: {l}"))).collect()
}

#[test]
fn a_full_device_lets_nothing_out_and_recovers() {
    let setup = audited("audit");
    symlink(setup.path("real"), setup.path("audit")).unwrap();
    let server = setup.open();
    with_secret(&server);
    let point_to = |target: &str| {
        fs::remove_file(setup.path("audit")).unwrap();
        symlink(target, setup.path("audit")).unwrap();
        server.signal("HUP");
        std::thread::sleep(Duration::from_millis(200));
    };
    point_to("/dev/full");
    assert_closed(&server.root(), &server.nobody());
    point_to(&setup.file("real"));
    assert_unchanged(&server.root());
    lines(&setup, "real");
}

#[test]
fn a_device_that_is_full_from_the_start_lets_nothing_out() {
    let server =
        Setup::embedded().with_top("audit \"file\" \"main\" {\n  options { file_path = \"/dev/full\" }\n}").open();
    server.root().get("sys/mounts").is(500);
    server.nobody().get("sys/seal-status").is(200);
}

#[test]
fn a_device_that_discards_counts_as_one_that_took_the_entry() {
    let device = |name: &str, to: &str| format!("audit \"file\" {name:?} {{\n  options {{ file_path = {to:?} }}\n}}");
    let server = Setup::embedded().with_top(&device("full", "/dev/full")).with_top(&device("none", "discard")).open();
    server.root().get("sys/mounts").ok();
    assert_eq!(server.root().get("sys/audit").ok().data()["none/"]["options"]["file_path"], json!("discard"));
    assert!(server.root().post("sys/audit-hash/none", json!({"input": "a"})).ok().at("/hash").starts_with("hmac-"));
}

#[test]
fn a_device_may_leave_out_the_requests_whose_answers_say_the_same() {
    let setup = Setup::embedded();
    let device = |name: &str, more: &str| {
        let path = setup.file(name);
        format!("audit \"file\" {name:?} {{\n  options {{\n    file_path = {path:?}\n    {more}\n  }}\n}}")
    };
    let (short, whole) = (device("short", "elide_read_requests = \"true\""), device("whole", ""));
    let setup = setup.with_top(&short).with_top(&whole);
    let server = setup.open();
    with_secret(&server);
    let before = [lines(&setup, "short").len(), lines(&setup, "whole").len()];
    server.root().get("kv/data/a").ok();
    server.nobody().post("kv/data/a", json!({"data": {"k": "x"}})).is(403);
    server.root().post("kv/data/b", json!({"data": {"k": "y"}})).ok();
    let told = |name: &str, before: usize| -> Vec<(String, String, bool)> {
        let text = |line: &Value, at: &str| line.pointer(at).and_then(Value::as_str).unwrap_or_default().to_owned();
        let new = lines(&setup, name).split_off(before);
        new.iter().map(|l| (text(l, "/type"), text(l, "/request/path"), l.get("error").is_some())).collect()
    };
    let entry = |kind: &str, path: &str, failed: bool| (kind.to_owned(), path.to_owned(), failed);
    let written = [entry("request", "kv/data/b", false), entry("response", "kv/data/b", false)];
    let read = [entry("response", "kv/data/a", false), entry("response", "kv/data/a", true)];
    assert_eq!(told("short", before[0]), [read.as_slice(), written.as_slice()].concat());
    assert_eq!(told("whole", before[1]).len(), 6);
}

#[test]
fn a_pipe_that_nobody_reads_lets_nothing_out_and_recovers() {
    let setup = audited("pipe");
    rustix::fs::mkfifoat(rustix::fs::CWD, setup.path("pipe"), Mode::from(0o600)).unwrap();
    let flags = OFlags::NONBLOCK.bits().cast_signed();
    let mut reader = File::options().read(true).custom_flags(flags).open(setup.path("pipe")).unwrap();
    let server = setup.open();
    with_secret(&server);
    let root = server.root();
    // 64 KiB is what a pipe holds.
    let filled = (0..2000).any(|_| root.get("sys/mounts").status == 500);
    assert!(filled, "the pipe never was full");
    // A short line may still have room: the closed state is reached when nothing fits any more.
    while root.get("no/such/mount").status != 500 {}
    assert_closed(&root, &server.nobody());
    drain(&mut reader);
    assert_unchanged(&root);
}

fn drain(reader: &mut File) {
    let mut buffer = vec![0; 1 << 20];
    while reader.read(&mut buffer).is_ok_and(|n| n > 0) {}
}

#[test]
fn a_deleted_folder_is_made_anew_or_lets_nothing_out() {
    let setup = audited("logs/audit");
    let server = setup.open();
    with_secret(&server);
    fs::remove_dir_all(setup.path("logs")).unwrap();
    server.root().get("kv/data/a").ok();
    assert!(!lines(&setup, "logs/audit").is_empty(), "the file was not made anew");

    fs::remove_dir_all(setup.path("logs")).unwrap();
    fs::write(setup.path("logs"), "in the way").unwrap();
    assert_closed(&server.root(), &server.nobody());
    server.signal("HUP");
    std::thread::sleep(Duration::from_millis(200));
    assert_closed(&server.root(), &server.nobody());
    fs::remove_file(setup.path("logs")).unwrap();
    assert_unchanged(&server.root());
}

#[test]
fn one_working_device_is_enough() {
    let second = "audit \"file\" \"second\" {\n  options { file_path = \"/dev/full\" }\n}";
    let setup = audited("audit").with_top(second);
    let server = setup.open();
    with_secret(&server);
    server.root().get("kv/data/a").ok();
    assert!(lines(&setup, "audit").iter().any(|l| l["request"]["path"] == json!("kv/data/a")));
}

#[test]
fn a_rotated_file_goes_on_under_its_name() {
    let setup = audited("audit");
    let server = setup.open();
    server.root().get("sys/mounts").ok();
    fs::rename(setup.path("audit"), setup.path("old")).unwrap();
    server.signal("HUP");
    let since = Instant::now();
    while !setup.path("audit").exists() && since.elapsed() < Duration::from_secs(5) {
        std::thread::sleep(Duration::from_millis(10));
    }
    server.root().get("sys/key-status").ok();
    assert!(lines(&setup, "old").iter().all(|l| l["request"]["path"] != json!("sys/key-status")));
    assert_eq!(lines(&setup, "audit").iter().filter(|l| l["request"]["path"] == json!("sys/key-status")).count(), 2);
}

#[test]
fn a_device_that_was_disabled_leaves_its_file() {
    let setup = Setup::embedded();
    let server = setup.open();
    let is_open = || {
        let files = fs::read_dir(format!("/proc/{}/fd", server.id())).unwrap();
        files.filter_map(|file| fs::read_link(file.unwrap().path()).ok()).any(|file| file == setup.path("audit"))
    };
    server.root().post("sys/audit/a", json!({"type": "file", "options": {"file_path": setup.file("audit")}})).ok();
    // What is known of this token is kept, and it is not used again.
    let other = server.holder_of(&[]);
    other.get("auth/token/lookup-self").ok();
    assert!(is_open());
    server.root().delete("sys/audit/a").ok();
    server.root().get("sys/mounts").ok();
    assert!(!is_open());
}

#[test]
fn every_answer_has_its_two_entries() {
    let setup = audited("audit");
    let server = setup.open();
    with_secret(&server);
    server.mount_auth("userpass", "userpass");
    let root = server.root();
    root.post("auth/userpass/users/ann", json!({"password": "pw"})).ok();
    let weak = server.holder_of(&["none"]);
    let before = lines(&setup, "audit").len();
    let asked: Vec<(&str, u16)> = vec![
        ("kv/data/a", root.get("kv/data/a").status),
        ("kv/data/none", root.get("kv/data/none").status),
        ("kv/data/a", weak.get("kv/data/a").status),
        ("kv/data/a", server.nobody().get("kv/data/a").status),
        ("kv/data/a", server.with("s.none").get("kv/data/a").status),
        ("kv/data/a", root.post("kv/data/a", json!({"options": {"cas": 9}, "data": {}})).status),
        ("none/x", root.get("none/x").status),
        ("auth/userpass/login/ann", server.nobody().post("auth/userpass/login/ann", json!({"password": "pw"})).status),
        ("auth/userpass/login/ann", server.nobody().post("auth/userpass/login/ann", json!({"password": "no"})).status),
        ("kv/data/a", root.call("PATCH", "kv/data/a", None).status),
        ("sys/mounts", root.delete("sys/mounts").status),
    ];
    let statuses: Vec<u16> = asked.iter().map(|(_, status)| *status).collect();
    assert_eq!(statuses, [200, 404, 403, 403, 403, 400, 404, 200, 400, 415, 405]);
    // What cannot be read as a request at all, such as the PATCH of another content type, is refused before there is anything
    // that could be told.
    let paths: Vec<&str> = asked.iter().filter(|(_, status)| *status != 415).map(|(path, _)| *path).collect();
    let fresh = &lines(&setup, "audit")[before..];
    let kinds: BTreeMap<String, Vec<&Value>> = fresh.iter().fold(BTreeMap::new(), |mut all, line| {
        all.entry(line["request"]["id"].as_str().unwrap().to_owned()).or_insert_with(Vec::new).push(line);
        all
    });
    assert_eq!(kinds.len(), paths.len());
    let mut order: Vec<&str> = Vec::new();
    for line in fresh.iter().filter(|l| l["type"] == json!("request")) {
        order.push(line["request"]["path"].as_str().unwrap());
        let entries = &kinds[line["request"]["id"].as_str().unwrap()];
        let types: Vec<&Value> = entries.iter().map(|l| &l["type"]).collect();
        assert_eq!(types, [&json!("request"), &json!("response")]);
        assert_eq!(entries[0]["request"], entries[1]["request"]);
    }
    assert_eq!(order, paths);
    let failed = fresh.iter().filter(|l| l["type"] == json!("response") && l["error"].is_string()).count();
    assert_eq!(failed, statuses.iter().filter(|s| **s >= 400 && **s != 415).count());
}

#[test]
fn a_request_whose_client_went_away_is_recorded_to_its_end() {
    let setup = audited("audit");
    let server = setup.open();
    server.mount_auth("userpass", "userpass");
    server.root().post("auth/userpass/users/ann", json!({"password": "pw"})).ok();
    let body = json!({"password": "pw"}).to_string();
    let request = server.nobody().request("POST", "auth/userpass/login/ann", body.as_bytes());
    // A password's hash takes long enough to go away meanwhile.
    for _ in 0..5 {
        let mut stream = TcpStream::connect(&server.address).unwrap();
        stream.write_all(&request).unwrap();
        std::thread::sleep(Duration::from_millis(3));
    }
    std::thread::sleep(Duration::from_secs(2));
    let all = lines(&setup, "audit");
    let ids = |kind: &str| -> BTreeSet<String> {
        let of_kind =
            all.iter().filter(|l| l["type"] == json!(kind) && l["request"]["path"] == json!("auth/userpass/login/ann"));
        of_kind.map(|l| l["request"]["id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(ids("request").len(), 5);
    assert_eq!(ids("request"), ids("response"));
    assert!(all.iter().all(|line| line["error"].is_null()), "it is carried out as if the client had waited");
}
