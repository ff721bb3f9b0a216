//! The first keys of an installation.
use super::scheme::{IssuedShares, Scheme};
use super::{CeremonyError, SchemeFlaw};
use crate::derive::{RootKey, UnsealKey};
use crate::error::BarrierError;
use crate::keyring::Keyring;
use crate::pgp::PgpKey;
use crate::seal::{
    CONFIG_ROW, KEYRING_ROW, PROOF_SUBKEY, RECOVERY_CONFIG_ROW, RECOVERY_KEY_ROW, ROOT_KEY_ROW, RecoveryRow, Rows,
    SHAMIR, SealConfig, wrap,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kw_types::{Rng, Secret, Time};

/// The parameters of `sys/init`; numbers as sent, empty where nothing was.
#[derive(Clone, Debug, Default)]
pub struct InitRequest {
    pub secret_shares: i64,
    pub secret_threshold: i64,
    /// Vault's older name for what the Shamir seal always does; at most `secret_shares`.
    pub stored_shares: i64,
    pub pgp_keys: Vec<String>,
    pub root_token_pgp_key: String,
    /// These three are for seals that open by themselves; the three above for the Shamir seal.
    pub recovery_shares: i64,
    pub recovery_threshold: i64,
    pub recovery_pgp_keys: Vec<String>,
    /// The recovery shares speak for their holders, but do not open the store.
    pub recovery_opens_nothing: bool,
}

/// New keys. Nothing has happened until the rows are written, on the condition that [`CONFIG_ROW`] is not there.
#[derive(Debug)]
pub struct Initialised {
    /// Under seals that open by themselves, [`ROOT_KEY_ROW`] is for the caller to add: [`crate::seal::SealSet::wrap`] makes it.
    pub rows: Rows,
    /// Of the unseal key, or of the recovery key.
    pub shares: IssuedShares,
    /// To open the barrier with, for writing what a fresh installation holds.
    pub root: RootKey,
    root_token_pgp: Option<PgpKey>,
}

/// Makes the keys of a new installation under a seal of this kind.
pub fn init(request: &InitRequest, kind: &str, rng: &dyn Rng, now: Time) -> Result<Initialised, CeremonyError> {
    refuse_others(request, kind)?;
    let root_token_pgp = match request.root_token_pgp_key.as_str() {
        "" => None,
        text => Some(PgpKey::parse(text, now).map_err(CeremonyError::RootPgp)?),
    };
    let (key, root, keyring) = (UnsealKey::generate(rng), RootKey::generate(rng), Keyring::generate(rng, now));
    let mut rows = vec![(KEYRING_ROW, keyring.seal(&root, rng)?)];
    let scheme;
    if kind == SHAMIR {
        scheme = Scheme::check(request.secret_shares, request.secret_threshold, &request.pgp_keys, now)
            .map_err(CeremonyError::BadScheme)?;
        if request.stored_shares > request.secret_shares {
            return Err(CeremonyError::BadScheme(SchemeFlaw::StoredOverShares));
        }
        rows.push((CONFIG_ROW, json(CONFIG_ROW, &scheme.config("", false))?));
        rows.push((ROOT_KEY_ROW, wrap(&key, &root, rng)?));
    } else {
        scheme = Scheme::check(request.recovery_shares, request.recovery_threshold, &request.recovery_pgp_keys, now)
            .map_err(CeremonyError::BadRecoveryScheme)?;
        let key_row = if request.recovery_opens_nothing {
            RecoveryRow::of_proof(&key, &keyring.subkey(PROOF_SUBKEY)?, rng)?
        } else {
            RecoveryRow::of_root(&key, &root, rng)?
        };
        rows.push((CONFIG_ROW, json(CONFIG_ROW, &SealConfig::of_kind(kind))?));
        rows.push((RECOVERY_CONFIG_ROW, json(RECOVERY_CONFIG_ROW, &scheme.config("", false))?));
        rows.push((RECOVERY_KEY_ROW, key_row));
    }
    Ok(Initialised { rows, shares: scheme.issue(&key, rng)?, root, root_token_pgp })
}

/// Refuses the parameters that only the other kind of seal takes.
fn refuse_others(request: &InitRequest, kind: &str) -> Result<(), CeremonyError> {
    let of_recovery = [
        ("recovery_shares", request.recovery_shares != 0),
        ("recovery_threshold", request.recovery_threshold != 0),
        ("recovery_pgp_keys", !request.recovery_pgp_keys.is_empty()),
        ("recovery_opens_store", request.recovery_opens_nothing),
    ];
    let of_shamir = [
        ("secret_shares", request.secret_shares != 0),
        ("secret_threshold", request.secret_threshold != 0),
        ("pgp_keys", !request.pgp_keys.is_empty()),
    ];
    let others = if kind == SHAMIR { of_recovery.as_slice() } else { &of_shamir };
    let parameters: Vec<_> = others.iter().filter(|(_, given)| *given).map(|(name, _)| *name).collect();
    if parameters.is_empty() { Ok(()) } else { Err(CeremonyError::NotForSeal { parameters, kind: kind.to_owned() }) }
}

fn json(row: &'static str, config: &SealConfig) -> Result<Vec<u8>, BarrierError> {
    serde_json::to_vec(config).map_err(|_| BarrierError::Malformed(row))
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
