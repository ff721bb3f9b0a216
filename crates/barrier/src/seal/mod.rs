//! What stands between the store and the root key, and the rows that go with it.
//!
//! Two ways lead to the root key. Under the Shamir seal an unseal key opens [`ROOT_KEY_ROW`], and people hold its shares. Under
//! seals that open by themselves ([`Seal`]) that row holds an entry for each of them ([`SealSet`]), and people hold shares of a
//! recovery key, which opens [`RECOVERY_KEY_ROW`]. [`ShareLock`] is what shares are tried on in either case.
//!
//! The rows are written with [`kw_store::Clear`]: configurations are public, the rest is encrypted here.
mod config;
mod lock;
mod member;
mod row;
mod set;
#[cfg(test)]
mod tests;

pub use config::{Backup, SealConfig};
pub use lock::{Opened, ShareLock};
pub use member::{Health, MemberStatus, SealMember};
pub use set::{SealSet, Sealing};

pub(crate) use lock::{PROOF_SUBKEY, RecoveryRow, wrap};

use crate::derive::UnsealKey;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::future::{BoxFuture, ready};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
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
/// The row of the recovery key's [`SealConfig`] as JSON: how it is split. Only under seals that open by themselves.
pub const RECOVERY_CONFIG_ROW: &str = "seal/recovery-config";
/// The row that the recovery key opens, see [`ShareLock::recovery`].
pub const RECOVERY_KEY_ROW: &str = "seal/recovery-key";
/// As [`BACKUP_ROW`], for shares of the recovery key.
pub const RECOVERY_BACKUP_ROW: &str = "seal/recovery-backup";

/// All of these begin so.
pub const ROWS: &str = "seal/";

/// The word for the seal whose key people hold in shares.
pub const SHAMIR: &str = "shamir";

/// Rows to write, by name.
pub type Rows = Vec<(&'static str, Vec<u8>)>;

/// Encrypts a key that encrypts the root key. What does so never comes near the store: a key service, a hardware module or a
/// file beside the configuration, which may have to be waited for; hence the futures. They end by themselves, in bounded time.
///
/// Authentication and binding to a purpose are not this trait's business: each key is used for one box, which has both.
pub trait Seal: Send + Sync {
    /// The word in configuration and `sys/seal-status`.
    fn kind(&self) -> &'static str;

    /// Encrypts the key under the newest key of the service.
    fn wrap<'a>(&'a self, key: &'a UnsealKey) -> BoxFuture<'a, Result<WrappedKey, SealError>>;

    /// The other way, also for what was encrypted under an older key of the service.
    ///
    /// Errors: [`SealError::WrongKey`] when it was not encrypted by this seal.
    fn unwrap<'a>(&'a self, wrapped: &'a WrappedKey) -> BoxFuture<'a, Result<UnsealKey, SealError>>;

    /// Keeps alive what it works with, such as a token; called about once a minute.
    fn tend(&self) -> BoxFuture<'_, Result<(), SealError>> {
        Box::pin(ready(Ok(())))
    }
}

/// A key as a seal has encrypted it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WrappedKey {
    /// Which of the service's keys did it; another one now in use means that it should be wrapped anew.
    pub key_id: String,
    /// As the seal likes it.
    #[serde(serialize_with = "to_base64", deserialize_with = "from_base64")]
    pub content: Vec<u8>,
}

/// Why a seal did not wrap or unwrap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SealError {
    /// It was not encrypted under a key that this seal has.
    WrongKey,
    /// The key service did not do it; the text says why and holds no secret.
    Service(String),
}

impl fmt::Display for SealError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WrongKey => f.write_str("the stored root key does not open with this seal's key"),
            Self::Service(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for SealError {}

pub(super) fn to_base64<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&STANDARD.encode(bytes))
}

pub(super) fn from_base64<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    let text = String::deserialize(deserializer)?;
    STANDARD.decode(text).map_err(|_| serde::de::Error::custom("not base64"))
}
