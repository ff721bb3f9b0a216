//! Servers of etcd and PostgreSQL for the nodes under test, from Debian's packages. All of a run share them, each under a name of
//! its own.
use crate::Machine;
use crate::machine::{free_port, output, succeed};
use std::net::{Ipv4Addr, TcpStream};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// The longest start on a busy machine, in tenths of a second.
const START_TENTHS_MAX: u32 = 600;

/// One member of etcd. It ends, with its data, when it is dropped.
pub struct Etcd {
    pub port: u16,
    process: Child,
    _folder: Folder,
}

impl Etcd {
    pub fn start(machine: &Machine) -> Result<Self, String> {
        let folder = Folder::make("etcd")?;
        let (port, peer) = (free_port()?, free_port()?);
        let (client, peer) = (format!("http://127.0.0.1:{port}"), format!("http://127.0.0.1:{peer}"));
        let mut command = machine.command("/usr/bin/etcd");
        command.arg("--data-dir").arg(folder.0.join("data")).args([
            format!("--listen-client-urls={client}"),
            format!("--advertise-client-urls={client}"),
            format!("--listen-peer-urls={peer}"),
            format!("--initial-advertise-peer-urls={peer}"),
            format!("--initial-cluster=default={peer}"),
            // What is lost when the machine fails is thrown away at the end anyway.
            "--unsafe-no-fsync".to_owned(),
            "--log-level=error".to_owned(),
        ]);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let process = command.spawn().map_err(|e| format!("etcd could not be started: {e}"))?;
        let etcd = Self { port, process, _folder: folder };
        for _ in 0..START_TENTHS_MAX {
            if TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok() {
                return Ok(etcd);
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        Err("etcd did not start".to_owned())
    }
}

impl Drop for Etcd {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A server of PostgreSQL. It ends, with its data, when it is dropped.
pub struct PostgreSql {
    pub port: u16,
    folder: Folder,
    programs: PathBuf,
}

impl PostgreSql {
    pub fn start(machine: &Machine) -> Result<Self, String> {
        let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
        let programs = versions.map(|v| v.path().join("bin")).filter(|bin| bin.join("initdb").is_file()).max();
        let programs = programs.ok_or("the package postgresql is not installed")?;
        let database = Self { port: free_port()?, folder: Folder::make("postgresql")?, programs };
        database.give_away(machine)?;
        output(database.command("initdb").args(["-U", "kw", "-A", "trust", "-E", "UTF8", "-N"]))?;
        let settings = format!(
            "-c port={} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c max_connections=300 -c fsync=off",
            database.port
        );
        let log = database.folder.0.join("log");
        succeed(database.command("pg_ctl").args(["-w", "-s", "-o", &settings, "-l"]).arg(log).arg("start"))?;
        Ok(database)
    }

    /// The server refuses to run as root.
    fn command(&self, program: &str) -> Command {
        let program = self.programs.join(program);
        let mut command = if is_root() { Command::new("setpriv") } else { Command::new(&program) };
        if is_root() {
            command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]).arg(program);
        }
        command.current_dir(&self.folder.0).stdin(Stdio::null()).arg("-D").arg(self.folder.0.join("data"));
        command
    }

    fn give_away(&self, machine: &Machine) -> Result<(), String> {
        if is_root() { succeed(machine.command("chown").args(["-R", "postgres:"]).arg(&self.folder.0)) } else { Ok(()) }
    }
}

impl Drop for PostgreSql {
    fn drop(&mut self) {
        let _ = self.command("pg_ctl").args(["-m", "immediate", "-s", "stop"]).output();
    }
}

/// A folder outside of the checkout, where another user may come by. It goes with its value.
struct Folder(PathBuf);

impl Folder {
    fn make(name: &str) -> Result<Self, String> {
        let path = std::env::temp_dir().join(format!("keywright-conform-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).map_err(|e| format!("{}: {e}", path.display()))?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn is_root() -> bool {
    std::fs::metadata(Path::new("/proc/self")).is_ok_and(|of_us| of_us.uid() == 0)
}
