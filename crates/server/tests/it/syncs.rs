//! A disk whose syncs fail, under a server that runs: `strace` answers the system call in the kernel's place. Tracing a process
//! may be forbidden: then the test says so and does nothing.
use crate::support::{Answer, Server, Setup};
use serde_json::{Value, json};
use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const ATTACHING: Duration = Duration::from_secs(20);

/// A tracer of one server, by which every `fdatasync` and `fsync` fails with `EIO` and nothing is synced.
struct NoSyncs(Child);

impl NoSyncs {
    fn of(server: &Server) -> Option<Self> {
        let mut command = Command::new("strace");
        command.args(["-f", "-qq", "-o", "/dev/null", "-e", "trace=fdatasync,fsync"]);
        command.args(["-e", "inject=fdatasync,fsync:error=EIO", "-p", &server.id().to_string()]);
        let mut tracer = match command.stdout(Stdio::null()).stderr(Stdio::null()).spawn() {
            Ok(child) => Self(child),
            Err(err) => {
                println!("skipped: strace cannot be run ({err})");
                return None;
            }
        };
        let since = Instant::now();
        while !is_traced(server) {
            if let Some(status) = tracer.0.try_wait().unwrap() {
                println!("skipped: the server cannot be traced ({status})");
                return None;
            }
            assert!(since.elapsed() < ATTACHING, "strace does not attach");
            std::thread::sleep(Duration::from_millis(10));
        }
        Some(tracer)
    }

    /// Lets syncs succeed again.
    fn end(mut self) {
        let id = self.0.id().to_string();
        assert!(Command::new("/bin/kill").args(["-INT", &id]).status().unwrap().success());
        self.0.wait().unwrap();
    }
}

impl Drop for NoSyncs {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Whether every thread has a tracer.
fn is_traced(server: &Server) -> bool {
    let threads = fs::read_dir(format!("/proc/{}/task", server.id())).unwrap();
    threads.flatten().all(|thread| {
        let status = fs::read_to_string(thread.path().join("status")).unwrap_or_default();
        let tracer = status.lines().find_map(|line| line.strip_prefix("TracerPid:")).unwrap_or("0");
        tracer.trim() != "0"
    })
}

fn write(server: &Server, name: &str, value: &str) -> Answer {
    server.root().post(&format!("kv/data/{name}"), json!({"data": {"v": value}}))
}

fn read(server: &Server, name: &str) -> Value {
    server.root().get(&format!("kv/data/{name}")).ok().data()["data"]["v"].clone()
}

#[test]
fn after_a_failed_sync_nothing_is_acknowledged_until_a_restart() {
    let setup = Setup::embedded();
    let server = setup.open();
    server.mount("kv", json!({"type": "kv", "options": {"version": "2"}}));
    write(&server, "before", "1").ok();
    assert_eq!(server.health(), (200, String::new()));

    let Some(fault) = NoSyncs::of(&server) else { return };
    let text = write(&server, "at-it", "2").is(500).text();
    assert!(text.contains("restart the server"), "{text}");
    let (status, trouble) = server.health();
    assert!(status == 500 && trouble.contains("restart the server"), "{status} {trouble}");
    assert_eq!(read(&server, "before"), json!("1"));

    // The next sync would succeed, and mean nothing: the system took the pages for written.
    fault.end();
    write(&server, "after", "3").is(500);
    write(&server, "before", "4").is(500);
    assert_eq!(server.health().0, 500);
    assert_eq!(read(&server, "before"), json!("1"));

    let keys = server.keys.clone();
    server.kill();
    let server = setup.reopen(&keys);
    assert_eq!(server.health(), (200, String::new()));
    assert_eq!(read(&server, "before"), json!("1"));
    server.root().get("kv/data/after").is(404);
    // That of the failed sync is there as a whole, or not at all.
    let at_it = server.root().get("kv/data/at-it");
    assert!(at_it.status == 404 || at_it.data()["data"]["v"] == json!("2"), "{}", at_it.text());
    write(&server, "after", "5").ok();
}
