//! The server that is measured: a process with the embedded store in a folder of its own, and an audit file.
use crate::wire::{Answer, Ask, Wire};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A server that has not answered by then will not.
const START_MAX: Duration = Duration::from_secs(60);

/// How it is started.
#[derive(Clone, Debug)]
pub struct Setup {
    pub binary: PathBuf,
    pub folder: PathBuf,
    pub port: u16,
    /// The server has processor 0, and whoever measures the others.
    pub is_pinned: bool,
}

/// A running server; it is killed where it is dropped.
pub struct Process {
    child: Child,
    pub address: String,
    pub root: String,
    share: String,
}

/// How long a start took.
#[derive(Clone, Copy, Debug)]
pub struct Started {
    /// Until the process answered at all.
    pub listens: Duration,
    /// Until it had been opened and had answered a read of a secret.
    pub reads: Duration,
}

impl Setup {
    /// A new server: initialised, opened, with what the measurements need.
    pub async fn found(&self) -> io::Result<Process> {
        fs::create_dir_all(&self.folder)?;
        fs::write(self.folder.join("server.hcl"), self.configuration())?;
        let mut process =
            Process { child: self.spawn()?, address: self.address(), root: String::new(), share: String::new() };
        process.first(&Ask::get("sys/init", "")).await?;
        let made =
            process.ask(&Ask::post("sys/init", "", r#"{"secret_shares":1,"secret_threshold":1}"#)).await?.good()?;
        let share = made.body.split_once("\"keys\":[\"").and_then(|(_, rest)| rest.split('"').next());
        process.share = share.ok_or_else(|| io::Error::other("the server gave no share"))?.to_owned();
        process.root = made.text("root_token").ok_or_else(|| io::Error::other("the server gave no token"))?;
        process.unseal().await?;
        for (path, body) in [
            ("sys/mounts/kv", r#"{"type":"kv","options":{"version":"2"}}"#),
            ("kv/data/app", r#"{"data":{"user":"u","password":"s3cr3t"}}"#),
            ("sys/mounts/ssh", r#"{"type":"ssh"}"#),
            ("ssh/roles/r", r#"{"key_type":"otp","default_user":"u","cidr_list":"0.0.0.0/0"}"#),
            ("sys/policies/acl/app", r#"{"policy":"path \"kv/*\" { capabilities = [\"read\"] }"}"#),
        ] {
            process.ask(&Ask::post(path, &process.root, body)).await?.good()?;
        }
        Ok(process)
    }

    /// Starts it anew on its data.
    pub async fn start(&self, share: &str, root: &str) -> io::Result<(Process, Started)> {
        let since = now();
        let process =
            Process { child: self.spawn()?, address: self.address(), root: root.to_owned(), share: share.to_owned() };
        process.first(&Ask::get("sys/seal-status", "")).await?;
        let listens = since.elapsed();
        process.unseal().await?;
        process.ask(&Ask::get("kv/data/app", root)).await?.good()?;
        Ok((process, Started { listens, reads: since.elapsed() }))
    }

    fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    fn spawn(&self) -> io::Result<Child> {
        let log = fs::File::options().create(true).append(true).open(self.folder.join("log"))?;
        let mut command = if self.is_pinned {
            let mut command = Command::new("taskset");
            command.args(["-c", "0"]).arg(&self.binary);
            command
        } else {
            Command::new(&self.binary)
        };
        command.arg("server").arg(format!("-config={}", self.folder.join("server.hcl").display()));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn()
    }

    fn configuration(&self) -> String {
        let (folder, address) = (self.folder.display(), self.address());
        format!(
            "storage \"embedded\" {{\n  path = \"{folder}/data\"\n}}\ndisable_mlock = true\n\
             listener \"tcp\" {{\n  address = \"{address}\"\n  tls_disable = true\n}}\n\
             audit \"file\" \"main\" {{\n  options {{\n    file_path = \"{folder}/audit.log\"\n  }}\n}}\n"
        )
    }
}

impl Process {
    pub fn keys(&self) -> (String, String) {
        (self.share.clone(), self.root.clone())
    }

    pub async fn ask(&self, ask: &Ask) -> io::Result<Answer> {
        Wire::new(&self.address).ask(ask).await
    }

    /// Resident memory in kilobytes.
    pub fn resident_kb(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:"));
        line.and_then(|l| l.split_whitespace().next()).and_then(|n| n.parse().ok()).unwrap_or(0)
    }

    /// Processor time used so far, of all threads, and of the first thread, where the jobs are.
    pub fn cpu(&self) -> (Duration, Duration) {
        let pid = self.child.id();
        let of = |path: String| ticks(&fs::read_to_string(path).unwrap_or_default());
        (of(format!("/proc/{pid}/stat")), of(format!("/proc/{pid}/task/{pid}/stat")))
    }

    /// Ends it in order.
    pub async fn stop(mut self) -> io::Result<()> {
        Command::new("kill").arg(self.child.id().to_string()).status()?;
        while self.child.try_wait()?.is_none() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok(())
    }

    /// Ends it as a loss of power does.
    pub fn kill(mut self) -> io::Result<()> {
        self.child.kill()?;
        self.child.wait().map(drop)
    }

    async fn unseal(&self) -> io::Result<()> {
        let body = format!("{{\"key\":\"{}\"}}", self.share);
        self.ask(&Ask::post("sys/unseal", "", body)).await?.good().map(drop)
    }

    async fn first(&self, ask: &Ask) -> io::Result<()> {
        let since = now();
        while self.ask(ask).await.is_err() {
            if since.elapsed() > START_MAX {
                return Err(io::Error::other("the server does not answer"));
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// How many bytes the files of a folder take on the disk.
pub fn bytes_of(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|e| e.metadata().ok()).map(|m| m.len()).sum()
}

/// User and system time of a line of `/proc/.../stat`; the kernel counts them in hundredths of a second.
fn ticks(stat: &str) -> Duration {
    let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let sum: u64 = fields.split_whitespace().skip(11).take(2).filter_map(|f| f.parse::<u64>().ok()).sum();
    Duration::from_millis(sum * 10)
}

/// Measured time is what this program is for.
#[allow(clippy::disallowed_methods, reason = "nothing here is simulated")]
pub fn now() -> Instant {
    Instant::now()
}
