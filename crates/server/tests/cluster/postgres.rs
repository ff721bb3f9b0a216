//! A PostgreSQL server, from Debian's package `postgresql`.
use crate::backing::{lasting_port, missing};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// A server with its data. It ends with its value.
pub struct Postgres {
    pub port: u16,
    folder: TempDir,
    programs: PathBuf,
}

impl Postgres {
    /// `None`: the package is missing, and nobody insists on it.
    pub fn start() -> Option<Self> {
        let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
        let programs = versions.map(|v| v.path().join("bin")).filter(|bin| bin.join("initdb").is_file()).max();
        let Some(programs) = programs else { return missing("postgresql") };
        let database = Self { port: lasting_port(), folder: tempfile::tempdir().unwrap(), programs };
        database.give_away();
        database.run("initdb", &["-U", "kw", "-A", "trust", "-E", "UTF8", "-N"]);
        let file = database.data().join("postgresql.conf");
        let settings =
            format!("port = {}\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = ''\n", database.port);
        std::fs::write(&file, std::fs::read_to_string(&file).unwrap() + &settings).unwrap();
        database.give_away();
        database.control("start");
        Some(database)
    }

    /// Ends all its processes, at once as a crash does (`immediate`) or in order (`fast`).
    pub fn stop(&self, mode: &str) {
        self.control(&format!("-m {mode} stop"));
    }

    /// Starts it and waits until it serves.
    pub fn begin(&self) {
        self.control("start");
    }

    fn control(&self, what: &str) {
        let log = self.folder.path().join("log").display().to_string();
        let arguments: Vec<&str> = ["-l", &log, "-w", "-s"].into_iter().chain(what.split(' ')).collect();
        self.run("pg_ctl", &arguments);
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn run(&self, program: &str, arguments: &[&str]) {
        let output = self.command(program).args(arguments).output().unwrap();
        assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// The server refuses to run as root.
    fn command(&self, program: &str) -> Command {
        let program = self.programs.join(program);
        let mut command = if is_root() { Command::new("setpriv") } else { Command::new(&program) };
        if is_root() {
            command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]).arg(program);
        }
        command.current_dir(self.folder.path()).stdin(Stdio::null()).arg("-D").arg(self.data());
        command
    }

    fn give_away(&self) {
        if is_root() {
            let done = Command::new("chown").args(["-R", "postgres:"]).arg(self.folder.path()).status().unwrap();
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
    std::fs::metadata("/proc/self").unwrap().uid() == 0
}
