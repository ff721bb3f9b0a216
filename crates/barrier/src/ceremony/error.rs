//! What a ceremony answers when it does not go on. All but [`CeremonyError::Broken`] are the caller's fault (400).
use crate::BarrierError;
use crate::pgp::PgpError;
use kw_types::Fault;
use std::fmt;

/// Why a ceremony refused. The texts are Vault's where clients may look at them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CeremonyError {
    KeyMissing,
    /// For unsealing, which can also be reset.
    KeyMissingForUnseal,
    KeyMalformed,
    /// Enough shares came together, but they do not open the root key. The progress was reset.
    WrongShares,
    /// The share is among those that were given already (not an error when unsealing).
    GivenAlready(&'static str),
    /// The operation's name and its nonce, which is no secret.
    WrongNonce {
        operation: &'static str,
        nonce: String,
    },
    /// Shares or threshold or keys of `sys/init`.
    BadScheme(SchemeFlaw),
    /// The same for `sys/rekey/init`.
    BadRekeyScheme(SchemeFlaw),
    /// The same for the recovery shares of `sys/init`.
    BadRecoveryScheme(SchemeFlaw),
    /// Parameters of `sys/init` that this kind of seal does not take.
    NotForSeal {
        parameters: Vec<&'static str>,
        kind: String,
    },
    /// Earlier shares of the same attempt were given to unseal, recover or migrate, and this one for another of these.
    OtherPurpose,
    RekeyRunning,
    NoRekey,
    /// Asked for a verification when there is no rekeying at all.
    NoRekeyConfiguration,
    NoVerification,
    BackupWithoutPgp,
    GenerateRootRunning,
    NoGenerateRoot,
    OtpLength,
    OtpAndPgp,
    RootPgp(PgpError),
    /// Our own fault, or damage in the store: 500.
    Broken(BarrierError),
}

/// What is wrong with a number of shares, a threshold, or the keys to encrypt shares to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SchemeFlaw {
    NoShares,
    NoThreshold,
    ThresholdOfOne,
    TooManyShares,
    ThresholdOverShares,
    StoredOverShares,
    PgpCount,
    Pgp(PgpError),
}

impl fmt::Display for CeremonyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::KeyMissing => "'key' must be specified in request body as JSON",
            Self::KeyMissingForUnseal => "'key' must be specified in request body as JSON, or 'reset' set to true",
            Self::KeyMalformed => "'key' must be a valid hex or base64 string",
            Self::WrongShares => {
                "invalid key: the given shares do not open the root key; begin again with the first share"
            }
            Self::GivenAlready(operation) => {
                return write!(f, "given key has already been provided during this {operation} operation");
            }
            Self::WrongNonce { operation, nonce } => {
                return write!(f, "incorrect nonce supplied; nonce for this {operation} operation is \"{nonce}\"");
            }
            Self::BadScheme(flaw) => return write!(f, "invalid seal configuration: {flaw}"),
            Self::BadRekeyScheme(flaw) => return write!(f, "invalid rekey seal configuration: {flaw}"),
            Self::BadRecoveryScheme(flaw) => return write!(f, "invalid recovery configuration: {flaw}"),
            Self::NotForSeal { parameters, kind } => {
                return write!(f, "parameters {} not applicable to seal type {kind}", parameters.join(","));
            }
            Self::OtherPurpose => {
                "the shares given so far were given for another purpose (to unseal, to recover or to migrate); reset them, or give this one for the same"
            }
            Self::RekeyRunning => "rekey already in progress",
            Self::NoRekey => "no barrier rekey in progress",
            Self::NoRekeyConfiguration => "no rekey configuration found",
            Self::NoVerification => "no rekey verification in progress",
            Self::BackupWithoutPgp => {
                "cannot request a backup of the new keys without providing PGP keys for encryption"
            }
            Self::GenerateRootRunning => "root generation already in progress for this namespace",
            Self::NoGenerateRoot => "no root generation in progress",
            Self::OtpLength => "OTP string has incorrect length",
            Self::OtpAndPgp => "only one of \"otp\" and \"pgp_key\" must be specified",
            Self::RootPgp(flaw) => return write!(f, "error parsing PGP key: {flaw}"),
            Self::Broken(error) => return error.fmt(f),
        };
        f.write_str(text)
    }
}

impl fmt::Display for SchemeFlaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoShares => "shares must be at least one",
            Self::NoThreshold => "threshold must be at least one",
            Self::ThresholdOfOne => "threshold must be greater than one for multiple shares",
            Self::TooManyShares => "shares must be less than 256",
            Self::ThresholdOverShares => "threshold cannot be larger than shares",
            Self::StoredOverShares => "stored keys cannot be larger than shares",
            Self::PgpCount => "count mismatch between number of provided PGP keys and number of shares",
            Self::Pgp(flaw) => return flaw.fmt(f),
        })
    }
}

impl std::error::Error for CeremonyError {}

impl From<BarrierError> for CeremonyError {
    fn from(error: BarrierError) -> Self {
        Self::Broken(error)
    }
}

impl From<CeremonyError> for Fault {
    fn from(error: CeremonyError) -> Self {
        match error {
            CeremonyError::Broken(error) => error.into(),
            refused => Fault::bad_request(refused.to_string()),
        }
    }
}
