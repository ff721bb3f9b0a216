//! A new root token, by the word of enough share holders.
use super::CeremonyError;
use super::collect::{Collector, KeyShare, check_nonce};
use crate::barrier::Barrier;
use crate::pgp::PgpKey;
use crate::seal::ShareLock;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use kw_types::{Rng, RngExt, Secret, Time};

const OPERATION: &str = "root generation";

/// The shortest one-time password in bytes. Programs bring those of 26 and 28 bytes, the lengths of other servers' tokens.
const OTP_LEN_MIN: usize = 26;

/// At most one attempt at a time.
#[derive(Debug, Default)]
pub struct GenerateRoot {
    attempt: Option<Attempt>,
}

#[derive(Debug)]
struct Attempt {
    nonce: String,
    hide: Hide,
    collected: Collector,
}

/// How the token is hidden from whoever gives the last share.
#[derive(Clone, Debug)]
enum Hide {
    Otp(Secret<String>),
    Pgp(Box<PgpKey>),
}

/// What `sys/generate-root/attempt` shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GenerateRootStatus {
    pub started: bool,
    pub nonce: String,
    pub progress: usize,
    pub required: u8,
    pub pgp_fingerprint: String,
}

/// Leave to make one root token; drop it and none is made.
#[derive(Debug)]
pub struct RootGrant {
    /// Of the attempt, for the answer.
    pub nonce: String,
    /// How many shares it took, for the answer.
    pub required: u8,
    hide: Hide,
}

impl GenerateRoot {
    /// Begins. With neither `otp` nor `pgp_key` given, makes a one-time password and returns it: the only time that it is
    /// shown. `token_len` is the usual length of root tokens in bytes. A one-time password that is given may be down to
    /// [`OTP_LEN_MIN`] bytes long; the token then has its length ([`RootGrant::token_len`]).
    pub fn start(
        &mut self,
        otp: &str,
        pgp_key: &str,
        token_len: usize,
        rng: &dyn Rng,
        now: Time,
    ) -> Result<Option<Secret<String>>, CeremonyError> {
        let mut made = None;
        let hide = match (otp, pgp_key) {
            ("", "") => {
                let otp = Secret::new(rng.base62(token_len));
                made = Some(otp.clone());
                Hide::Otp(otp)
            }
            (otp, "") if !(OTP_LEN_MIN..=token_len).contains(&otp.len()) => return Err(CeremonyError::OtpLength),
            (otp, "") => Hide::Otp(Secret::new(otp.to_owned())),
            ("", key) => Hide::Pgp(Box::new(PgpKey::parse(key, now).map_err(CeremonyError::RootPgp)?)),
            _ => return Err(CeremonyError::OtpAndPgp),
        };
        if self.attempt.is_some() {
            return Err(CeremonyError::GenerateRootRunning);
        }
        self.attempt = Some(Attempt { nonce: rng.uuid(), hide, collected: Collector::default() });
        Ok(made)
    }

    /// `required` is the seal's threshold.
    pub fn status(&self, required: u8) -> GenerateRootStatus {
        let attempt = self.attempt.as_ref();
        let fingerprint = attempt.and_then(|a| match &a.hide {
            Hide::Pgp(key) => Some(key.fingerprint().to_owned()),
            Hide::Otp(_) => None,
        });
        GenerateRootStatus {
            started: attempt.is_some(),
            nonce: attempt.map(|a| a.nonce.clone()).unwrap_or_default(),
            progress: attempt.map_or(0, |a| a.collected.progress()),
            required,
            pgp_fingerprint: fingerprint.unwrap_or_default(),
        }
    }

    /// Takes a share; with the last one needed the attempt is over and the grant is given.
    ///
    /// Errors: [`CeremonyError::WrongShares`] when the shares do not open what the open barrier knows; the attempt goes on from
    /// zero.
    pub fn update(
        &mut self,
        share: &KeyShare,
        nonce: &str,
        lock: &ShareLock,
        barrier: &Barrier,
    ) -> Result<Option<RootGrant>, CeremonyError> {
        let attempt = self.attempt.as_mut().ok_or(CeremonyError::NoGenerateRoot)?;
        check_nonce(nonce, &attempt.nonce, OPERATION)?;
        if !attempt.collected.offer(share) {
            return Err(CeremonyError::GivenAlready("generation"));
        }
        let Some((_, opened)) = attempt.collected.complete_lock(lock)? else { return Ok(None) };
        if !barrier.vouches_for(&opened) {
            return Err(CeremonyError::WrongShares);
        }
        let required = lock.config().secret_threshold;
        Ok(self.attempt.take().map(|done| RootGrant { nonce: done.nonce, required, hide: done.hide }))
    }

    /// Ends the attempt, if there is one.
    pub fn cancel(&mut self) {
        self.attempt = None;
    }
}

impl RootGrant {
    /// The length in bytes that the token must have, where a one-time password says so.
    pub fn token_len(&self) -> Option<usize> {
        match &self.hide {
            Hide::Otp(otp) => Some(otp.expose().len()),
            Hide::Pgp(_) => None,
        }
    }

    /// The fingerprint of the key that the token is encrypted to; empty with a one-time password.
    pub fn pgp_fingerprint(&self) -> &str {
        match &self.hide {
            Hide::Pgp(key) => key.fingerprint(),
            Hide::Otp(_) => "",
        }
    }

    /// The token as it is answered: XOR with the one-time password in base64 without padding, or the base64 of a message.
    pub fn encode(self, token: &Secret<String>, rng: &dyn Rng) -> Result<Secret<String>, CeremonyError> {
        match &self.hide {
            Hide::Pgp(key) => {
                let message = key.encrypt(token.expose().as_bytes(), rng).map_err(CeremonyError::RootPgp)?;
                Ok(Secret::new(STANDARD.encode(message)))
            }
            Hide::Otp(otp) if otp.expose().len() == token.expose().len() => {
                let bytes = token.expose().bytes().zip(otp.expose().bytes()).map(|(t, o)| t ^ o);
                let hidden = Secret::new(bytes.collect::<Vec<u8>>());
                Ok(Secret::new(STANDARD_NO_PAD.encode(hidden.expose())))
            }
            Hide::Otp(_) => Err(CeremonyError::OtpLength),
        }
    }
}
