//! Hashes and keyed hashes.
use crate::derive::KEY_LEN;
use aws_lc_rs::{digest, hmac};
use kw_types::Secret;
use parking_lot::RwLock;
use std::collections::HashMap;

/// How many keys are kept: a purpose or two for each of so many mounts.
const KEYS_MAX: usize = 4096;

/// HMAC-SHA-256 keys (RFC 2104) by their purpose: deriving one costs ten times what signing a short text does.
#[derive(Default)]
pub(crate) struct MacKeys(RwLock<HashMap<String, hmac::Key>>);

impl MacKeys {
    /// Signs under the key for this purpose, which `derive` makes at its first use; `None` where it cannot.
    pub fn sign(
        &self,
        purpose: &str,
        data: &[u8],
        derive: impl FnOnce() -> Option<Secret<[u8; KEY_LEN]>>,
    ) -> Option<[u8; 32]> {
        if let Some(key) = self.0.read().get(purpose) {
            return Some(thirty_two(hmac::sign(key, data).as_ref()));
        }
        let key = hmac::Key::new(hmac::HMAC_SHA256, derive()?.expose());
        let mac = thirty_two(hmac::sign(&key, data).as_ref());
        let mut keys = self.0.write();
        if keys.len() >= KEYS_MAX {
            keys.clear();
        }
        keys.insert(purpose.to_owned(), key);
        Some(mac)
    }
}

/// SHA-256 (FIPS 180-4).
pub fn sha256(data: &[u8]) -> [u8; 32] {
    thirty_two(digest::digest(&digest::SHA256, data).as_ref())
}

fn thirty_two(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(bytes);
    out
}
