//! A real server of the test's own, from Debian's package `postgresql`.
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

pub struct Cluster {
    dir: TempDir,
    bin: PathBuf,
    pub port: u16,
}

impl Cluster {
    /// `None`: the package is missing, and nobody insists on it.
    pub fn start() -> Option<Self> {
        Self::start_with(|_| String::new())
    }

    /// `prepare` may put files into the data directory, and returns more settings.
    pub fn start_with(prepare: impl FnOnce(&Path) -> String) -> Option<Self> {
        let Some(bin) = binaries() else {
            #[expect(clippy::disallowed_methods, reason = "a test's own switch")]
            let required = std::env::var("KW_REQUIRE_REAL").is_ok_and(|v| v == "1");
            assert!(!required, "KW_REQUIRE_REAL=1, but the package postgresql is not installed");
            eprintln!("SKIPPED: the package postgresql is not installed");
            return None;
        };
        let dir = TempDir::new().unwrap();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        std::fs::write(dir.path().join("password"), "not-a-secret\n").unwrap();
        let cluster = Self { dir, bin, port };
        cluster.give_away();
        let (data, password) = (cluster.data(), cluster.dir.path().join("password"));
        cluster.run(
            "initdb",
            &["-D", path(&data), "-U", "kw", "--pwfile", path(&password)],
            "-A scram-sha-256 -E UTF8 -N",
        );
        let more = prepare(&data);
        let settings = format!(
            "port = {port}\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = '{}'\nfsync = off\n\
             max_connections = 300\n{more}",
            cluster.dir.path().display()
        );
        let file = data.join("postgresql.conf");
        let before = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, before + &settings).unwrap();
        cluster.give_away();
        cluster.control("start");
        Some(cluster)
    }

    pub fn url(&self) -> String {
        self.url_at(self.port)
    }

    /// The same database through another port.
    pub fn url_at(&self, port: u16) -> String {
        format!("postgres://kw:not-a-secret@127.0.0.1:{port}/postgres?sslmode=disable")
    }

    /// libpq's other form, and the Unix socket.
    pub fn words(&self) -> String {
        let dir = self.dir.path().display();
        format!("host={dir} port={} user=kw password='not-a-secret' dbname=postgres sslmode=prefer", self.port)
    }

    /// Ends all processes at once, as a crash does, and starts them again.
    pub fn crash_and_restart(&self) {
        self.control("stop -m immediate");
        self.control("start");
    }

    /// Runs a statement, as a database administrator would.
    pub async fn sql(&self, text: &str) {
        let (client, connection) = tokio_postgres::connect(&self.url(), tokio_postgres::NoTls).await.unwrap();
        let driver = tokio::spawn(connection);
        client.batch_execute(text).await.unwrap();
        drop(client);
        driver.await.unwrap().unwrap();
    }

    pub fn control(&self, what: &str) {
        let (data, log) = (self.data(), self.dir.path().join("log"));
        self.run("pg_ctl", &["-D", path(&data), "-l", path(&log)], &format!("-w -s {what}"));
    }

    fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    fn run(&self, program: &str, args: &[&str], more: &str) {
        let output = self.command(program).args(args).args(more.split_whitespace()).output().unwrap();
        assert!(output.status.success(), "{program} {more}: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// The server refuses to run as root.
    fn command(&self, program: &str) -> Command {
        let program = self.bin.join(program);
        let mut command = if is_root() { Command::new("setpriv") } else { Command::new(&program) };
        if is_root() {
            command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]).arg(program);
        }
        command.current_dir(self.dir.path()).env_remove("PGOPTIONS").stdin(std::process::Stdio::null());
        command
    }

    fn give_away(&self) {
        if is_root() {
            let status = Command::new("chown").args(["-R", "postgres:"]).arg(self.dir.path()).status().unwrap();
            assert!(status.success());
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let stop = ["-D", path(&self.data()), "-m", "immediate", "-s", "stop"].map(str::to_owned);
        let _ = self.command("pg_ctl").args(stop).output();
    }
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn is_root() -> bool {
    std::os::unix::fs::MetadataExt::uid(&std::fs::metadata("/proc/self").unwrap()) == 0
}

/// Of the newest version that is installed.
fn binaries() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    let bins = versions.filter_map(|entry| Some(entry.ok()?.path().join("bin")));
    bins.filter(|bin| bin.join("initdb").is_file()).max()
}
