//! The two sorts of mounts, and which of them nobody may touch.
use crate::kernel::Kernel;
use kw_engine::{Engine, Mount};
use kw_types::{Fault, FaultKind, MountPath};

/// Secrets engines are under `sys/mounts`, auth methods under `sys/auth`; a method's full path begins with `auth/`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sort {
    Secrets,
    Auth,
}

/// Where no secrets engine can be mounted or moved.
const RESERVED: [&str; 5] = ["audit/", "auth/", "cubbyhole/", "identity/", "sys/"];

impl Sort {
    /// The full path of what a caller names. Errors: 405 for no name, since that is the whole table; 400 for what is no path.
    pub fn path(self, given: &str) -> Result<MountPath, Fault> {
        if given.trim_matches('/').is_empty() {
            return Err(Fault::new(FaultKind::Unsupported, "1 error occurred:\n\t* unsupported operation\n\n"));
        }
        let full = match self {
            Self::Secrets => given.to_owned(),
            Self::Auth => format!("auth/{}", given.trim_start_matches('/')),
        };
        MountPath::parse(&full).map_err(Fault::bad_request)
    }

    /// The path as callers of this sort name it.
    pub fn shown(self, path: &MountPath) -> &str {
        match self {
            Self::Secrets => path.as_str(),
            Self::Auth => path.as_str().strip_prefix("auth/").unwrap_or(path.as_str()),
        }
    }

    pub fn holds(self, mount: &Mount) -> bool {
        mount.auth == (self == Self::Auth)
    }
}

pub(super) fn is_reserved(path: &MountPath) -> bool {
    RESERVED.iter().any(|reserved| path.as_str().starts_with(reserved))
}

impl Kernel {
    /// Whether every installation has this mount, and no other of its type.
    pub(super) fn is_built_in(&self, mount: &Mount) -> bool {
        self.system.table(&mount.kind).is_some() || self.registry.of_mount(mount).is_some_and(Engine::per_token)
    }
}
