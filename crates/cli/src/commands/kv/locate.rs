//! From a key on the command line to the API's paths.
use super::MOUNT;
use crate::call::Call;
use crate::failure::Failure;
use crate::session::Session;
use kw_client::{KvMount, KvVersion};

/// A key in a mount.
pub(super) struct Located {
    mount: KvMount,
    name: String,
    inside: bool,
}

impl Located {
    /// Asks the server which mount the key is in, and which version that is.
    pub(super) fn new(call: &Call, session: &Session) -> Result<Self, Failure> {
        let name = call.arg(0).trim().trim_matches('/').to_owned();
        match call.text(&MOUNT) {
            Some(path) => Ok(Self { mount: session.kv_mount(path)?, name, inside: true }),
            None if name.is_empty() => Err(Failure::local("Not enough arguments (expected 1, got 0)")),
            None => Ok(Self { mount: session.kv_mount(&name)?, name, inside: false }),
        }
    }

    /// The API's path for an action (`data`, `metadata`, `delete` ...) of version 2; the plain path in version 1.
    pub(super) fn path(&self, action: &str) -> String {
        match self.inside {
            true => self.mount.api_path_inside(action, &self.name),
            false => self.mount.api_path(action, &self.name),
        }
    }

    pub(super) fn is_versioned(&self) -> bool {
        self.mount.version == KvVersion::V2
    }

    /// Refuses a mount of version 1, as the commands do for which a mount of the right version must be there.
    pub(super) fn of_versioned_mount(self, what: &str) -> Result<Self, Failure> {
        match self.is_versioned() {
            true => Ok(self),
            false => Err(Failure::remote(format!("K/V engine mount must be version 2 for {what} support"))),
        }
    }

    /// Refuses a mount of version 1, as the commands do that mean nothing there.
    pub(super) fn versioned_only(self, what: &str) -> Result<Self, Failure> {
        match self.is_versioned() {
            true => Ok(self),
            false => Err(Failure::local(format!("{what} not supported on KV Version 1"))),
        }
    }
}
