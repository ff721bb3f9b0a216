//! The rows of the seal that are JSON.
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How the unseal key is split. Public, and not to be trusted beyond that: whoever changes it in the store makes ceremonies
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

/// Encrypted shares, by the hex fingerprint of the key that they are encrypted to; as `sys/rekey/backup` answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backup {
    pub nonce: String,
    /// In hex.
    pub keys: BTreeMap<String, Vec<String>>,
    pub keys_base64: BTreeMap<String, Vec<String>>,
}
