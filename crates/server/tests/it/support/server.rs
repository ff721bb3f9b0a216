//! Servers on free ports, with their data in a folder of their own. They end with the test.
use super::{Answer, Caller};
use serde_json::{Value, json};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A server that has not said by then that it listens will not.
const START_TIME: Duration = Duration::from_secs(30);

/// What a server is started with. The folder lives as long as the last setup or server that has it, so a server can be
/// killed and started again on the same data.
#[derive(Clone)]
pub struct Setup {
    folder: Arc<TempDir>,
    /// What follows the word `storage` in the configuration.
    pub storage: String,
    /// Added to the top level of the configuration.
    pub top: String,
    /// The listener blocks; the first one's address is spoken to.
    pub listeners: String,
    pub arguments: Vec<String>,
    /// The shell's `umask` of the process.
    pub umask: &'static str,
    /// Variables of the process, beside those that it needs.
    pub environment: Vec<(String, String)>,
    is_dev: bool,
}

/// What an initialisation gave.
#[derive(Clone, Debug)]
pub struct Keys {
    pub shares: Vec<String>,
    pub root: String,
}

/// A process that listens.
pub struct Server {
    child: Child,
    /// `host:port` of the first listener.
    pub address: String,
    /// The folder of everything: `data/`, `server.hcl`, `log`, `out`.
    pub folder: Arc<TempDir>,
    /// From the start of the process to its first word.
    pub start_time: Duration,
    pub keys: Keys,
}

impl Setup {
    /// A server in development mode: in memory, open, with the root token `root` and KV 2 at `secret/`.
    pub fn dev() -> Self {
        Self { is_dev: true, ..Self::embedded() }
    }

    /// A server with the embedded store.
    pub fn embedded() -> Self {
        let listeners = "listener \"tcp\" {\n  address = \"127.0.0.1:0\"\n  tls_disable = true\n}\n".to_owned();
        let folder = Arc::new(tempfile::tempdir().unwrap());
        let storage = format!("\"embedded\" {{\n  path = \"{}\"\n}}", folder.path().join("data").display());
        let (arguments, environment) = (Vec::new(), Vec::new());
        Self { folder, storage, top: String::new(), listeners, arguments, umask: "022", environment, is_dev: false }
    }

    pub fn with_top(mut self, hcl: &str) -> Self {
        self.top += hcl;
        self.top += "\n";
        self
    }

    /// Adds a line to the first listener.
    pub fn with_listener_line(mut self, line: &str) -> Self {
        self.listeners = self.listeners.replacen("{\n", &format!("{{\n  {line}\n"), 1);
        self
    }

    pub fn with_variable(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn with_argument(mut self, argument: &str) -> Self {
        self.arguments.push(argument.to_owned());
        self
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A file to be made in the folder: its path as text.
    pub fn file(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    /// Starts the server, open or as it is. Panics with its log when it does not come up.
    pub fn start(&self) -> Server {
        self.try_start().unwrap_or_else(|log| panic!("the server did not start: {log}"))
    }

    /// Starts the server and waits until it listens. Errors: it ended; what it said.
    pub fn try_start(&self) -> Result<Server, String> {
        let since = Instant::now();
        let mut child = self.command().spawn().unwrap();
        let out = self.path("out");
        loop {
            let said = fs::read_to_string(&out).unwrap_or_default();
            if said.contains("server started!") {
                let root = if self.is_dev { "root" } else { "" }.to_owned();
                let keys = Keys { shares: Vec::new(), root };
                let (address, start_time) = (listener(&said), since.elapsed());
                return Ok(Server { child, address, folder: self.folder.clone(), start_time, keys });
            }
            if child.try_wait().unwrap().is_some() {
                return Err(fs::read_to_string(self.path("log")).unwrap_or_default());
            }
            if since.elapsed() > START_TIME {
                let _ = child.kill();
                let _ = child.wait();
                return Err("it did not say that it listens".to_owned());
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Starts a new server, initialises and opens it.
    pub fn open(&self) -> Server {
        let mut server = self.start();
        server.init(1, 1);
        server.unseal();
        server
    }

    /// Starts the server anew on its data and opens it with the keys that it has.
    pub fn reopen(&self, keys: &Keys) -> Server {
        let mut server = self.start();
        server.keys = keys.clone();
        server.unseal();
        server
    }

    /// Starts the server and kills it after this time, however far it has come.
    pub fn start_and_kill(&self, after: Duration) {
        let mut child = self.command().spawn().unwrap();
        std::thread::sleep(after);
        let _ = child.kill();
        child.wait().unwrap();
    }

    fn command(&self) -> Command {
        // A shell in between, for the umask; it becomes the server, so the process is the one that is killed.
        let mut command = Command::new("/bin/sh");
        command.arg("-c").arg(format!("umask {}; exec \"$0\" server \"$@\"", self.umask)).arg(BINARY);
        if self.is_dev {
            command.args(["-dev", "-dev-root-token-id=root", "-dev-listen-address=127.0.0.1:0", "-dev-no-store-token"]);
        } else {
            fs::write(self.path("server.hcl"), self.configuration()).unwrap();
            command.arg(format!("-config={}", self.file("server.hcl")));
        }
        command.args(&self.arguments);
        // `out` begins anew with each process, `log` tells of all.
        let log = File::options().create(true).append(true).open(self.path("log")).unwrap();
        command.stdin(Stdio::null()).stdout(File::create(self.path("out")).unwrap()).stderr(log);
        command.env_clear().env("PATH", "/usr/bin:/bin").env("RUST_BACKTRACE", "1").env("HOME", self.folder.path());
        command.envs(self.environment.clone());
        command
    }

    fn configuration(&self) -> String {
        format!("storage {}\ndisable_mlock = true\n{}\n{}", self.storage, self.listeners, self.top)
    }
}

const BINARY: &str = env!("CARGO_BIN_EXE_keywright");

/// The address of the first listener, from what the server prints at its start.
fn listener(said: &str) -> String {
    let line = said.lines().find_map(|l| l.split_once("Listener 1: "));
    line.and_then(|(_, rest)| rest.split(' ').next()).unwrap().to_owned()
}

impl Server {
    pub fn dev() -> Self {
        Setup::dev().start()
    }

    /// Someone without a token.
    pub fn nobody(&self) -> Caller {
        Caller::new(&self.address)
    }

    pub fn root(&self) -> Caller {
        self.nobody().token(&self.keys.root)
    }

    pub fn with(&self, token: &str) -> Caller {
        self.nobody().token(token)
    }

    pub fn init(&mut self, shares: u8, threshold: u8) {
        let body = json!({"secret_shares": shares, "secret_threshold": threshold});
        let answer = self.nobody().post("sys/init", body).ok().json();
        let shares = answer["keys"].as_array().unwrap().iter().map(|k| k.as_str().unwrap().to_owned()).collect();
        self.keys = Keys { shares, root: answer["root_token"].as_str().unwrap().to_owned() };
    }

    pub fn unseal(&self) {
        for share in &self.keys.shares {
            let answer = self.nobody().post("sys/unseal", json!({"key": share})).ok().json();
            if answer["sealed"] == json!(false) {
                return;
            }
        }
        panic!("the shares do not open the server");
    }

    /// Writes a policy.
    pub fn policy(&self, name: &str, hcl: &str) {
        self.root().post(&format!("sys/policies/acl/{name}"), json!({"policy": hcl})).ok();
    }

    /// A token of root's, as the body asks for.
    pub fn make_token(&self, body: Value) -> String {
        self.root().post("auth/token/create", body).ok().client_token()
    }

    /// A caller with a token of nothing but these policies.
    pub fn holder_of(&self, policies: &[&str]) -> Caller {
        let token = self.make_token(json!({"policies": policies, "no_default_policy": true, "ttl": "1h"}));
        self.with(&token)
    }

    /// A caller who may do just what this policy says.
    pub fn limited(&self, hcl: &str) -> Caller {
        let name = format!("limited-{:08x}", fold(hcl));
        self.policy(&name, hcl);
        self.holder_of(&[&name])
    }

    pub fn mount(&self, path: &str, body: Value) -> Answer {
        self.root().post(&format!("sys/mounts/{path}"), body).ok()
    }

    pub fn mount_auth(&self, path: &str, kind: &str) -> Answer {
        self.root().post(&format!("sys/auth/{path}"), json!({"type": kind})).ok()
    }

    /// The status of `sys/health`, and what it says of the storage: nothing, or its trouble.
    pub fn health(&self) -> (u16, String) {
        let answer = self.nobody().get("sys/health");
        (answer.status, answer.json()["storage_trouble"].as_str().unwrap_or_default().to_owned())
    }

    pub fn is_sealed(&self) -> bool {
        self.nobody().get("sys/seal-status").json()["sealed"] == json!(true)
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Sends a signal by its name, such as `HUP`.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("/bin/kill").arg(format!("-{name}")).arg(self.id().to_string()).status().unwrap();
        assert!(sent.success(), "the signal {name} was not sent");
    }

    /// As by a loss of power, as far as the process can tell.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits for the end of the process.
    pub fn wait(&mut self, time: Duration) -> Option<ExitStatus> {
        let since = Instant::now();
        while since.elapsed() < time {
            if let Some(status) = self.child.try_wait().unwrap() {
                return Some(status);
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        None
    }

    /// Ends the process in order.
    pub fn stop(mut self) {
        self.signal("TERM");
        let status = self.wait(Duration::from_secs(20)).expect("the server did not stop");
        assert!(status.success(), "{status}");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// All files under a folder.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let mut out = Vec::new();
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() { out.extend(files(&path)) } else { out.push(path) }
    }
    out
}

/// FNV-1a, to name a policy after its text.
fn fold(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}
