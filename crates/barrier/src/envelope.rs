//! Small sealed boxes for keys and keyrings: one byte of format version, 12 bytes of nonce, ciphertext and tag.
use crate::derive::{KEY_LEN, derive};
use crate::error::BarrierError;
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use kw_types::{Rng, RngExt, Secret};

const FORMAT: u8 = 1;

/// Encrypts under what HKDF derives from `key` for `label`; the label is authenticated too, so that no box passes for another.
pub(crate) fn seal_under(
    key: &[u8; KEY_LEN],
    label: &str,
    plain: &[u8],
    rng: &dyn Rng,
) -> Result<Vec<u8>, BarrierError> {
    let nonce: [u8; NONCE_LEN] = rng.bytes();
    let mut body = plain.to_vec();
    gcm_key(derive(key, &[b"box ", label.as_bytes()])?.expose())?
        .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(label), &mut body)
        .map_err(|_| BarrierError::Provider)?;
    let mut out = Vec::with_capacity(1 + NONCE_LEN + body.len());
    out.push(FORMAT);
    out.extend_from_slice(&nonce);
    out.append(&mut body);
    Ok(out)
}

/// Errors: [`BarrierError::WrongKey`] when it does not check under this key and label.
pub(crate) fn open_under(key: &[u8; KEY_LEN], label: &str, sealed: &[u8]) -> Result<Secret<Vec<u8>>, BarrierError> {
    let (version, rest) = sealed.split_first().ok_or(BarrierError::WrongKey)?;
    let (nonce, body) = rest.split_first_chunk::<NONCE_LEN>().ok_or(BarrierError::WrongKey)?;
    if *version != FORMAT {
        return Err(BarrierError::WrongKey);
    }
    let mut body = body.to_vec();
    let plain_len = gcm_key(derive(key, &[b"box ", label.as_bytes()])?.expose())?
        .open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::from(label), &mut body)
        .map_err(|_| BarrierError::WrongKey)?
        .len();
    body.truncate(plain_len);
    Ok(Secret::new(body))
}

/// A ready AES-256-GCM key.
pub(crate) fn gcm_key(key: &[u8; KEY_LEN]) -> Result<LessSafeKey, BarrierError> {
    UnboundKey::new(&AES_256_GCM, key).map(LessSafeKey::new).map_err(|_| BarrierError::Provider)
}
