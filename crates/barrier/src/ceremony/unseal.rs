//! Collecting shares until what they are tried on opens.
use super::CeremonyError;
use super::collect::{Collector, KeyShare};
use crate::derive::UnsealKey;
use crate::seal::{Opened, ShareLock};
use kw_types::{Rng, RngExt};

/// The progress of unsealing, or of a drill. Anybody may give shares: that is what they are for.
#[derive(Debug, Default)]
pub struct Unseal {
    nonce: String,
    purpose: Purpose,
    collected: Collector,
}

/// What shares are given for. All shares of one attempt must be given for the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Purpose {
    /// To open the store.
    #[default]
    Open,
    /// To open the store with recovery shares, since its seal does not.
    Recover,
    /// To move to another seal.
    Migrate,
}

/// What `sys/seal-status` shows of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnsealStatus {
    /// How many shares have been given.
    pub progress: usize,
    /// Of this attempt; empty before the first share.
    pub nonce: String,
    pub purpose: Purpose,
}

impl Unseal {
    /// Reads the key of an unseal request.
    pub fn parse_key(key: &str) -> Result<KeyShare, CeremonyError> {
        match KeyShare::parse(key) {
            Err(CeremonyError::KeyMissing) => Err(CeremonyError::KeyMissingForUnseal),
            parsed => parsed,
        }
    }

    /// Takes a share; with the last one needed, gives the key that they make and what it opens. A share that was given before
    /// changes nothing.
    ///
    /// Errors: [`CeremonyError::WrongShares`] when there are enough and they are not right; the progress is back at zero then.
    /// [`CeremonyError::OtherPurpose`] when earlier shares were given for something else.
    pub fn submit(
        &mut self,
        share: &KeyShare,
        purpose: Purpose,
        lock: &ShareLock,
        rng: &dyn Rng,
    ) -> Result<Option<(UnsealKey, Opened)>, CeremonyError> {
        if self.collected.progress() == 0 {
            (self.nonce, self.purpose) = (rng.uuid(), purpose);
        }
        if self.purpose != purpose {
            return Err(CeremonyError::OtherPurpose);
        }
        self.collected.offer(share);
        let done = self.collected.complete_lock(lock);
        if !matches!(done, Ok(None)) {
            self.reset();
        }
        done
    }

    /// Forgets all shares.
    pub fn reset(&mut self) {
        *self = Self::default();
    }

    pub fn status(&self) -> UnsealStatus {
        UnsealStatus { progress: self.collected.progress(), nonce: self.nonce.clone(), purpose: self.purpose }
    }
}
