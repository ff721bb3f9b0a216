//! The seal whose key stands in a file or in the environment.
//!
//! It protects the store from whoever has the store alone: keep the key on another disk, or have it brought by what starts the
//! server. Rotation: the former key becomes `previous`, and a new one with another id `current`; the root key is then encrypted
//! anew by itself.
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use futures_util::future::{BoxFuture, ready};
use kw_barrier::seal::{Seal, SealError, WrappedKey};
use kw_barrier::{KEY_LEN, UnsealKey};
use kw_types::{Rng, RngExt, Secret};
use std::path::Path;
use std::sync::Arc;
use zeroize::Zeroize;

#[cfg(test)]
mod tests;

/// What a static seal is made from; ids tell keys apart and are no secret.
#[derive(Clone, Debug)]
pub struct StaticKeyOptions {
    pub current_key_id: String,
    pub current_key: Secret<Vec<u8>>,
    /// The id and the key that were current before.
    pub previous: Option<(String, Secret<Vec<u8>>)>,
}

impl StaticKeyOptions {
    /// A key of [`KEY_LEN`] bytes from a setting: `file://PATH`, `env://NAME`, or the key itself; in hex, in base64, or (from a
    /// file) as it is.
    ///
    /// Errors: what is wrong, without the value.
    pub fn read_key(setting: &str, env: impl Fn(&str) -> Option<String>) -> Result<Secret<Vec<u8>>, String> {
        if let Some(path) = setting.strip_prefix("file://") {
            let content = std::fs::read(Path::new(path)).map_err(|e| format!("the key file {path}: {e}"))?;
            let content = Secret::new(content);
            let wrong =
                || format!("the key file {path} does not hold a key of {KEY_LEN} bytes, as it is or in hex or base64");
            return of_bytes(content.expose()).ok_or_else(wrong);
        }
        if let Some(name) = setting.strip_prefix("env://") {
            let text = Secret::new(env(name).ok_or_else(|| format!("the environment variable {name} is not set"))?);
            let wrong =
                || format!("the environment variable {name} does not hold a key of {KEY_LEN} bytes in hex or base64");
            return of_text(text.expose()).ok_or_else(wrong);
        }
        of_text(setting).ok_or_else(|| {
            format!("the key must be {KEY_LEN} bytes in hex or base64, or be named as file://PATH or env://NAME")
        })
    }
}

/// A key of the server's own.
pub struct StaticKey {
    current: NamedKey,
    previous: Option<NamedKey>,
    rng: Arc<dyn Rng>,
}

struct NamedKey {
    id: String,
    key: LessSafeKey,
}

impl StaticKey {
    /// Errors: a key of a wrong length, an id that is missing or the same twice.
    pub fn new(options: StaticKeyOptions, rng: Arc<dyn Rng>) -> Result<Self, String> {
        let current = NamedKey::new(options.current_key_id, &options.current_key)?;
        let previous = options.previous.map(|(id, key)| NamedKey::new(id, &key)).transpose()?;
        if previous.as_ref().is_some_and(|previous| previous.id == current.id) {
            return Err(
                "current_key_id and previous_key_id must differ: the id tells which key encrypted what".to_owned()
            );
        }
        Ok(Self { current, previous, rng })
    }

    fn seal(&self, key: &UnsealKey) -> Result<WrappedKey, SealError> {
        let nonce: [u8; NONCE_LEN] = self.rng.bytes();
        let mut content = nonce.to_vec();
        let mut body = key.expose().to_vec();
        let sealed = self.current.key.seal_in_place_append_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(aad(&self.current.id)),
            &mut body,
        );
        if sealed.is_err() {
            body.zeroize();
            return Err(SealError::Service("the cryptographic provider refused".to_owned()));
        }
        content.append(&mut body);
        Ok(WrappedKey { key_id: self.current.id.clone(), content })
    }

    fn open(&self, wrapped: &WrappedKey) -> Result<UnsealKey, SealError> {
        let named = std::iter::once(&self.current).chain(&self.previous).find(|named| named.id == wrapped.key_id);
        let named = named.ok_or_else(|| {
            SealError::Service(format!("the key {:?}, which encrypted the root key, is not configured", wrapped.key_id))
        })?;
        let (nonce, body) = wrapped.content.split_first_chunk::<NONCE_LEN>().ok_or(SealError::WrongKey)?;
        let mut body = body.to_vec();
        let plain = named
            .key
            .open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::from(aad(&named.id)), &mut body)
            .map_err(|_| SealError::WrongKey)?;
        let key = UnsealKey::from_slice(plain).ok_or(SealError::WrongKey);
        body.zeroize();
        key
    }
}

impl Seal for StaticKey {
    fn kind(&self) -> &'static str {
        "static"
    }

    fn wrap<'a>(&'a self, key: &'a UnsealKey) -> BoxFuture<'a, Result<WrappedKey, SealError>> {
        Box::pin(ready(self.seal(key)))
    }

    fn unwrap<'a>(&'a self, wrapped: &'a WrappedKey) -> BoxFuture<'a, Result<UnsealKey, SealError>> {
        Box::pin(ready(self.open(wrapped)))
    }
}

impl NamedKey {
    fn new(id: String, key: &Secret<Vec<u8>>) -> Result<Self, String> {
        if id.is_empty() {
            return Err("a static key needs an id: current_key_id, and previous_key_id for the former key".to_owned());
        }
        let key =
            UnboundKey::new(&AES_256_GCM, key.expose()).map_err(|_| format!("a key must have {KEY_LEN} bytes"))?;
        Ok(Self { id, key: LessSafeKey::new(key) })
    }
}

fn aad(id: &str) -> Vec<u8> {
    [b"keywright static seal ".as_slice(), id.as_bytes()].concat()
}

fn of_bytes(content: &[u8]) -> Option<Secret<Vec<u8>>> {
    if content.len() == KEY_LEN {
        return Some(Secret::new(content.to_vec()));
    }
    std::str::from_utf8(content).ok().and_then(of_text)
}

fn of_text(text: &str) -> Option<Secret<Vec<u8>>> {
    let text = text.trim();
    let decoded = hex::decode(text).ok().filter(|key| key.len() == KEY_LEN);
    let engines = [&STANDARD, &STANDARD_NO_PAD, &URL_SAFE, &URL_SAFE_NO_PAD];
    let mut in_base64 = engines.iter().filter_map(|engine| engine.decode(text).ok());
    decoded.or_else(|| in_base64.find(|key| key.len() == KEY_LEN)).map(Secret::new)
}
