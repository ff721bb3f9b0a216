//! The one-time password that hides a new root token from everyone but whoever began the operation.
use crate::failure::Failure;
use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use kw_types::{Rng, RngExt, Secret};

/// The length of a password where no server says it.
pub(super) const LENGTH: usize = 26;

/// A new password of this many characters.
pub(super) fn generate(length: usize) -> Result<String, Failure> {
    // The system's generator fails at once or never; asking it first keeps the filling below from failing half-way.
    let mut probe = [0_u8; 1];
    SystemRandom::new().fill(&mut probe).map_err(|_| Failure::local("The system has no randomness to give."))?;
    Ok(System.base62(length))
}

/// Takes the password off an encoded token: base64, then exclusive or.
pub(super) fn decode(encoded: &str, otp: &str) -> Result<Secret<String>, Failure> {
    let encoded = encoded.trim();
    let bytes = STANDARD_NO_PAD.decode(encoded.trim_end_matches('=')).or_else(|_| STANDARD.decode(encoded));
    let bytes = bytes.map_err(|_| Failure::local("Error decoding root token: it is not valid base64"))?;
    if bytes.len() != otp.len() {
        return Err(Failure::local(
            "Error decoding root token: the one-time password has another length than the token",
        ));
    }
    let plain: Vec<u8> = bytes.iter().zip(otp.bytes()).map(|(a, b)| a ^ b).collect();
    let token = String::from_utf8(plain);
    token
        .map(Secret::new)
        .map_err(|_| Failure::local("Error decoding root token: the one-time password is not the right one"))
}

struct System;

impl Rng for System {
    fn fill(&self, buffer: &mut [u8]) {
        // A generator that worked a moment ago; a short read would only make the password fail to decode.
        let _checked_by_generate = SystemRandom::new().fill(buffer);
    }
}
