//! The seam between rows and keys: what encrypts a row.
use crate::StoreError;
use bytes::Bytes;

/// Seals and opens the values of rows. The key is authenticated with the value, so a row moved to another key does not open.
pub trait RowCipher: Send + Sync {
    /// Errors: [`StoreError::Unavailable`] while sealed.
    fn seal(&self, key: &[u8], plain: &[u8]) -> Result<Bytes, StoreError>;
    /// Errors: [`StoreError::Corrupt`] when it does not check, [`StoreError::Unavailable`] while sealed.
    fn open(&self, key: &[u8], sealed: &Bytes) -> Result<Bytes, StoreError>;
}

/// No encryption: for the few rows that are read before the seal is open, and whose content is public or encrypted already.
#[derive(Clone, Copy, Debug, Default)]
pub struct Clear;

impl RowCipher for Clear {
    fn seal(&self, _key: &[u8], plain: &[u8]) -> Result<Bytes, StoreError> {
        Ok(Bytes::copy_from_slice(plain))
    }

    fn open(&self, _key: &[u8], sealed: &Bytes) -> Result<Bytes, StoreError> {
        Ok(sealed.clone())
    }
}
