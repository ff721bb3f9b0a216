//! Keys of the hierarchy, and how one is derived from another.
use crate::BarrierError;
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};
use kw_types::{Rng, RngExt, Secret};
use zeroize::Zeroize;

/// Length of every key of the hierarchy, in bytes.
pub const KEY_LEN: usize = 32;

/// What encrypts the keyring. Exists in memory while the barrier is open, and stored under the unseal key.
#[derive(Clone, Debug)]
pub struct RootKey(Secret<[u8; KEY_LEN]>);

/// What encrypts the root key: split into shares as unseal key or recovery key, or encrypted by a seal. Exists only while
/// that is done or undone.
#[derive(Clone, Debug)]
pub struct UnsealKey(Secret<[u8; KEY_LEN]>);

impl RootKey {
    /// A random root key.
    pub fn generate(rng: &dyn Rng) -> Self {
        Self(Secret::new(rng.bytes()))
    }

    pub(crate) fn from_slice(bytes: &[u8]) -> Option<Self> {
        secret_from(bytes).map(Self)
    }

    /// Constant-time equality.
    pub fn matches(&self, other: &Self) -> bool {
        self.0.matches(other.expose())
    }

    pub(crate) fn expose(&self) -> &[u8; KEY_LEN] {
        self.0.expose()
    }
}

impl UnsealKey {
    /// A random unseal key.
    pub fn generate(rng: &dyn Rng) -> Self {
        Self(Secret::new(rng.bytes()))
    }

    /// Takes the key from bytes; `None` unless there are [`KEY_LEN`] of them.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        secret_from(bytes).map(Self)
    }

    /// Constant-time equality.
    pub fn matches(&self, other: &Self) -> bool {
        self.0.matches(other.expose())
    }

    /// Lends the key out, to a seal that encrypts it.
    pub fn expose(&self) -> &[u8; KEY_LEN] {
        self.0.expose()
    }
}

/// Copies a key out of a longer buffer, without leaving the copy behind.
pub(crate) fn secret_from(bytes: &[u8]) -> Option<Secret<[u8; KEY_LEN]>> {
    let mut key: [u8; KEY_LEN] = bytes.try_into().ok()?;
    let secret = Secret::new(key);
    key.zeroize();
    Some(secret)
}

/// HKDF-SHA-256 (RFC 5869) of a uniformly random key: 32 bytes for the purpose that `labels` spell out together.
pub(crate) fn derive(key: &[u8; KEY_LEN], labels: &[&[u8]]) -> Result<Secret<[u8; KEY_LEN]>, BarrierError> {
    let prk = Salt::new(HKDF_SHA256, b"keywright barrier").extract(key);
    let mut out = [0; KEY_LEN];
    let okm = prk.expand(labels, ThirtyTwo).map_err(|_| BarrierError::Provider)?;
    okm.fill(&mut out).map_err(|_| BarrierError::Provider)?;
    let secret = Secret::new(out);
    out.zeroize();
    Ok(secret)
}

#[derive(Debug)]
struct ThirtyTwo;

impl KeyType for ThirtyTwo {
    fn len(&self) -> usize {
        KEY_LEN
    }
}
