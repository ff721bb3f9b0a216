//! The seal whose key people hold in shares.
use super::{Seal, SealError};
use crate::derive::{RootKey, UnsealKey};
use crate::envelope::{open_under, seal_under};
use crate::error::BarrierError;
use bytes::Bytes;
use futures_util::future::{BoxFuture, ready};
use kw_types::Rng;
use std::sync::Arc;

/// The word for this seal.
pub const SHAMIR: &str = "shamir";

const LABEL: &str = "root key";

/// Exists only while the unseal key is at hand: during initialisation, unsealing and rekeying.
pub struct ShamirSeal {
    key: UnsealKey,
    rng: Arc<dyn Rng>,
}

impl ShamirSeal {
    pub fn new(key: UnsealKey, rng: Arc<dyn Rng>) -> Self {
        Self { key, rng }
    }
}

impl Seal for ShamirSeal {
    fn kind(&self) -> &'static str {
        SHAMIR
    }

    fn wrap_root<'a>(&'a self, root: &'a RootKey) -> BoxFuture<'a, Result<Bytes, SealError>> {
        let wrapped = wrap(&self.key, root, &*self.rng).map_err(|e| SealError::Service(e.to_string()));
        Box::pin(ready(wrapped.map(Bytes::from)))
    }

    fn unwrap_root<'a>(&'a self, wrapped: &'a [u8]) -> BoxFuture<'a, Result<RootKey, SealError>> {
        Box::pin(ready(unwrap(&self.key, wrapped).map_err(|_| SealError::WrongKey)))
    }
}

/// What [`ShamirSeal`] does, for the ceremonies, which have the key at hand and nothing to wait for.
pub(crate) fn wrap(key: &UnsealKey, root: &RootKey, rng: &dyn Rng) -> Result<Vec<u8>, BarrierError> {
    seal_under(key.expose(), LABEL, root.expose(), rng)
}

/// The other way. That it opens proves that the unseal key is the right one.
pub(crate) fn unwrap(key: &UnsealKey, wrapped: &[u8]) -> Result<RootKey, BarrierError> {
    let root = open_under(key.expose(), LABEL, wrapped)?;
    RootKey::from_slice(root.expose()).ok_or(BarrierError::Malformed("root key"))
}
