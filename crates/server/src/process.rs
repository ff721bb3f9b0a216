//! What the process does about itself: no secret in core dumps and swap, and its number in a file.
use rustix::mm::{MlockAllFlags, mlockall};
use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Turns off core dumps and tracing by other processes; locks memory unless `disable_mlock`.
pub(crate) fn harden(disable_mlock: bool) {
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    if let Err(error) = setrlimit(Resource::Core, none) {
        tracing::warn!(%error, "core dumps could not be turned off");
    }
    if let Err(error) = set_dumpable_behavior(DumpableBehavior::NotDumpable) {
        tracing::warn!(%error, "the process could not be made undumpable");
    }
    if disable_mlock {
        return;
    }
    // Pages are locked when they are touched: what is never used costs nothing.
    if let Err(error) = mlockall(MlockAllFlags::CURRENT | MlockAllFlags::FUTURE | MlockAllFlags::ONFAULT) {
        tracing::warn!(%error, "memory could not be locked: give the process CAP_IPC_LOCK, or turn swap off and set disable_mlock = true");
    }
}

/// The file that holds the number of this process while it runs.
pub(crate) struct PidFile(PathBuf);

impl PidFile {
    /// Errors: the file cannot be written.
    pub fn write(path: &Path) -> Result<Self, String> {
        let told = |e: std::io::Error| format!("pid_file: {}: {e}", path.display());
        let file = OpenOptions::new().create(true).write(true).truncate(true).mode(0o644).open(path).map_err(told)?;
        (&file).write_all(std::process::id().to_string().as_bytes()).map_err(told)?;
        Ok(Self(path.to_path_buf()))
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_file(&self.0) {
            tracing::warn!(%error, path = %self.0.display(), "the pid_file could not be removed");
        }
    }
}
