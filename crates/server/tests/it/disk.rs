//! A disk that is full, on real file systems. They are mounted, which needs root: where that is not permitted, these tests say so
//! and do nothing.
use crate::support::{Server, Setup};
use serde_json::{Value, json};
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How long a server may take to notice that there is room again.
const RECOVERY: Duration = Duration::from_secs(30);

/// A file system that goes with the test.
struct Mounted(PathBuf);

impl Drop for Mounted {
    fn drop(&mut self) {
        // Lazily, since a test that fails leaves a server that has files open.
        run("umount", &["-l", &self.0.display().to_string()]);
    }
}

fn run(program: &str, arguments: &[&str]) -> bool {
    let mut command = Command::new(program);
    command.args(arguments).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// `None`: it is not permitted, which is said.
fn mount(at: &Path, arguments: &[&str]) -> Option<Mounted> {
    fs::create_dir_all(at).unwrap();
    let at_text = at.display().to_string();
    if run("mount", &[arguments, &[at_text.as_str()]].concat()) {
        return Some(Mounted(at.to_owned()));
    }
    println!("skipped: no file system can be mounted here ({}); it needs root", arguments.join(" "));
    None
}

fn tmpfs(at: &Path, megabytes: u64) -> Option<Mounted> {
    mount(at, &["-t", "tmpfs", "-o", &format!("size={megabytes}m"), "tmpfs"])
}

/// ext4 on a file. Without a journal, so that a lost write stays an error of one file.
fn ext4(at: &Path, image: &Path, megabytes: u64) -> Option<Mounted> {
    File::create(image).unwrap().set_len(megabytes << 20).unwrap();
    let image = image.display().to_string();
    let made = run("mkfs.ext4", &["-q", "-F", "-m", "0", "-O", "^has_journal", &image]);
    if !made {
        println!("skipped: there is no mkfs.ext4");
        return None;
    }
    mount_image(at, &image)
}

fn mount_image(at: &Path, image: &str) -> Option<Mounted> {
    mount(at, &["-o", "loop,errors=continue", image])
}

/// A server whose store is on the file system that is mounted at `disk`.
fn stored_on_disk() -> Setup {
    let mut setup = Setup::embedded();
    setup.storage = format!("\"embedded\" {{\n  path = \"{}\"\n}}", setup.file("disk/data"));
    setup
}

/// Takes all the room that is left.
fn take_room(ballast: &Path) {
    let mut file = File::create(ballast).unwrap();
    for len in [1 << 20, 4096, 512, 1] {
        while file.write(&vec![b'x'; len]).is_ok_and(|n| n > 0) {}
    }
    // Where blocks are handed out late, the write of the last ones fails here.
    let _ = file.sync_all();
}

/// A value that is too long for many to fit into what was reserved ahead.
fn value_of(number: usize) -> Value {
    json!({"v": format!("{number} {}", "x".repeat(30_000))})
}

/// Writes new secrets until one is refused. Returns the next number and the refusal.
fn write_until_refused(server: &Server, from: usize) -> (usize, crate::support::Answer) {
    for number in from..from + 20_000 {
        let answer = server.root().post(&format!("kv/data/{number}"), json!({"data": value_of(number)}));
        if answer.status >= 300 {
            return (number, answer);
        }
    }
    panic!("no write was ever refused");
}

fn assert_all_there(server: &Server, written: usize) {
    for number in 0..written {
        let found = server.root().get(&format!("kv/data/{number}")).ok();
        assert_eq!(found.data()["data"], value_of(number), "{number}");
    }
}

/// Asks until it is so.
fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let since = Instant::now();
    while !is_so() {
        assert!(since.elapsed() < RECOVERY, "{what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn with_kv(server: &Server) {
    server.mount("kv", json!({"type": "kv", "options": {"version": "2"}}));
}

#[test]
fn a_full_disk_refuses_writes_and_takes_them_again_without_a_restart() {
    let setup = stored_on_disk();
    let Some(_disk) = ext4(&setup.path("disk"), &setup.path("image"), 48) else { return };
    let server = setup.open();
    with_kv(&server);
    // The control: with room, all is well.
    server.root().post("kv/data/0", json!({"data": value_of(0)})).ok();
    assert_eq!(server.health(), (200, String::new()));

    take_room(&setup.path("disk/ballast"));
    let (written, refusal) = write_until_refused(&server, 1);
    let text = refusal.is(507).text();
    assert!(text.contains("no room left") && text.contains("free some"), "{text}");
    let (status, trouble) = server.health();
    assert!(status == 200 && trouble.contains("no room left"), "{status} {trouble}");
    assert_all_there(&server, written);
    server.root().get(&format!("kv/data/{written}")).is(404);
    // A secret that is there keeps its value when its change is refused.
    server.root().post("kv/data/0", json!({"data": value_of(7)})).is(507);
    assert_all_there(&server, 1);

    // A restart changes nothing for the worse: what was acknowledged is read.
    let keys = server.keys.clone();
    server.kill();
    let server = setup.reopen(&keys);
    assert_all_there(&server, written);

    fs::remove_file(setup.path("disk/ballast")).unwrap();
    wait_until("writes did not go on although there is room", || {
        server.root().post(&format!("kv/data/{written}"), json!({"data": value_of(written)})).status == 200
    });
    wait_until("health still tells of trouble", || server.health() == (200, String::new()));
    server.root().post("kv/data/again", json!({"data": value_of(1)})).ok();
    server.kill();
    let server = setup.reopen(&keys);
    assert_all_there(&server, written + 1);
}

#[test]
fn room_that_comes_back_ends_the_refusals_of_a_running_server() {
    let setup = stored_on_disk();
    let Some(_disk) = tmpfs(&setup.path("disk"), 24) else { return };
    let server = setup.open();
    with_kv(&server);
    let mut written = 0;
    for _ in 0..3 {
        take_room(&setup.path("disk/ballast"));
        let (next, refusal) = write_until_refused(&server, written);
        refusal.is(507);
        assert_all_there(&server, next);
        fs::remove_file(setup.path("disk/ballast")).unwrap();
        wait_until("writes did not go on although there is room", || {
            server.root().post(&format!("kv/data/{next}"), json!({"data": value_of(next)})).status == 200
        });
        written = next + 1;
    }
    let keys = server.keys.clone();
    server.stop();
    assert_all_there(&setup.reopen(&keys), written);
}

#[test]
fn an_audit_device_without_room_lets_nothing_out_until_there_is_room() {
    let setup = Setup::embedded();
    let Some(_logs) = tmpfs(&setup.path("logs"), 2) else { return };
    let path = setup.file("logs/audit");
    let setup = setup.with_top(&format!("audit \"file\" \"main\" {{\n  options {{ file_path = {path:?} }}\n}}"));
    let server = setup.open();
    with_kv(&server);
    server.root().post("kv/data/a", json!({"data": {"k": "the-secret"}})).ok();
    take_room(&setup.path("logs/ballast"));
    wait_until("requests are answered without a record", || server.root().get("kv/data/a").status == 500);
    for answer in [
        server.root().get("kv/data/a"),
        server.root().post("kv/data/a", json!({"data": {"k": "changed"}})),
        server.root().post("auth/token/create", json!({})),
    ] {
        let text = answer.is(500).text();
        assert!(!text.contains("the-secret") && !text.contains("client_token"), "{text}");
    }
    server.nobody().get("sys/health").is(200);

    fs::remove_file(setup.path("logs/ballast")).unwrap();
    wait_until("nothing is answered although there is room", || server.root().get("kv/data/a").status == 200);
    let found = server.root().get("kv/data/a").ok().data();
    assert_eq!((&found["data"]["k"], &found["metadata"]["version"]), (&json!("the-secret"), &json!(1)));
}

/// A thin volume: its image lies on less room than the file system believes to have, so that the device refuses what the file
/// system took, and a sync fails without anybody in its place.
#[test]
fn a_device_that_fails_under_a_sync_loses_nothing_that_was_acknowledged() {
    let setup = stored_on_disk();
    let Some(_backing) = tmpfs(&setup.path("backing"), 48) else { return };
    let Some(disk) = ext4(&setup.path("disk"), &setup.path("backing/image"), 256) else { return };
    let server = setup.open();
    with_kv(&server);
    let (written, refusal) = write_until_refused(&server, 0);
    let text = refusal.is(500).text();
    assert!(text.contains("restart the server"), "{text}");
    assert!(written > 100, "the device failed too soon for this to mean anything: {written}");
    let (status, trouble) = server.health();
    assert!(status == 500 && trouble.contains("restart the server"), "{status} {trouble}");
    let text = server.root().post("kv/data/0", json!({"data": value_of(7)})).is(500).text();
    assert!(text.contains("restart the server"), "{text}");

    let (keys, image, backing) = (server.keys.clone(), setup.file("backing/image"), setup.file("backing"));
    server.kill();
    drop(disk);
    assert!(run("mount", &["-o", "remount,size=512m", &backing]));
    // What the file system's own tables lost; it answers by its status that there was something.
    run("e2fsck", &["-fy", &image]);
    let _disk = mount_image(&setup.path("disk"), &image).unwrap();
    let server = setup.reopen(&keys);
    assert_eq!(server.health(), (200, String::new()));
    assert_all_there(&server, written);
    server.root().post("kv/data/0", json!({"data": value_of(0)})).ok();
}
