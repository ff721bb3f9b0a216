//! What stands between the store and the root key, and the rows that go with it.
//!
//! The rows are written with [`kw_store::Clear`]: the configuration is public, the rest is encrypted here.
mod config;
mod shamir;
#[cfg(test)]
mod tests;

pub use config::{Backup, SealConfig};
pub use shamir::{SHAMIR, ShamirSeal};
pub(crate) use shamir::{unwrap, wrap};

use crate::derive::RootKey;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use std::fmt;

/// The row of [`SealConfig`] as JSON; an installation is initialised when it is there.
pub const CONFIG_ROW: &str = "seal/config";
/// The row of the root key, encrypted by the seal.
pub const ROOT_KEY_ROW: &str = "seal/root-key";
/// The row of the keyring, encrypted under the root key.
pub const KEYRING_ROW: &str = "seal/keyring";
/// The row by which other nodes learn of a new root key, see [`crate::KeyringChange::handover`].
pub const HANDOVER_ROW: &str = "seal/handover";
/// The row of [`Backup`] as JSON: the shares of the last rekeying that asked for it, each encrypted to its holder.
pub const BACKUP_ROW: &str = "seal/backup";

/// Rows to write, by name.
pub type Rows = Vec<(&'static str, Vec<u8>)>;

/// Encrypts the root key. The key that does so never comes near the store: people hold it in shares, or a key service or
/// hardware module holds it, which is asked over a wire; hence the futures.
pub trait Seal: Send + Sync {
    /// The word in configuration and `sys/seal-status`.
    fn kind(&self) -> &'static str;

    /// The content of [`ROOT_KEY_ROW`].
    fn wrap_root<'a>(&'a self, root: &'a RootKey) -> BoxFuture<'a, Result<Bytes, SealError>>;

    /// The root key from that row. Errors: [`SealError::WrongKey`] when it was not wrapped by this seal.
    fn unwrap_root<'a>(&'a self, wrapped: &'a [u8]) -> BoxFuture<'a, Result<RootKey, SealError>>;
}

/// Why a seal did not wrap or unwrap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SealError {
    /// The row does not open with this seal's key.
    WrongKey,
    /// The key service did not do it; the text says why and holds no secret.
    Service(String),
}

impl fmt::Display for SealError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WrongKey => f.write_str("the stored root key does not open with this seal's key"),
            Self::Service(why) => write!(f, "the seal's key service: {why}"),
        }
    }
}

impl std::error::Error for SealError {}
