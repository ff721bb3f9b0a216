//! The pages of the README and `docs/`, run as they stand.
use super::python;
use crate::machine::{succeed, variable};
use crate::{Machine, Outcome};

/// Runs these pages, or all. The driver gives each page a shell and an empty folder.
pub fn run(machine: &Machine, files: &[&str]) -> Outcome {
    let server = machine.server()?;
    let programs = python::programs(machine)?;
    let folders = [server.parent().unwrap_or(&machine.target).to_owned(), programs.clone()];
    let inherited = variable("PATH").unwrap_or_default();
    let path = std::env::join_paths(folders.into_iter().chain(std::env::split_paths(&inherited)));
    let mut driver = machine.command(programs.join("python"));
    succeed(driver.args(["-m", "unittest", "--quiet", "tests/test_docs.py"]))?;
    let mut driver = machine.command(programs.join("python"));
    driver.arg("tests/docs.py").args(files).env("PATH", path.map_err(|e| format!("PATH: {e}"))?);
    succeed(&mut driver)
}
