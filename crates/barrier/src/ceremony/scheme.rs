//! Into how many shares the unseal key is split, how many it takes, and whom they are encrypted to.
use super::error::SchemeFlaw;
use crate::derive::UnsealKey;
use crate::error::BarrierError;
use crate::pgp::PgpKey;
use crate::seal::{Backup, SHAMIR, SealConfig};
use crate::shamir;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kw_types::{Rng, Secret, Time};

/// Checked numbers and keys.
#[derive(Clone, Debug)]
pub(super) struct Scheme {
    pub shares: u8,
    pub threshold: u8,
    /// None, or one for each share.
    pub pgp_keys: Vec<PgpKey>,
}

/// The shares to hand out, once and never again.
#[derive(Clone, Debug)]
pub struct IssuedShares {
    /// In hex; encrypted binary messages where PGP keys were given.
    pub keys: Vec<Secret<String>>,
    /// The same in base64.
    pub keys_base64: Vec<Secret<String>>,
    /// Of the keys that the shares are encrypted to; empty when they are not. Vault answers `null` for that.
    pub pgp_fingerprints: Vec<String>,
}

impl Scheme {
    pub fn check(shares: i64, threshold: i64, pgp_keys: &[String], now: Time) -> Result<Self, SchemeFlaw> {
        if shares < 1 {
            return Err(SchemeFlaw::NoShares);
        }
        if threshold < 1 {
            return Err(SchemeFlaw::NoThreshold);
        }
        if shares > 1 && threshold == 1 {
            return Err(SchemeFlaw::ThresholdOfOne);
        }
        let shares = u8::try_from(shares).map_err(|_| SchemeFlaw::TooManyShares)?;
        let threshold = u8::try_from(threshold).map_err(|_| SchemeFlaw::ThresholdOverShares)?;
        if threshold > shares {
            return Err(SchemeFlaw::ThresholdOverShares);
        }
        if !pgp_keys.is_empty() && pgp_keys.len() != usize::from(shares) {
            return Err(SchemeFlaw::PgpCount);
        }
        let pgp_keys: Result<_, _> = pgp_keys.iter().map(|text| PgpKey::parse(text, now)).collect();
        Ok(Self { shares, threshold, pgp_keys: pgp_keys.map_err(SchemeFlaw::Pgp)? })
    }

    pub fn fingerprints(&self) -> Vec<String> {
        self.pgp_keys.iter().map(|key| key.fingerprint().to_owned()).collect()
    }

    pub fn config(&self, nonce: &str, backup: bool) -> SealConfig {
        SealConfig {
            kind: SHAMIR.to_owned(),
            secret_shares: self.shares,
            secret_threshold: self.threshold,
            pgp_fingerprints: self.fingerprints(),
            nonce: nonce.to_owned(),
            backup,
        }
    }

    /// Splits the key. A single share is the key itself.
    pub fn issue(&self, key: &UnsealKey, rng: &dyn Rng) -> Result<IssuedShares, BarrierError> {
        let shares = if self.shares == 1 {
            vec![Secret::new(key.expose().to_vec())]
        } else {
            shamir::split(key.expose(), self.shares, self.threshold, rng)
                .map_err(|_| BarrierError::Malformed("seal configuration"))?
        };
        let mut issued =
            IssuedShares { keys: Vec::new(), keys_base64: Vec::new(), pgp_fingerprints: self.fingerprints() };
        for (at, share) in shares.iter().enumerate() {
            let sent = match self.pgp_keys.get(at) {
                // The holder decrypts to hex text, which can be given to `operator unseal` as it is.
                Some(recipient) => {
                    let hex = Secret::new(hex::encode(share.expose()));
                    let message = recipient.encrypt(hex.expose().as_bytes(), rng);
                    Secret::new(message.map_err(|_| BarrierError::Provider)?)
                }
                None => share.clone(),
            };
            issued.keys.push(Secret::new(hex::encode(sent.expose())));
            issued.keys_base64.push(Secret::new(STANDARD.encode(sent.expose())));
        }
        Ok(issued)
    }
}

impl IssuedShares {
    /// What [`crate::seal::BACKUP_ROW`] keeps: encrypted shares only.
    pub(super) fn backup(&self, nonce: &str) -> Backup {
        let mut backup = Backup { nonce: nonce.to_owned(), keys: Default::default(), keys_base64: Default::default() };
        for ((fingerprint, hex), base64) in self.pgp_fingerprints.iter().zip(&self.keys).zip(&self.keys_base64) {
            backup.keys.entry(fingerprint.clone()).or_default().push(hex.expose().clone());
            backup.keys_base64.entry(fingerprint.clone()).or_default().push(base64.expose().clone());
        }
        backup
    }
}
