//! OpenPGP, as far as it takes to encrypt a short text to somebody's public key (RFC 9580; what GnuPG 1.4 and later decrypt).
//!
//! Taken are version 4 keys whose primary key is RSA or Ed25519 and whose encryption key is RSA (2048 to 8192 bits) or
//! Curve25519. Binding signatures are verified: nobody can slip a subkey of their own under somebody else's fingerprint.
//! Nothing here decrypts.
mod armor;
mod choose;
mod message;
mod packet;
mod public;
mod signature;
#[cfg(test)]
pub(crate) mod tests;

use kw_types::{Rng, Time};
use public::PublicKey;
use std::fmt;

/// A public key that something can be encrypted to.
#[derive(Clone, Debug)]
pub struct PgpKey {
    fingerprint: String,
    recipient: PublicKey,
}

/// Why a key cannot be taken. The texts are meant for the caller and hold nothing of the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PgpError {
    /// Not base64; counts bytes from 0.
    Base64 { at: usize },
    /// `keybase:` names, which need another service to resolve.
    Keybase,
    /// Not a series of OpenPGP packets that begins with a public key.
    Malformed(&'static str),
    /// A key that this server cannot encrypt to, or must not.
    Unusable(&'static str),
}

impl PgpKey {
    /// Takes what Vault takes, the base64 of a binary key, and also ASCII-armored text or the base64 of that. `now` decides
    /// which keys have expired.
    pub fn parse(text: &str, now: Time) -> Result<Self, PgpError> {
        let packets = packet::read_all(&armor::decode(text)?)?;
        let (primary, recipient) = choose::recipient(&packets, now)?;
        Ok(Self { fingerprint: hex::encode(primary.fingerprint()), recipient })
    }

    /// The fingerprint of the primary key: 40 digits of lower-case hex.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// A binary OpenPGP message that only the key's holder can read.
    pub fn encrypt(&self, plain: &[u8], rng: &dyn Rng) -> Result<Vec<u8>, PgpError> {
        message::encrypt(&self.recipient, plain, rng)
    }
}

impl fmt::Display for PgpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Base64 { at } => {
                write!(f, "error decoding given PGP key: illegal base64 data at input byte {at}")
            }
            Self::Keybase => {
                f.write_str("error decoding given PGP key: keybase names are not resolved; give the public key itself")
            }
            Self::Malformed(why) | Self::Unusable(why) => write!(f, "error parsing given PGP key: {why}"),
        }
    }
}

impl std::error::Error for PgpError {}
