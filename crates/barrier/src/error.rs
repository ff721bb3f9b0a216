//! Why the barrier did not do it.
use kw_store::StoreError;
use kw_types::{Fault, FaultKind};
use std::fmt;

/// What can go wrong with keys and keyrings. No text holds a key or a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BarrierError {
    /// The barrier is sealed: there are no keys.
    Sealed,
    /// A sealed key or keyring does not open: a wrong key, or a row that was changed.
    WrongKey,
    /// A row opened but does not hold what it should; the text names the row.
    Malformed(&'static str),
    /// The active key has encrypted as much as it safely may; only a rotation helps.
    Exhausted,
    /// The cryptographic provider refused, which it never does with keys of the right length.
    Provider,
}

impl fmt::Display for BarrierError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sealed => f.write_str("Vault is sealed"),
            Self::WrongKey => f.write_str("a stored key does not open with the key at hand"),
            Self::Malformed(row) => write!(f, "the {row} row does not hold what it should"),
            Self::Exhausted => f.write_str("the encryption key is used up; rotate it with sys/rotate"),
            Self::Provider => f.write_str("the cryptographic provider refused"),
        }
    }
}

impl std::error::Error for BarrierError {}

impl From<BarrierError> for StoreError {
    fn from(error: BarrierError) -> Self {
        match error {
            BarrierError::Sealed | BarrierError::Exhausted => Self::Unavailable(error.to_string()),
            BarrierError::WrongKey | BarrierError::Malformed(_) | BarrierError::Provider => {
                Self::Corrupt(error.to_string())
            }
        }
    }
}

impl From<BarrierError> for Fault {
    fn from(error: BarrierError) -> Self {
        match error {
            BarrierError::Sealed => Fault::unavailable("Vault is sealed"),
            BarrierError::Exhausted => Fault::unavailable("the encryption key is used up; rotate it with sys/rotate"),
            BarrierError::WrongKey | BarrierError::Malformed(_) | BarrierError::Provider => {
                Fault::new(FaultKind::Internal, "internal error").because(error)
            }
        }
    }
}
