//! Batch tokens: the entry itself, sealed by the barrier, as the token's text.
use super::TokenEntry;
use crate::kernel::Kernel;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kw_store::{RowCipher, StoreError};
use kw_types::Fault;

/// Takes the place of a row's key in the authenticated data, so that no row of the store passes for a token.
const LABEL: &[u8] = b"batch token";

/// The text of a batch token.
pub(crate) fn seal(kernel: &Kernel, entry: &TokenEntry) -> Result<String, Fault> {
    let plain = serde_json::to_vec(entry).map_err(|e| Fault::internal(format_args!("token: {:?}", e.classify())))?;
    Ok(format!("b.{}", URL_SAFE_NO_PAD.encode(RowCipher::seal(&kernel.barrier, LABEL, &plain)?)))
}

/// The entry of a batch token, given without its `b.`; `None` if we did not make it.
pub(crate) fn open(kernel: &Kernel, sealed: &str) -> Result<Option<TokenEntry>, Fault> {
    let Ok(bytes) = URL_SAFE_NO_PAD.decode(sealed) else { return Ok(None) };
    match RowCipher::open(&kernel.barrier, LABEL, &bytes.into()) {
        Ok(plain) => Ok(serde_json::from_slice(&plain).ok()),
        Err(StoreError::Corrupt(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Whether this is the text of a batch token that we made, good or not.
pub(crate) fn is_ours(kernel: &Kernel, text: &str) -> Result<bool, Fault> {
    text.strip_prefix("b.").map_or(Ok(false), |sealed| Ok(open(kernel, sealed)?.is_some()))
}
