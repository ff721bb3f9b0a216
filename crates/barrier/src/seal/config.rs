//! The rows of the seal that are JSON.
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The kind of the seal, and how the unseal key or the recovery key is split. Public, and not to be trusted beyond that: whoever changes it in the store makes ceremonies
/// fail, but opens nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealConfig {
    /// The seal's kind, such as `shamir`.
    #[serde(rename = "type")]
    pub kind: String,
    /// How many shares there are, 1 to 255.
    pub secret_shares: u8,
    /// How many of them it takes; 1 only with a single share.
    pub secret_threshold: u8,
    /// The keys that the shares were encrypted to, in the shares' order; empty when they were not.
    #[serde(default)]
    pub pgp_fingerprints: Vec<String>,
    /// The rekeying that made these shares; empty for those of the initialisation.
    #[serde(default)]
    pub nonce: String,
    /// Whether the encrypted shares were kept in [`super::BACKUP_ROW`].
    #[serde(default)]
    pub backup: bool,
}

impl SealConfig {
    /// Of seals that open by themselves, which nobody has shares of. Vault shows one share for them.
    pub(crate) fn of_kind(kind: &str) -> Self {
        let (pgp_fingerprints, nonce) = (Vec::new(), String::new());
        Self { kind: kind.to_owned(), secret_shares: 1, secret_threshold: 1, pgp_fingerprints, nonce, backup: false }
    }
}

/// Encrypted shares, by the hex fingerprint of the key that they are encrypted to; as `sys/rekey/backup` answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backup {
    pub nonce: String,
    /// In hex.
    pub keys: BTreeMap<String, Vec<String>>,
    pub keys_base64: BTreeMap<String, Vec<String>>,
}
