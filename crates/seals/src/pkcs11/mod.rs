//! The seal whose key is in a hardware module, spoken to through the library of its maker (PKCS#11, OASIS).
//!
//! Two mechanisms: AES-GCM with a secret key, and RSA-OAEP with a key pair. With RSA, whoever knows the public key can encrypt
//! for the module too, so the module vouches for secrecy alone; with AES for origin as well. The key never leaves the module,
//! and each wrapped key says which one it was, so a module may hold older keys beside the one in use.
mod module;
#[cfg(test)]
mod tests;
mod token;

use self::module::Module;
use self::token::Token;
use futures_util::future::BoxFuture;
use kw_barrier::UnsealKey;
use kw_barrier::seal::{Seal, SealError, WrappedKey};
use kw_types::{Rng, Secret};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Which module, token and key.
#[derive(Clone, Debug)]
pub struct Pkcs11Options {
    /// The maker's library.
    pub lib: PathBuf,
    /// The number of the slot. Without it, the token is found by its label.
    pub slot: Option<u64>,
    pub token_label: Option<String>,
    pub pin: Secret<String>,
    /// The label of the key; of both keys of a pair.
    pub key_label: String,
    /// The identifier (`CKA_ID`) of the key, where several have the label.
    pub key_id: Option<Vec<u8>>,
    /// `None`: by the kind of key that is found.
    pub mechanism: Option<Pkcs11Mechanism>,
    /// Of RSA-OAEP.
    pub oaep_hash: OaepHash,
    /// Makes a key of the label where there is none.
    pub generate_key: bool,
    /// How long a call may take; the module may hang, the server does not.
    pub time_max: Duration,
}

/// How the module encrypts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pkcs11Mechanism {
    /// `CKM_AES_GCM`, 0x1087.
    AesGcm,
    /// `CKM_RSA_PKCS_OAEP`, 0x9.
    RsaOaep,
}

/// The hash of RSA-OAEP, and of its mask generation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OaepHash {
    /// For modules that know no other; here its weakness is of no use to anybody.
    Sha1,
    Sha224,
    #[default]
    Sha256,
    Sha384,
    Sha512,
}

impl Pkcs11Mechanism {
    /// From a name (`CKM_AES_GCM`, `AES_GCM`, `CKM_RSA_PKCS_OAEP`, `RSA_PKCS_OAEP`) or number (`0x1087`, `9`).
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim().to_ascii_uppercase();
        let number = match text.strip_prefix("0X") {
            Some(hex) => u64::from_str_radix(hex, 16).ok(),
            None => text.parse().ok(),
        };
        match (text.trim_start_matches("CKM_"), number) {
            ("AES_GCM" | "AES-GCM", _) | (_, Some(0x1087)) => Some(Self::AesGcm),
            ("RSA_PKCS_OAEP" | "RSA_OAEP" | "RSA-OAEP", _) | (_, Some(0x9)) => Some(Self::RsaOaep),
            _ => None,
        }
    }
}

impl OaepHash {
    /// From `sha1`, `sha224`, `sha256`, `sha384`, `sha512`.
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text.trim().to_ascii_lowercase().as_str() {
            "sha1" => Self::Sha1,
            "sha224" => Self::Sha224,
            "sha256" => Self::Sha256,
            "sha384" => Self::Sha384,
            "sha512" => Self::Sha512,
            _ => return None,
        })
    }
}

/// A key in a hardware module.
pub struct Pkcs11 {
    module: Module,
    token: Arc<Token>,
    time_max: Duration,
    /// The module refused the PIN. It locks the PIN after a few such tries, so there is no other one.
    pin_refused: Arc<AtomicBool>,
}

impl Pkcs11 {
    /// Loads nothing and asks nothing yet: a module that is away at the start may come back.
    ///
    /// Errors: options that do not go together; a thread that could not be made.
    pub fn new(options: Pkcs11Options, rng: Arc<dyn Rng>) -> Result<Self, String> {
        if options.slot.is_none() && options.token_label.is_none() {
            return Err("a pkcs11 seal needs slot or token_label".to_owned());
        }
        if options.key_label.is_empty() && options.key_id.is_none() {
            return Err("a pkcs11 seal needs key_label or key_id".to_owned());
        }
        if options.generate_key && options.key_label.is_empty() {
            return Err("a pkcs11 seal with generate_key needs key_label".to_owned());
        }
        let (module, time_max) = (Module::of(&options.lib)?, options.time_max);
        Ok(Self { module, token: Arc::new(Token::new(options, rng)), time_max, pin_refused: Arc::default() })
    }

    /// Runs `work` on the module's thread.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Token, &cryptoki::context::Pkcs11) -> Result<T, token::Failure> + Send + 'static,
    ) -> Result<T, SealError> {
        if self.pin_refused.load(Ordering::SeqCst) {
            return Err(SealError::Service(
                "the module refused the PIN; it is not tried again before the server is started anew, so that the module does not lock it"
                    .to_owned(),
            ));
        }
        let (token, refused) = (self.token.clone(), self.pin_refused.clone());
        let job = move |context: &cryptoki::context::Pkcs11| {
            let done = work(&token, context);
            if matches!(done, Err(token::Failure::PinRefused)) {
                refused.store(true, Ordering::SeqCst);
            }
            done
        };
        self.module.run(self.time_max, job).await
    }
}

impl Seal for Pkcs11 {
    fn kind(&self) -> &'static str {
        "pkcs11"
    }

    fn wrap<'a>(&'a self, key: &'a UnsealKey) -> BoxFuture<'a, Result<WrappedKey, SealError>> {
        let key = key.clone();
        Box::pin(self.run(move |token, context| token.encrypt(context, &key)))
    }

    fn unwrap<'a>(&'a self, wrapped: &'a WrappedKey) -> BoxFuture<'a, Result<UnsealKey, SealError>> {
        let wrapped = wrapped.clone();
        Box::pin(self.run(move |token, context| token.decrypt(context, &wrapped)))
    }
}
