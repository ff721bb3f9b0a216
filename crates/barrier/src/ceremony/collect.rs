//! Shares as people send them, and putting them together.
use super::CeremonyError;
use crate::derive::{KEY_LEN, UnsealKey};
use crate::seal::{Opened, ShareLock};
use crate::shamir::{self, SHARE_OVERHEAD, Share};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kw_types::Secret;

/// One share, as sent; its form was checked, its value cannot be.
#[derive(Clone, Debug)]
pub struct KeyShare(Share);

impl KeyShare {
    /// Takes hex or base64. Errors: [`CeremonyError::KeyMissing`], [`CeremonyError::KeyMalformed`] also for a wrong length.
    pub fn parse(text: &str) -> Result<Self, CeremonyError> {
        if text.is_empty() {
            return Err(CeremonyError::KeyMissing);
        }
        let bytes = hex::decode(text).or_else(|_| STANDARD.decode(text)).map_err(|_| CeremonyError::KeyMalformed)?;
        let share = Secret::new(bytes);
        // A single share is the key itself, and has no coordinate behind it.
        if !(KEY_LEN..=KEY_LEN + SHARE_OVERHEAD).contains(&share.expose().len()) {
            return Err(CeremonyError::KeyMalformed);
        }
        Ok(Self(share))
    }
}

/// The shares that were given so far.
#[derive(Debug, Default)]
pub(super) struct Collector {
    held: Vec<Share>,
}

impl Collector {
    /// Takes a share; `false` if it was there already.
    pub fn offer(&mut self, share: &KeyShare) -> bool {
        let new = !self.held.iter().any(|held| held.matches(share.0.expose()));
        if new {
            self.held.push(share.0.clone());
        }
        new
    }

    pub fn progress(&self) -> usize {
        self.held.len()
    }

    pub fn clear(&mut self) {
        self.held.clear();
    }

    /// The key, once there are enough shares; they are forgotten then, whether it is right or not.
    pub fn complete(&mut self, threshold: u8) -> Result<Option<UnsealKey>, CeremonyError> {
        if self.held.len() < usize::from(threshold) {
            return Ok(None);
        }
        let held = std::mem::take(&mut self.held);
        let key = match held.as_slice() {
            [whole] if threshold == 1 => UnsealKey::from_slice(whole.expose()),
            shares => shamir::combine(shares).ok().and_then(|key| UnsealKey::from_slice(key.expose())),
        };
        key.map(Some).ok_or(CeremonyError::WrongShares)
    }

    /// The same, and what it opens, which proves that the shares belong together.
    pub fn complete_lock(&mut self, lock: &ShareLock) -> Result<Option<(UnsealKey, Opened)>, CeremonyError> {
        let Some(key) = self.complete(lock.config().secret_threshold)? else { return Ok(None) };
        let opened = lock.open(&key).map_err(|_| CeremonyError::WrongShares)?;
        Ok(Some((key, opened)))
    }
}

/// The nonce ties a share to one ceremony, so that nobody is led to give a share to another one.
pub(super) fn check_nonce(given: &str, nonce: &str, operation: &'static str) -> Result<(), CeremonyError> {
    if given == nonce { Ok(()) } else { Err(CeremonyError::WrongNonce { operation, nonce: nonce.to_owned() }) }
}
