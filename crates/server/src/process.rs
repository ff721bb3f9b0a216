//! What the process does to keep secrets out of core dumps and swap.
use rustix::mm::{MlockAllFlags, mlockall};
use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};

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
