//! Hashes and keyed hashes for those who own a subkey.
use aws_lc_rs::{digest, hmac};
use std::fmt;

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
