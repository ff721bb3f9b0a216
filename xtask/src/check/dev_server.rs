//! A development server for one test driver.
use crate::Machine;
use crate::machine::free_port;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// The root token of every such server.
pub const TOKEN: &str = "root";

/// The longest start on a busy machine, in tenths of a second.
const START_TENTHS_MAX: u32 = 300;

/// A server that ends with this value.
pub struct DevServer {
    child: Child,
    address: SocketAddr,
}

impl DevServer {
    /// Starts one on a free port, with its own home, so that it does not touch the user's token file.
    pub fn start(machine: &Machine) -> Result<Self, String> {
        let program = machine.server()?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()?));
        let home = machine.target.join("dev-server");
        std::fs::create_dir_all(&home).map_err(|e| format!("{}: {e}", home.display()))?;
        let log = home.join("server.log");
        let file = std::fs::File::create(&log).map_err(|e| format!("{}: {e}", log.display()))?;
        let listen = format!("-dev-listen-address={address}");
        let child = machine
            .command(program)
            .args(["server", "-dev", &format!("-dev-root-token-id={TOKEN}"), &listen])
            .env("HOME", &home)
            .stdout(file)
            .stderr(Stdio::inherit())
            .spawn()
            .map_err(|e| format!("the server could not be started: {e}"))?;
        Self { child, address }.when_ready(&log)
    }

    /// Tells a client where the server is and who it is, by the variables that all of Vault's clients read.
    pub fn introduce(&self, client: &mut Command) {
        client.env("VAULT_ADDR", format!("http://{}", self.address)).env("VAULT_TOKEN", TOKEN);
    }

    fn when_ready(mut self, log: &PathBuf) -> Result<Self, String> {
        for _ in 0..START_TENTHS_MAX {
            if let Ok(Some(status)) = self.child.try_wait() {
                let said = std::fs::read_to_string(log).unwrap_or_default();
                return Err(format!("the server ended at once ({status}): {said}"));
            }
            if self.is_ready() {
                return Ok(self);
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        Err("the server did not answer sys/health in 30 s".to_owned())
    }

    fn is_ready(&self) -> bool {
        let ask = || -> std::io::Result<String> {
            let mut stream = TcpStream::connect(self.address)?;
            stream.set_read_timeout(Some(Duration::from_secs(2)))?;
            write!(stream, "GET /v1/sys/health HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.address)?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer)?;
            Ok(answer)
        };
        ask().is_ok_and(|answer| answer.starts_with("HTTP/1.1 200"))
    }
}

impl Drop for DevServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
