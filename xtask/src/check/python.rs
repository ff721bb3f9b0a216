//! A Python of our own, with the client libraries that tests use.
use crate::Machine;
use crate::machine::succeed;
use std::path::PathBuf;

/// What is installed, from the root.
const REQUIREMENTS: &str = "tests/requirements.txt";

/// The folder with its programs. Made at the first call, and anew when the requirements have changed.
pub fn programs(machine: &Machine) -> Result<PathBuf, String> {
    let venv = machine.target.join("venv");
    let programs = venv.join("bin");
    let wanted =
        std::fs::read_to_string(machine.root.join(REQUIREMENTS)).map_err(|e| format!("{REQUIREMENTS}: {e}"))?;
    let stamp = venv.join("installed.txt");
    if std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(programs);
    }
    succeed(machine.command("python3").args(["-m", "venv", "--clear"]).arg(&venv))?;
    let mut pip = machine.command(programs.join("pip"));
    succeed(pip.args(["--quiet", "--disable-pip-version-check", "install", "-r", REQUIREMENTS]))?;
    std::fs::write(&stamp, wanted).map_err(|e| format!("{}: {e}", stamp.display()))?;
    Ok(programs)
}
