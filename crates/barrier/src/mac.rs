//! Hashes and keyed hashes for those who own a subkey.
use crate::derive::KEY_LEN;
use aws_lc_rs::{digest, hmac};
use kw_types::Secret;
use parking_lot::RwLock;
use std::collections::HashMap;
use std::fmt;

/// How many keys are kept: a purpose or two for each of so many mounts.
const KEYS_MAX: usize = 4096;

/// An HMAC-SHA-256 key (RFC 2104) whose inner and outer states are computed once: a short text costs two blocks, not four.
#[derive(Clone)]
pub struct MacKey(hmac::Key);

impl MacKey {
    /// Takes a key of any length; 32 bytes are right.
    pub fn new(key: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, key))
    }

    /// The keyed hash of `data`.
    pub fn sign(&self, data: &[u8]) -> [u8; 32] {
        thirty_two(hmac::sign(&self.0, data).as_ref())
    }

    /// The keyed hash of the parts one after the other. Where the parts' borders matter, the caller marks them.
    pub fn sign_parts(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.0);
        for part in parts {
            context.update(part);
        }
        thirty_two(context.sign().as_ref())
    }

    /// Compares in constant time.
    pub fn verify(&self, data: &[u8], tag: &[u8]) -> bool {
        hmac::verify(&self.0, data, tag).is_ok()
    }
}

impl fmt::Debug for MacKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Keys by their purpose: deriving one costs ten times what signing a short text does.
#[derive(Default)]
pub(crate) struct MacKeys(RwLock<HashMap<String, MacKey>>);

impl MacKeys {
    /// Signs under the key for this purpose, which `derive` makes at its first use; `None` where it cannot.
    pub fn sign(
        &self,
        purpose: &str,
        data: &[u8],
        derive: impl FnOnce() -> Option<Secret<[u8; KEY_LEN]>>,
    ) -> Option<[u8; 32]> {
        if let Some(key) = self.0.read().get(purpose) {
            return Some(key.sign(data));
        }
        let key = MacKey::new(derive()?.expose());
        let mac = key.sign(data);
        let mut keys = self.0.write();
        if keys.len() >= KEYS_MAX {
            keys.clear();
        }
        keys.insert(purpose.to_owned(), key);
        Some(mac)
    }
}

/// HMAC-SHA-256 under a key that is used once; keep a [`MacKey`] for one that is used often.
pub fn hmac_sha256(key: &[u8], data: &[u8]) -> [u8; 32] {
    MacKey::new(key).sign(data)
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
