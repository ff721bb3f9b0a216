//! Collecting shares until the root key opens.
use super::CeremonyError;
use super::collect::{Collector, KeyShare};
use crate::derive::RootKey;
use crate::seal::SealConfig;
use kw_types::{Rng, RngExt};

/// The progress of unsealing. Anybody may give shares: that is what they are for.
#[derive(Debug, Default)]
pub struct Unseal {
    nonce: String,
    collected: Collector,
}

/// What `sys/seal-status` shows of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnsealStatus {
    /// How many shares have been given.
    pub progress: usize,
    /// Of this attempt; empty before the first share.
    pub nonce: String,
}

impl Unseal {
    /// Reads the key of an unseal request. `migrate` is refused, since a Shamir seal has nothing to migrate from.
    pub fn parse_key(key: &str, migrate: bool) -> Result<KeyShare, CeremonyError> {
        let share = match KeyShare::parse(key) {
            Err(CeremonyError::KeyMissing) => Err(CeremonyError::KeyMissingForUnseal),
            parsed => parsed,
        }?;
        if migrate { Err(CeremonyError::NoMigration) } else { Ok(share) }
    }

    /// Takes a share; gives the root key when it was the last one needed. A share that was given before changes nothing.
    ///
    /// Errors: [`CeremonyError::WrongShares`] when there are enough and they are not right; the progress is back at zero then.
    pub fn submit(
        &mut self,
        share: &KeyShare,
        config: &SealConfig,
        wrapped_root: &[u8],
        rng: &dyn Rng,
    ) -> Result<Option<RootKey>, CeremonyError> {
        if self.collected.progress() == 0 {
            self.nonce = rng.uuid();
        }
        self.collected.offer(share);
        let done = self.collected.complete_root(config, wrapped_root);
        if !matches!(done, Ok(None)) {
            self.reset();
        }
        done
    }

    /// Forgets all shares.
    pub fn reset(&mut self) {
        self.nonce.clear();
        self.collected.clear();
    }

    pub fn status(&self) -> UnsealStatus {
        UnsealStatus { progress: self.collected.progress(), nonce: self.nonce.clone() }
    }
}
