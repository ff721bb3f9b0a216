//! A token in a module: finding its key, and using it.
use super::{OaepHash, Pkcs11Mechanism, Pkcs11Options};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cryptoki::context::Pkcs11;
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::aead::GcmParams;
use cryptoki::mechanism::rsa::{PkcsMgfType, PkcsOaepParams, PkcsOaepSource};
use cryptoki::mechanism::{Mechanism, MechanismType};
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::slot::Slot;
use cryptoki::types::AuthPin;
use kw_barrier::UnsealKey;
use kw_barrier::seal::{SealError, WrappedKey};
use kw_types::{Rng, RngExt, Secret};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

const AAD: &[u8] = b"keywright pkcs11 seal";
const IV_LEN: usize = 12;
const TAG_BITS: u64 = 128;
const RSA_BITS: u64 = 3072;

/// Which token and key, and how to log in.
pub(super) struct Token {
    options: Pkcs11Options,
    rng: Arc<dyn Rng>,
}

/// Why a token did not do it.
#[derive(Debug)]
pub(super) enum Failure {
    WrongKey,
    PinRefused,
    Other(String),
}

/// The content of a wrapped key, as JSON.
#[derive(Serialize, Deserialize)]
struct Wrapped {
    mechanism: String,
    label: String,
    /// `CKA_ID` in hex.
    id: String,
    /// In base64; empty with RSA.
    iv: String,
    /// In base64.
    ciphertext: String,
}

/// A key on the token.
struct Found {
    handle: ObjectHandle,
    mechanism: Pkcs11Mechanism,
    label: String,
    id: Vec<u8>,
}

impl Token {
    pub fn new(options: Pkcs11Options, rng: Arc<dyn Rng>) -> Self {
        Self { options, rng }
    }

    pub fn encrypt(&self, context: &Pkcs11, key: &UnsealKey) -> Result<WrappedKey, Failure> {
        let session = self.log_in(context)?;
        let found = match self.encrypting_key(&session)? {
            Some(found) => found,
            None if self.options.generate_key => {
                self.generate(&session)?;
                self.encrypting_key(&session)?.ok_or_else(|| self.no_key())?
            }
            None => return Err(self.no_key()),
        };
        let mut iv: [u8; IV_LEN] = self.rng.bytes();
        let said = |e| failure("encrypting", &e);
        let (iv, ciphertext) = match found.mechanism {
            Pkcs11Mechanism::AesGcm => {
                let params = GcmParams::new(&mut iv, AAD, TAG_BITS.into()).map_err(said)?;
                let ciphertext =
                    session.encrypt(&Mechanism::AesGcm(params), found.handle, key.expose()).map_err(said)?;
                // Some modules choose the IV themselves and put it in the place of ours.
                (STANDARD.encode(iv), ciphertext)
            }
            Pkcs11Mechanism::RsaOaep => {
                let mechanism = self.oaep();
                (String::new(), session.encrypt(&mechanism, found.handle, key.expose()).map_err(said)?)
            }
        };
        let (label, id) = (found.label, hex::encode(found.id));
        let key_id = format!("{label}:{id}");
        let mechanism = word(found.mechanism).to_owned();
        let wrapped = Wrapped { mechanism, label, id, iv, ciphertext: STANDARD.encode(ciphertext) };
        let content = serde_json::to_vec(&wrapped).map_err(|e| Failure::Other(e.to_string()))?;
        Ok(WrappedKey { key_id, content })
    }

    pub fn decrypt(&self, context: &Pkcs11, wrapped: &WrappedKey) -> Result<UnsealKey, Failure> {
        let wrapped: Wrapped = serde_json::from_slice(&wrapped.content).map_err(|_| Failure::WrongKey)?;
        let bytes = |text: &str| STANDARD.decode(text).map_err(|_| Failure::WrongKey);
        let (mut iv, ciphertext) = (bytes(&wrapped.iv)?, bytes(&wrapped.ciphertext)?);
        let id = hex::decode(&wrapped.id).map_err(|_| Failure::WrongKey)?;
        let session = self.log_in(context)?;
        let aes = wrapped.mechanism == word(Pkcs11Mechanism::AesGcm);
        let class = if aes { ObjectClass::SECRET_KEY } else { ObjectClass::PRIVATE_KEY };
        let found = find(&session, class, &wrapped.label, Some(id.as_slice()).filter(|id| !id.is_empty()))?;
        let found = found.ok_or_else(|| {
            Failure::Other(format!(
                "the key {:?} with id {:?}, which encrypted the root key, is not on the token",
                wrapped.label, wrapped.id
            ))
        })?;
        let said = |e| failure("decrypting", &e);
        let plain = if aes {
            let params = GcmParams::new(&mut iv, AAD, TAG_BITS.into()).map_err(said)?;
            session.decrypt(&Mechanism::AesGcm(params), found.handle, &ciphertext).map_err(said)?
        } else {
            session.decrypt(&self.oaep(), found.handle, &ciphertext).map_err(said)?
        };
        UnsealKey::from_slice(Secret::new(plain).expose()).ok_or(Failure::WrongKey)
    }

    /// A session, which ends (and with the last one the login) when it is dropped.
    fn log_in(&self, context: &Pkcs11) -> Result<Session, Failure> {
        let slot = self.slot(context)?;
        let said = |e| failure("opening a session", &e);
        let session =
            if self.options.generate_key { context.open_rw_session(slot) } else { context.open_ro_session(slot) };
        let session = session.map_err(said)?;
        let pin = AuthPin::from(self.options.pin.expose().as_str());
        match session.login(UserType::User, Some(&pin)) {
            Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => Ok(session),
            Err(Error::Pkcs11(RvError::PinIncorrect | RvError::PinLocked | RvError::PinExpired, _)) => {
                Err(Failure::PinRefused)
            }
            Err(error) => Err(failure("logging in", &error)),
        }
    }

    fn slot(&self, context: &Pkcs11) -> Result<Slot, Failure> {
        let slots = context.get_slots_with_initialized_token().map_err(|e| failure("listing tokens", &e))?;
        for slot in slots {
            let number_fits = self.options.slot.is_none_or(|number| number == slot.id());
            let label_fits = match &self.options.token_label {
                None => true,
                Some(label) => context.get_token_info(slot).is_ok_and(|info| info.label().trim_end() == label),
            };
            if number_fits && label_fits {
                return Ok(slot);
            }
        }
        Err(Failure::Other("the module has no such token: see slot and token_label".to_owned()))
    }

    /// The key to encrypt with. Errors: when several fit.
    fn encrypting_key(&self, session: &Session) -> Result<Option<Found>, Failure> {
        let (label, id) = (self.options.key_label.as_str(), self.options.key_id.as_deref());
        let wanted = self.options.mechanism;
        if wanted != Some(Pkcs11Mechanism::RsaOaep)
            && let Some(found) = find(session, ObjectClass::SECRET_KEY, label, id)?
        {
            return Ok(Some(found));
        }
        if wanted == Some(Pkcs11Mechanism::AesGcm) {
            Ok(None)
        } else {
            find(session, ObjectClass::PUBLIC_KEY, label, id)
        }
    }

    fn generate(&self, session: &Session) -> Result<(), Failure> {
        let id = self.options.key_id.clone().unwrap_or_else(|| self.rng.bytes::<8>().to_vec());
        let named =
            [Attribute::Label(self.options.key_label.clone().into_bytes()), Attribute::Id(id), Attribute::Token(true)];
        let hidden = [
            Attribute::Private(true),
            Attribute::Sensitive(true),
            Attribute::Extractable(false),
            Attribute::Decrypt(true),
        ];
        let said = |e| failure("generating a key", &e);
        if self.options.mechanism == Some(Pkcs11Mechanism::RsaOaep) {
            let mut public = named.to_vec();
            public.extend([
                Attribute::Encrypt(true),
                Attribute::ModulusBits(RSA_BITS.into()),
                Attribute::PublicExponent(vec![1, 0, 1]),
            ]);
            let private: Vec<Attribute> = named.iter().chain(&hidden).cloned().collect();
            session.generate_key_pair(&Mechanism::RsaPkcsKeyPairGen, &public, &private).map_err(said)?;
        } else {
            let mut secret: Vec<Attribute> = named.iter().chain(&hidden).cloned().collect();
            secret.extend([Attribute::Encrypt(true), Attribute::ValueLen(32.into())]);
            session.generate_key(&Mechanism::AesKeyGen, &secret).map_err(said)?;
        }
        tracing::warn!(label = self.options.key_label, "a key was generated on the PKCS#11 token");
        Ok(())
    }

    fn oaep(&self) -> Mechanism<'static> {
        let (hash, mask) = match self.options.oaep_hash {
            OaepHash::Sha1 => (MechanismType::SHA1, PkcsMgfType::MGF1_SHA1),
            OaepHash::Sha224 => (MechanismType::SHA224, PkcsMgfType::MGF1_SHA224),
            OaepHash::Sha256 => (MechanismType::SHA256, PkcsMgfType::MGF1_SHA256),
            OaepHash::Sha384 => (MechanismType::SHA384, PkcsMgfType::MGF1_SHA384),
            OaepHash::Sha512 => (MechanismType::SHA512, PkcsMgfType::MGF1_SHA512),
        };
        Mechanism::RsaPkcsOaep(PkcsOaepParams::new(hash, mask, PkcsOaepSource::empty()))
    }

    fn no_key(&self) -> Failure {
        Failure::Other(format!(
            "the token has no key {:?} that fits: see key_label, key_id and mechanism, or set generate_key",
            self.options.key_label
        ))
    }
}

/// The one key of this class and name. Errors: when there are several.
fn find(session: &Session, class: ObjectClass, label: &str, id: Option<&[u8]>) -> Result<Option<Found>, Failure> {
    let said = |e| failure("finding the key", &e);
    let aes = class == ObjectClass::SECRET_KEY;
    let mut template = vec![Attribute::Class(class), Attribute::KeyType(if aes { KeyType::AES } else { KeyType::RSA })];
    if !label.is_empty() {
        template.push(Attribute::Label(label.as_bytes().to_vec()));
    }
    template.extend(id.map(|id| Attribute::Id(id.to_vec())));
    let found = session.find_objects(&template).map_err(said)?;
    let handle = match found.as_slice() {
        [] => return Ok(None),
        [one] => *one,
        _ => return Err(Failure::Other(format!("the token has several keys {label:?}: say which with key_id"))),
    };
    let (mut label, mut id) = (label.to_owned(), Vec::new());
    for attribute in session.get_attributes(handle, &[AttributeType::Label, AttributeType::Id]).map_err(said)? {
        match attribute {
            Attribute::Label(bytes) => label = String::from_utf8_lossy(&bytes).into_owned(),
            Attribute::Id(bytes) => id = bytes,
            _ => {}
        }
    }
    let mechanism = if aes { Pkcs11Mechanism::AesGcm } else { Pkcs11Mechanism::RsaOaep };
    Ok(Some(Found { handle, mechanism, label, id }))
}

fn word(mechanism: Pkcs11Mechanism) -> &'static str {
    match mechanism {
        Pkcs11Mechanism::AesGcm => "aes-gcm",
        Pkcs11Mechanism::RsaOaep => "rsa-oaep",
    }
}

fn failure(doing: &str, error: &Error) -> Failure {
    match error {
        Error::Pkcs11(RvError::EncryptedDataInvalid | RvError::EncryptedDataLenRange, _) => Failure::WrongKey,
        other => Failure::Other(format!("{doing}: {other}")),
    }
}

impl From<Failure> for SealError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::WrongKey => Self::WrongKey,
            Failure::PinRefused => Self::Service("the module refused the PIN, or has locked it".to_owned()),
            Failure::Other(why) => Self::Service(format!("the PKCS#11 module: {why}")),
        }
    }
}
