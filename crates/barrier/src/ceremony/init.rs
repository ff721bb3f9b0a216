//! The first keys of an installation.
use super::scheme::{IssuedShares, Scheme};
use super::{CeremonyError, SchemeFlaw};
use crate::derive::{RootKey, UnsealKey};
use crate::error::BarrierError;
use crate::keyring::Keyring;
use crate::pgp::PgpKey;
use crate::seal::{CONFIG_ROW, KEYRING_ROW, ROOT_KEY_ROW, Rows, wrap};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kw_types::{Rng, Secret, Time};

/// The parameters of `sys/init`; numbers as sent, empty where nothing was.
#[derive(Clone, Debug, Default)]
pub struct InitRequest {
    pub secret_shares: i64,
    pub secret_threshold: i64,
    /// Vault's older name for what this seal always does; at most `secret_shares`.
    pub stored_shares: i64,
    pub pgp_keys: Vec<String>,
    pub root_token_pgp_key: String,
    /// These three are for seals that open by themselves, and refused.
    pub recovery_shares: i64,
    pub recovery_threshold: i64,
    pub recovery_pgp_keys: Vec<String>,
}

/// New keys. Nothing has happened until the rows are written, on the condition that [`CONFIG_ROW`] is not there.
#[derive(Debug)]
pub struct Initialised {
    pub rows: Rows,
    pub shares: IssuedShares,
    /// To open the barrier with, for writing what a fresh installation holds.
    pub root: RootKey,
    root_token_pgp: Option<PgpKey>,
}

/// Makes the keys of a new installation under a Shamir seal.
pub fn init(request: &InitRequest, rng: &dyn Rng, now: Time) -> Result<Initialised, CeremonyError> {
    let recovery = [
        ("recovery_shares", request.recovery_shares != 0),
        ("recovery_threshold", request.recovery_threshold != 0),
        ("recovery_pgp_keys", !request.recovery_pgp_keys.is_empty()),
    ];
    let refused: Vec<_> = recovery.iter().filter(|(_, given)| *given).map(|(name, _)| *name).collect();
    if !refused.is_empty() {
        return Err(CeremonyError::NotForShamir(refused));
    }
    let scheme = Scheme::check(request.secret_shares, request.secret_threshold, &request.pgp_keys, now)
        .map_err(CeremonyError::BadScheme)?;
    if request.stored_shares > request.secret_shares {
        return Err(CeremonyError::BadScheme(SchemeFlaw::StoredOverShares));
    }
    let root_token_pgp = match request.root_token_pgp_key.as_str() {
        "" => None,
        text => Some(PgpKey::parse(text, now).map_err(CeremonyError::RootPgp)?),
    };
    let (unseal_key, root) = (UnsealKey::generate(rng), RootKey::generate(rng));
    let config = serde_json::to_vec(&scheme.config("", false)).map_err(|_| BarrierError::Malformed(CONFIG_ROW))?;
    let rows = vec![
        (CONFIG_ROW, config),
        (ROOT_KEY_ROW, wrap(&unseal_key, &root, rng)?),
        (KEYRING_ROW, Keyring::generate(rng, now).seal(&root, rng)?),
    ];
    Ok(Initialised { rows, shares: scheme.issue(&unseal_key, rng)?, root, root_token_pgp })
}

impl Initialised {
    /// One of the rows.
    pub fn row(&self, name: &str) -> Option<&[u8]> {
        self.rows.iter().find(|(row, _)| *row == name).map(|(_, content)| content.as_slice())
    }

    /// The root token as it is answered: as it is, or the base64 of a message to the key that was given for it.
    pub fn encode_root_token(&self, token: &Secret<String>, rng: &dyn Rng) -> Result<Secret<String>, CeremonyError> {
        match &self.root_token_pgp {
            None => Ok(token.clone()),
            Some(key) => {
                let message = key.encrypt(token.expose().as_bytes(), rng).map_err(CeremonyError::RootPgp)?;
                Ok(Secret::new(STANDARD.encode(message)))
            }
        }
    }
}
