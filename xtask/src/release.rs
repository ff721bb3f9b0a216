//! The server as it is released: built twice, the second time with what the first one has counted under load (profile-guided
//! optimisation, see <https://doc.rust-lang.org/rustc/profile-guided-optimization.html>).
use crate::dev_server::DevServer;
use crate::machine::{output, succeed};
use crate::{Machine, Outcome};
use std::fs;
use std::path::{Path, PathBuf};

/// So many reads, and in proportion to them what else there is: a quarter of a minute.
const REQUESTS: &str = "40000";

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
    // It may be the same file as one that cargo keeps for itself, and that one is not to change.
    let _ = fs::remove_file(&place);
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
fn train(machine: &Machine, server: &Path, folder: &Path, is_tls: bool) -> Outcome {
    let home = folder.join("home");
    let _ = fs::remove_dir_all(&home);
    fs::create_dir_all(&home).map_err(|e| format!("{}: {e}", home.display()))?;
    let (shown, config) = (home.display(), home.join("server.hcl"));
    let text = format!(
        "storage \"embedded\" {{ path = \"{shown}/data\" }}\ndisable_mlock = true\n\
         audit \"file\" \"main\" {{ options {{ file_path = \"{shown}/audit.log\" }} }}\n"
    );
    fs::write(&config, text).map_err(|e| format!("{}: {e}", config.display()))?;
    let mut more = vec![format!("-config={}", config.display())];
    if is_tls {
        more.push(format!("-dev-tls-cert-dir={shown}"));
    }
    let server = DevServer::launch(machine, server, &home, is_tls, &more)?;
    let mut trainer = machine.command(machine.target.join("release/train"));
    server.introduce(&mut trainer);
    succeed(trainer.args(["--requests", REQUESTS]))?;
    server.end(machine)?;
    fs::remove_dir_all(&home).map_err(|e| format!("{}: {e}", home.display()))
}
