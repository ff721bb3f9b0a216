//! A real etcd of the test's own, from Debian's package `etcd-server`.
use super::*;
use rustix::process::{Pid, Signal, kill_process};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

const PROGRAM: &str = "/usr/bin/etcd";

/// One member, and the directory of its data.
pub struct Etcd {
    dir: TempDir,
    args: Vec<String>,
    pub port: u16,
    child: Mutex<Option<Child>>,
}

impl Etcd {
    /// A cluster of one. `None`: the package is missing, and nobody insists on it.
    pub fn start() -> Option<Self> {
        Self::start_with("http", |_| Vec::new())
    }

    /// `prepare` may put files into the directory, and returns more arguments.
    pub fn start_with(scheme: &str, prepare: impl FnOnce(&Path) -> Vec<String>) -> Option<Self> {
        let etcd = Self::prepared(scheme, free_port(), free_port(), "one", |_, peer| peer, prepare)?;
        etcd.run();
        etcd.wait();
        Some(etcd)
    }

    /// Three members of one cluster.
    pub fn start_three() -> Option<Vec<Self>> {
        let ports: Vec<(u16, u16)> = (0..3).map(|_| (free_port(), free_port())).collect();
        let all = ports.iter().map(|(port, peer)| format!("m{port}=http://127.0.0.1:{peer}")).collect::<Vec<_>>();
        let all = all.join(",");
        let member = |(port, peer): &(u16, u16)| {
            let cluster = |_: &str, _: String| all.clone();
            Self::prepared("http", *port, *peer, &format!("m{port}"), cluster, |_| Vec::new())
        };
        let members: Vec<Self> = ports.iter().map(member).collect::<Option<_>>()?;
        members.iter().for_each(Self::run);
        members.iter().for_each(Self::wait);
        Some(members)
    }

    fn prepared(
        scheme: &str,
        port: u16,
        peer: u16,
        name: &str,
        cluster: impl FnOnce(&str, String) -> String,
        prepare: impl FnOnce(&Path) -> Vec<String>,
    ) -> Option<Self> {
        if !Path::new(PROGRAM).is_file() {
            #[expect(clippy::disallowed_methods, reason = "a test's own switch")]
            let required = std::env::var("KW_REQUIRE_REAL").is_ok_and(|v| v == "1");
            assert!(!required, "KW_REQUIRE_REAL=1, but the package etcd-server is not installed");
            eprintln!("SKIPPED: the package etcd-server is not installed");
            return None;
        }
        let dir = TempDir::new().unwrap();
        let data = dir.path().join("data");
        let peer = format!("http://127.0.0.1:{peer}");
        let client = format!("{scheme}://127.0.0.1:{port}");
        let cluster = cluster(name, format!("{name}={peer}"));
        let given = [
            ("name", name),
            ("data-dir", data.to_str().unwrap()),
            ("listen-client-urls", &client),
            ("advertise-client-urls", &client),
            ("listen-peer-urls", &peer),
            ("initial-advertise-peer-urls", &peer),
            ("initial-cluster", &cluster),
            ("logger", "zap"),
        ];
        let mut args: Vec<String> = given.iter().map(|(name, value)| format!("--{name}={value}")).collect();
        args.extend(prepare(dir.path()));
        Some(Self { dir, args, port, child: Mutex::default() })
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Starts the process, without waiting until it serves.
    pub fn run(&self) {
        let log = std::fs::File::create(self.dir.path().join("log")).unwrap();
        let mut command = Command::new(PROGRAM);
        command.args(&self.args).stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        *self.child.lock() = Some(command.spawn().unwrap());
    }

    pub fn wait(&self) {
        for _ in 0..500 {
            let log = std::fs::read_to_string(self.dir.path().join("log")).unwrap_or_default();
            if log.contains("serving client traffic") {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        unreachable!("etcd did not start: {:?}", std::fs::read_to_string(self.dir.path().join("log")));
    }

    /// Ends the process at once, as a crash does.
    pub fn kill(&self) {
        if let Some(mut child) = self.child.lock().take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// The process stands still.
    pub fn stop(&self) {
        self.signal(Signal::STOP);
    }

    pub fn go_on(&self) {
        self.signal(Signal::CONT);
    }

    /// Does what an administrator would do.
    pub fn control(&self, args: &[&str]) -> String {
        let mut command = Command::new("/usr/bin/etcdctl");
        command.env("ETCDCTL_API", "3").arg(format!("--endpoints={}", self.url())).args(args);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    fn signal(&self, signal: Signal) {
        let child = self.child.lock();
        let pid = Pid::from_child(child.as_ref().unwrap());
        kill_process(pid, signal).unwrap();
    }
}

impl Drop for Etcd {
    fn drop(&mut self) {
        self.kill();
    }
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
