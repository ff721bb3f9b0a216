//! The server as it is released: built twice, the second time with what the first one has counted under load (profile-guided
//! optimisation, see <https://doc.rust-lang.org/rustc/profile-guided-optimization.html>).
use crate::machine::{free_port, output, succeed};
use crate::{Machine, Outcome};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::Duration;

/// So many reads, and in proportion to them what else there is: a quarter of a minute.
const REQUESTS: &str = "40000";

/// The longest start of a server that counts, in tenths of a second.
const START_TENTHS_MAX: u32 = 300;

const TOKEN: &str = "train";

/// Builds `target/release/keywright`.
pub fn build(machine: &Machine) -> Outcome {
    let tools = Tools::find(machine)?;
    let folder = machine.target.join("train");
    let counts = folder.join("counts");
    // Counts of another build would be of other functions.
    let _ = fs::remove_dir_all(&counts);
    fs::create_dir_all(&counts).map_err(|e| format!("{}: {e}", counts.display()))?;
    println!("-- a server that counts");
    let flags = format!("-Cprofile-generate={}", counts.display());
    let counting = tools.compile(machine, &folder.join("counting"), &flags)?;
    println!("-- what it counts");
    succeed(&mut machine.cargo("build --quiet --release --package kw-benches --bin train"))?;
    for tls in [false, true] {
        train(machine, &counting, &folder, tls)?;
    }
    let profile = folder.join("keywright.profdata");
    succeed(machine.command(&tools.merger).arg("merge").arg("-o").arg(&profile).arg(&counts))?;
    println!("-- the server");
    // A target folder of its own, or the next build without a profile would begin from nothing.
    let made = tools.compile(machine, &folder.join("trained"), &format!("-Cprofile-use={}", profile.display()))?;
    let place = machine.target.join("release/keywright");
    fs::copy(&made, &place).map_err(|e| format!("{}: {e}", place.display()))?;
    println!("built {}", place.display());
    Ok(())
}

struct Tools {
    /// The machine as the compiler calls it.
    host: String,
    /// The program of LLVM that puts counts together, of the very version that counts.
    merger: PathBuf,
}

impl Tools {
    /// Errors: how to install what is not there.
    fn find(machine: &Machine) -> Result<Self, String> {
        let root = output(machine.command("rustc").args(["--print", "sysroot"]))?;
        let about = output(machine.command("rustc").arg("-vV"))?;
        let host = about.lines().find_map(|line| line.strip_prefix("host: ")).unwrap_or_default().to_owned();
        let merger = Path::new(root.trim()).join("lib/rustlib").join(&host).join("bin/llvm-profdata");
        if merger.is_file() {
            Ok(Self { host, merger })
        } else {
            Err("llvm-profdata is not there: rustup component add llvm-tools".to_owned())
        }
    }

    /// The server, built in this folder with these flags. The target is named, or the flags would be for build scripts too.
    fn compile(&self, machine: &Machine, folder: &Path, flags: &str) -> Result<PathBuf, String> {
        let mut cargo = machine.cargo("build --release --package kw-server --bin keywright --target");
        succeed(cargo.arg(&self.host).env("RUSTFLAGS", flags).env("CARGO_TARGET_DIR", folder))?;
        Ok(folder.join(&self.host).join("release/keywright"))
    }
}

/// Has a development server with audit and a store on the disk answer the loads of `benches/train.rs`, and ends it in good order:
/// only then are its counts written.
fn train(machine: &Machine, server: &Path, folder: &Path, tls: bool) -> Outcome {
    let home = folder.join("home");
    let _ = fs::remove_dir_all(&home);
    fs::create_dir_all(&home).map_err(|e| format!("{}: {e}", home.display()))?;
    let shown = home.display();
    let config = home.join("server.hcl");
    let text = format!(
        "storage \"embedded\" {{ path = \"{shown}/data\" }}\ndisable_mlock = true\n\
         audit \"file\" \"main\" {{ options {{ file_path = \"{shown}/audit.log\" }} }}\n"
    );
    fs::write(&config, text).map_err(|e| format!("{}: {e}", config.display()))?;
    let log = home.join("log");
    let out = fs::File::create(&log).map_err(|e| format!("{}: {e}", log.display()))?;
    let (port, root) = (free_port()?, format!("-dev-root-token-id={TOKEN}"));
    let mut command = machine.command(server);
    command.args(["server", if tls { "-dev-tls" } else { "-dev" }, &root]);
    command.arg(format!("-dev-listen-address=127.0.0.1:{port}")).arg(format!("-config={}", config.display()));
    if tls {
        command.arg(format!("-dev-tls-cert-dir={shown}"));
    }
    command.env("HOME", &home).stdout(out).stderr(Stdio::inherit());
    let mut process = command.spawn().map_err(|e| format!("the server could not be started: {e}"))?;
    let trained = wait_for_key(&mut process, &log).and_then(|()| {
        let address = format!("{}://127.0.0.1:{port}", if tls { "https" } else { "http" });
        let trainer = machine.target.join("release/train");
        let mut trainer = machine.command(trainer);
        succeed(trainer.args(["--requests", REQUESTS]).env("VAULT_ADDR", address).env("VAULT_TOKEN", TOKEN))
    });
    let ended = end(machine, &mut process);
    let _ = fs::remove_dir_all(&home);
    trained.and(ended)
}

/// A development server says its key when it is ready.
fn wait_for_key(process: &mut Child, log: &Path) -> Outcome {
    for _ in 0..START_TENTHS_MAX {
        let said = fs::read_to_string(log).unwrap_or_default();
        if said.contains("Unseal Key: ") {
            return Ok(());
        }
        if let Ok(Some(status)) = process.try_wait() {
            return Err(format!("the server ended at once ({status}): {said}"));
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    Err("the server was not ready in 30 s".to_owned())
}

fn end(machine: &Machine, process: &mut Child) -> Outcome {
    succeed(machine.command("kill").args(["-TERM", &process.id().to_string()]))?;
    match process.wait() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("the server that counts ended with {status}")),
        Err(error) => Err(format!("the server that counts: {error}")),
    }
}
