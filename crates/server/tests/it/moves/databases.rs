//! Real database servers of a test's own, from Debian's packages.
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// Whether a missing package fails the test.
fn is_required() -> bool {
    std::env::var("KW_REQUIRE_REAL").is_ok_and(|v| v == "1")
}

fn missing<T>(package: &str) -> Option<T> {
    assert!(!is_required(), "KW_REQUIRE_REAL=1, but the package {package} is not installed");
    eprintln!("SKIPPED: the package {package} is not installed");
    None
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

pub struct Postgres {
    dir: TempDir,
    bin: PathBuf,
    port: u16,
}

impl Postgres {
    /// `None`: the package is missing, and nobody insists on it.
    pub fn start() -> Option<Self> {
        let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
        let bin = versions.map(|v| v.path().join("bin")).filter(|bin| bin.join("initdb").is_file()).max();
        let Some(bin) = bin else { return missing("postgresql") };
        let database = Self { dir: tempfile::tempdir().unwrap(), bin, port: free_port() };
        database.give_away();
        database.run("initdb", &["-U", "kw", "-A", "trust", "-E", "UTF8", "-N"]);
        let file = database.data().join("postgresql.conf");
        let settings = format!(
            "port = {}\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = ''\nfsync = off\n",
            database.port
        );
        std::fs::write(&file, std::fs::read_to_string(&file).unwrap() + &settings).unwrap();
        database.give_away();
        let log = database.dir.path().join("log").display().to_string();
        database.run("pg_ctl", &["-l", &log, "-w", "-s", "start"]);
        Some(database)
    }

    /// The words after `storage`, with a table of this name.
    pub fn block(&self, table: &str) -> String {
        let url = format!("postgres://kw@127.0.0.1:{}/postgres?sslmode=disable", self.port);
        format!("\"postgresql\" {{ connection_url = {url:?}\n  table = {table:?} }}")
    }

    fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    fn run(&self, program: &str, args: &[&str]) {
        let output = self.command(program).args(args).output().unwrap();
        assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// The database refuses to run as root.
    fn command(&self, program: &str) -> Command {
        let program = self.bin.join(program);
        let mut command = if is_root() { Command::new("setpriv") } else { Command::new(&program) };
        if is_root() {
            command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]).arg(program);
        }
        command.current_dir(self.dir.path()).stdin(Stdio::null()).arg("-D").arg(self.data());
        command
    }

    fn give_away(&self) {
        if is_root() {
            let done = Command::new("chown").args(["-R", "postgres:"]).arg(self.dir.path()).status().unwrap();
            assert!(done.success());
        }
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let _ = self.command("pg_ctl").args(["-m", "immediate", "-s", "stop"]).output();
    }
}

fn is_root() -> bool {
    std::os::unix::fs::MetadataExt::uid(&std::fs::metadata("/proc/self").unwrap()) == 0
}

pub struct Etcd {
    _dir: TempDir,
    process: Child,
    port: u16,
}

impl Etcd {
    /// `None`: the package is missing, and nobody insists on it.
    pub fn start() -> Option<Self> {
        if !Path::new("/usr/bin/etcd").is_file() {
            return missing("etcd-server");
        }
        let (dir, port) = (tempfile::tempdir().unwrap(), free_port());
        let (client, peer) = (format!("http://127.0.0.1:{port}"), format!("http://127.0.0.1:{}", free_port()));
        let process = Command::new("/usr/bin/etcd")
            .arg("--data-dir")
            .arg(dir.path())
            .args(["--unsafe-no-fsync", "--log-level", "error", "--initial-cluster", &format!("default={peer}")])
            .args(["--listen-client-urls", &client, "--advertise-client-urls", &client])
            .args(["--listen-peer-urls", &peer, "--initial-advertise-peer-urls", &peer])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let database = Self { _dir: dir, process, port };
        for _ in 0..500 {
            if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return Some(database);
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        panic!("etcd did not start");
    }

    /// The words after `storage`, with keys below this path.
    pub fn block(&self, path: &str) -> String {
        format!("\"etcd\" {{ address = \"http://127.0.0.1:{}\"\n  path = {path:?} }}", self.port)
    }
}

impl Drop for Etcd {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
