//! Passwords: how they are kept and compared.
//!
//! New ones are hashed by Argon2id (RFC 9106) with the first parameters that OWASP recommends: 19 MiB, two passes, one lane.
//! bcrypt hashes can be brought along; the first login with the password turns one into Argon2id.
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use kw_engine::{Cx, Fault, RngExt, Secret};
use serde::{Deserialize, Serialize};

const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// The costs that an imported bcrypt hash may have: less can be guessed, more would let one login take seconds.
const BCRYPT_COSTS: std::ops::RangeInclusive<u32> = 5..=12;

/// bcrypt looks at no more bytes than this.
const BCRYPT_LEN_MAX: usize = 71;

/// What the store keeps of a password: a PHC string, or bcrypt's form.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Hash(Secret<String>);

impl Hash {
    /// Hashes a password. Takes tens of milliseconds, off the request's thread.
    pub async fn make(cx: &Cx<'_>, password: &Secret<String>) -> Result<Self, Fault> {
        let (password, salt) = (password.clone(), cx.rng().bytes::<16>());
        cx.slow(move || {
            let hash = argon2()?.hash_password_with_salt(password.expose().as_bytes(), &salt);
            hash.map(|hash| Self(Secret::new(hash.to_string()))).map_err(Fault::internal)
        })
        .await?
    }

    /// Takes a bcrypt hash over. Errors: 400 for any other text, and for a cost below 5 or above 12.
    pub fn import(hash: &Secret<String>) -> Result<Self, Fault> {
        let parts: bcrypt::HashParts =
            hash.expose().parse().map_err(|_| Fault::bad_request("password_hash is not a valid bcrypt hash"))?;
        if !BCRYPT_COSTS.contains(&parts.get_cost()) {
            return Err(Fault::bad_request("the bcrypt cost of password_hash must be 5 to 12"));
        }
        Ok(Self(hash.clone()))
    }

    /// Whether this is the hash of the password. With `None` for a hash it takes the same time and says no.
    pub async fn matches(hash: Option<&Self>, cx: &Cx<'_>, password: &Secret<String>) -> Result<bool, Fault> {
        let (hash, password) = (hash.cloned(), password.clone());
        cx.slow(move || match hash {
            Some(hash) if hash.is_bcrypt() => Ok(bcrypt::verify(password.expose(), hash.0.expose()).unwrap_or(false)),
            Some(hash) => {
                let hash = PasswordHash::new(hash.0.expose()).map_err(Fault::internal)?;
                Ok(argon2()?.verify_password(password.expose().as_bytes(), &hash).is_ok())
            }
            None => {
                let work = argon2()?.hash_password_with_salt(password.expose().as_bytes(), &[0; 16]);
                work.map(|_| false).map_err(Fault::internal)
            }
        })
        .await?
    }

    /// The hash that should take this one's place, now that the password is known to be right.
    ///
    /// Not for a password that bcrypt did not look at as a whole: its tail was never proven.
    pub async fn renewed(&self, cx: &Cx<'_>, password: &Secret<String>) -> Result<Option<Self>, Fault> {
        if self.is_bcrypt() && password.expose().len() <= BCRYPT_LEN_MAX {
            return Self::make(cx, password).await.map(Some);
        }
        Ok(None)
    }

    fn is_bcrypt(&self) -> bool {
        self.0.expose().starts_with("$2")
    }
}

fn argon2() -> Result<Argon2<'static>, Fault> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(Fault::internal)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}
