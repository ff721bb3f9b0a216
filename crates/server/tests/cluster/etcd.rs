//! Three members of etcd, from Debian's package `etcd-server`.
use crate::backing::{lasting_port, missing};
use std::fs::File;
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::thread::sleep;
use std::time::{Duration, Instant};
use tempfile::TempDir;

const PROGRAM: &str = "/usr/bin/etcd";

/// One member, and the directory of its data. It ends with its value.
pub struct Member {
    pub port: u16,
    folder: TempDir,
    arguments: Vec<String>,
    process: Mutex<Option<Child>>,
}

impl Member {
    /// `None`: the package is missing, and nobody insists on it.
    pub fn start_three() -> Option<Vec<Self>> {
        if !Path::new(PROGRAM).is_file() {
            return missing("etcd-server");
        }
        let ports: Vec<(u16, u16)> = (0..3).map(|_| (lasting_port(), lasting_port())).collect();
        let all: Vec<String> = ports.iter().map(|(port, peer)| format!("m{port}=http://127.0.0.1:{peer}")).collect();
        let members: Vec<Self> = ports.iter().map(|(port, peer)| Self::new(*port, *peer, &all.join(","))).collect();
        members.iter().for_each(Self::run);
        members.iter().for_each(Self::wait);
        Some(members)
    }

    fn new(port: u16, peer: u16, all: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (client, peer) = (format!("http://127.0.0.1:{port}"), format!("http://127.0.0.1:{peer}"));
        let arguments = [
            ("name", format!("m{port}")),
            ("data-dir", folder.path().join("data").display().to_string()),
            ("listen-client-urls", client.clone()),
            ("advertise-client-urls", client),
            ("listen-peer-urls", peer.clone()),
            ("initial-advertise-peer-urls", peer),
            ("initial-cluster", all.to_owned()),
            ("log-level", "warn".to_owned()),
        ];
        let arguments = arguments.iter().map(|(name, value)| format!("--{name}={value}")).collect();
        Self { port, folder, arguments, process: Mutex::default() }
    }

    /// Starts the process, without waiting until it serves.
    pub fn run(&self) {
        let log = File::options().create(true).append(true).open(self.folder.path().join("log")).unwrap();
        let mut command = Command::new(PROGRAM);
        command.args(&self.arguments).stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        *self.process.lock().unwrap() = Some(command.spawn().unwrap());
    }

    fn wait(&self) {
        let since = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            let log = || std::fs::read_to_string(self.folder.path().join("log"));
            assert!(since.elapsed() < Duration::from_secs(30), "etcd did not start: {:?}", log());
            sleep(Duration::from_millis(20));
        }
    }

    /// Ends the process at once, as a crash does.
    pub fn kill(&self) {
        if let Some(mut process) = self.process.lock().unwrap().take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }

    /// Sends a signal by its name, such as `STOP`.
    pub fn signal(&self, name: &str) {
        let id = self.process.lock().unwrap().as_ref().map(Child::id).unwrap();
        let sent = Command::new("/bin/kill").arg(format!("-{name}")).arg(id.to_string()).status().unwrap();
        assert!(sent.success(), "the signal {name} was not sent");
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.kill();
    }
}
