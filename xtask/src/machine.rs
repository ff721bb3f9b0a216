//! Where the project lies on this machine, and running programs there.
use crate::Outcome;
use std::ffi::OsStr;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The places that chores work with.
pub struct Machine {
    /// The root of the workspace.
    pub root: PathBuf,
    /// Where cargo builds.
    pub target: PathBuf,
    /// Scenarios and references that are kept outside of the repository, in `../shared` unless `KW_SHARED` says otherwise.
    pub shared: PathBuf,
}

impl Machine {
    /// Errors: the program was not started by cargo and its own source folder is gone.
    pub fn find() -> Result<Self, String> {
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
        let root = manifest.parent().ok_or("the folder of xtask has no parent")?.to_owned();
        let target = variable("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |dir| root.join(dir));
        let shared = variable("KW_SHARED").map_or_else(|| root.join("../shared"), |dir| root.join(dir));
        Ok(Self { root, target, shared })
    }

    /// A program that will run in the root of the workspace.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.root).stdin(Stdio::null());
        command
    }

    /// Cargo with these words, as one text.
    pub fn cargo(&self, words: &str) -> Command {
        let mut command = self.command("cargo");
        command.args(words.split_whitespace());
        command
    }

    /// The server that tests talk to: `KW_SERVER`, or else built without optimisation.
    pub fn server(&self) -> Result<PathBuf, String> {
        if let Some(built) = variable("KW_SERVER") {
            return Ok(self.root.join(built));
        }
        succeed(&mut self.cargo("build --quiet --package kw-server --bin keywright"))?;
        Ok(self.target.join("debug/keywright"))
    }
}

/// Runs a program with its output on ours. Errors: which program, and how it ended.
pub fn succeed(command: &mut Command) -> Outcome {
    let shown = shown(command);
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("failed ({status}): {shown}")),
        Err(error) => Err(format!("could not start ({error}): {shown}")),
    }
}

/// Runs a program and gives its standard output. Errors: as [`succeed`].
pub fn output(command: &mut Command) -> Result<String, String> {
    let shown = shown(command);
    let out = command.stderr(Stdio::inherit()).output().map_err(|e| format!("could not start ({e}): {shown}"))?;
    if !out.status.success() {
        return Err(format!("failed ({}): {shown}", out.status));
    }
    String::from_utf8(out.stdout).map_err(|e| format!("no UTF-8 ({e}): {shown}"))
}

/// A port of 127.0.0.1 that nobody has at this moment.
pub fn free_port() -> Result<u16, String> {
    let bound = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
    bound.map(|address| address.port()).map_err(|e| format!("no free port: {e}"))
}

/// Whether a program is on the search path.
pub fn has(program: &str) -> bool {
    let path = variable("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// A variable of the environment, unless empty.
#[expect(
    clippy::disallowed_methods,
    reason = "xtask is a program of its own, and this is where it reads its environment"
)]
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|w| w.to_string_lossy()).collect::<Vec<_>>().join(" ")
}
