//! A development server for one driver.
use crate::machine::{free_port, succeed};
use crate::{Machine, Outcome};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// The root token of every such server.
const TOKEN: &str = "root";

/// The longest start on a busy machine, in tenths of a second.
const START_TENTHS_MAX: u32 = 300;

/// A server that ends with this value.
pub struct DevServer {
    child: Child,
    url: String,
}

impl DevServer {
    /// Starts the one that tests talk to on a free port, with its own home, so that it does not touch the user's token file.
    pub fn start(machine: &Machine) -> Result<Self, String> {
        Self::launch(machine, &machine.server()?, &machine.target.join("dev-server"), false, &[])
    }

    /// The same with this program, this folder as its home, TLS or not, and more arguments.
    pub fn launch(
        machine: &Machine,
        program: &Path,
        home: &Path,
        is_tls: bool,
        more: &[String],
    ) -> Result<Self, String> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()?));
        std::fs::create_dir_all(home).map_err(|e| format!("{}: {e}", home.display()))?;
        let log = home.join("server.log");
        let file = std::fs::File::create(&log).map_err(|e| format!("{}: {e}", log.display()))?;
        let (mode, scheme) = if is_tls { ("-dev-tls", "https") } else { ("-dev", "http") };
        let mut command = machine.command(program);
        command.args([
            "server",
            mode,
            &format!("-dev-root-token-id={TOKEN}"),
            &format!("-dev-listen-address={address}"),
        ]);
        command.args(more).env("HOME", home).stdout(file).stderr(Stdio::inherit());
        let child = command.spawn().map_err(|e| format!("the server could not be started: {e}"))?;
        Self { child, url: format!("{scheme}://{address}") }.when_ready(&log)
    }

    /// Tells a client where the server is and who it is, by the variables that all of Vault's clients read.
    pub fn introduce(&self, client: &mut Command) {
        client.env("VAULT_ADDR", &self.url).env("VAULT_TOKEN", TOKEN);
    }

    /// Asks it to end, as an operator does, and waits. Dropped without that, it is killed.
    pub fn end(mut self, machine: &Machine) -> Outcome {
        succeed(machine.command("kill").args(["-TERM", &self.child.id().to_string()]))?;
        match self.child.wait() {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(format!("the server ended with {status}")),
            Err(error) => Err(format!("the server: {error}")),
        }
    }

    /// It says its key when it is open and listens.
    fn when_ready(mut self, log: &Path) -> Result<Self, String> {
        for _ in 0..START_TENTHS_MAX {
            let said = std::fs::read_to_string(log).unwrap_or_default();
            if said.contains("Unseal Key: ") {
                return Ok(self);
            }
            if let Ok(Some(status)) = self.child.try_wait() {
                return Err(format!("the server ended at once ({status}): {said}"));
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        Err("the server was not ready in 30 s".to_owned())
    }
}

impl Drop for DevServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
