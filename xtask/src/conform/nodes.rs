//! What the runner of the scenarios starts as its server: `xtask nodes dev|prod COUNT STORE SERVER FOLDER PORT`.
use super::round_robin;
use crate::{Machine, Outcome};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::Duration;

/// The longest start on a busy machine, in tenths of a second.
const START_TENTHS_MAX: u32 = 300;

/// Where a server keeps its rows, as text: `memory`, `embedded`, `etcd:PORT`, `postgresql:PORT`.
fn storage(store: &str, folder: &Path) -> Result<String, String> {
    let shown = folder.display();
    // The runner makes a new folder for each server, so its name tells them apart where they share a cluster.
    let name = folder.file_name().map(|name| name.to_string_lossy().replace('-', "_")).unwrap_or_default();
    match store.split_once(':').unwrap_or((store, "")) {
        ("memory", _) => Ok("storage \"inmem\" {}".to_owned()),
        ("embedded", _) => Ok(format!("storage \"embedded\" {{\n  path = \"{shown}/data\"\n}}")),
        ("etcd", port) => {
            Ok(format!("storage \"etcd\" {{\n  address = \"http://127.0.0.1:{port}\"\n  path = \"/{name}/\"\n}}"))
        }
        ("postgresql", port) => Ok(format!(
            "storage \"postgresql\" {{\n  connection_url = \"postgres://kw@127.0.0.1:{port}/postgres?sslmode=disable\"\n  \
             table = \"{name}\"\n  max_parallel = 8\n}}"
        )),
        _ => Err(format!("there is no store {store:?}")),
    }
}

/// Takes the arguments that are shown above, and serves until it is killed, which ends its group of processes.
pub fn serve(machine: &Machine, arguments: &[&str]) -> Outcome {
    let [mode, count, store, server, folder, port] = arguments else {
        return Err("usage: xtask nodes dev|prod COUNT STORE SERVER FOLDER PORT".to_owned());
    };
    let (count, port) = (count.parse::<u16>(), port.parse::<u16>());
    let (Ok(count), Ok(port)) = (count, port) else { return Err("COUNT and PORT are numbers".to_owned()) };
    let folder = Path::new(folder);
    let is_dev = *mode == "dev";
    let site = Site { machine, folder, server: Path::new(server), storage: storage(store, folder)?, is_dev, port };
    if count == 1 {
        return Err(site.run_alone(is_dev)?);
    }
    let mut nodes = Vec::new();
    for nth in 1..=count {
        nodes.push(site.start(port + nth, is_dev && nodes.is_empty())?);
    }
    if is_dev {
        let key = site.unseal_key(&mut nodes)?;
        for node in nodes.iter().skip(1) {
            let answer = node.ask("PUT", "unseal", &format!("{{\"key\": \"{key}\"}}"))?;
            if !answer.contains("\"sealed\":false") {
                return Err(format!("a node could not be opened: {answer}"));
            }
        }
    }
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(|e| format!("port {port}: {e}"))?;
    round_robin::serve(&listener, nodes.iter().map(|node| node.port).collect());
    Ok(())
}

/// What all nodes have in common.
struct Site<'a> {
    machine: &'a Machine,
    folder: &'a Path,
    server: &'a Path,
    storage: String,
    is_dev: bool,
    /// Where clients come in.
    port: u16,
}

impl Site<'_> {
    /// Becomes the server. Returns only if that fails.
    fn run_alone(&self, is_dev: bool) -> Result<String, String> {
        let file = self.configure(self.port)?;
        let mut command = self.machine.command(self.server);
        Ok(format!("the server could not be started: {}", command.args(arguments(&file, is_dev)).exec()))
    }

    fn start(&self, port: u16, is_dev: bool) -> Result<Node, String> {
        let file = self.configure(port)?;
        let log = file.with_extension("log");
        let out = std::fs::File::create(&log).map_err(|e| format!("{}: {e}", log.display()))?;
        let mut command = self.machine.command(self.server);
        let process = command.args(arguments(&file, is_dev)).stdout(out).stderr(Stdio::inherit()).spawn();
        let mut node = Node { port, log, process: process.map_err(|e| format!("a node could not be started: {e}"))? };
        node.wait("it listens", |node| node.ask("GET", "health", "").is_ok())?;
        Ok(node)
    }

    fn configure(&self, port: u16) -> Result<PathBuf, String> {
        let file = self.folder.join(format!("{port}.hcl"));
        let text = format!(
            "{}\nlistener \"tcp\" {{\n  address = \"127.0.0.1:{port}\"\n  tls_disable = true\n}}\n\
             api_addr = \"http://127.0.0.1:{}\"\nraw_storage_endpoint = {}\ndisable_mlock = true\n",
            self.storage, self.port, self.is_dev
        );
        std::fs::write(&file, text).map_err(|e| format!("{}: {e}", file.display()))?;
        Ok(file)
    }

    /// What the development server says of itself, so that others on its store can be opened.
    fn unseal_key(&self, nodes: &mut [Node]) -> Result<String, String> {
        let node = nodes.first_mut().ok_or("there is no node")?;
        let said = |node: &Node| {
            let log = std::fs::read_to_string(&node.log).unwrap_or_default();
            log.lines().find_map(|line| line.strip_prefix("Unseal Key: ")).map(str::to_owned)
        };
        node.wait("it says its key", |node| said(node).is_some())?;
        said(node).ok_or_else(|| "the development server does not say its key".to_owned())
    }
}

fn arguments(file: &Path, is_dev: bool) -> Vec<String> {
    let dev = ["-dev", "-dev-root-token-id=root"].iter().filter(|_| is_dev).map(|word| (*word).to_owned());
    ["server".to_owned(), format!("-config={}", file.display())].into_iter().chain(dev).collect()
}

struct Node {
    port: u16,
    log: PathBuf,
    process: Child,
}

impl Node {
    fn wait(&mut self, until: &str, is_so: impl Fn(&Self) -> bool) -> Outcome {
        for _ in 0..START_TENTHS_MAX {
            if is_so(self) {
                return Ok(());
            }
            if let Ok(Some(status)) = self.process.try_wait() {
                return Err(format!("a node ended at once ({status})"));
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        Err(format!("a node was waited for until {until}, for too long"))
    }

    /// Asks a route of `sys/` that needs no token, and gives the whole answer.
    fn ask(&self, method: &str, path: &str, body: &str) -> Result<String, String> {
        let exchange = || -> std::io::Result<String> {
            let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port))?;
            stream.set_read_timeout(Some(Duration::from_secs(30)))?;
            write!(
                stream,
                "{method} /v1/sys/{path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            )?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer)?;
            Ok(answer)
        };
        exchange().map_err(|e| format!("a node does not answer: {e}"))
    }
}
