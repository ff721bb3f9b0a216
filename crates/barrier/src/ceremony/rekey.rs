//! New shares of a new unseal key, by the word of enough holders of the old ones.
use super::CeremonyError;
use super::collect::{Collector, KeyShare, check_nonce};
use super::scheme::{IssuedShares, Scheme};
use crate::barrier::{Barrier, KeyringChange};
use crate::derive::UnsealKey;
use crate::error::BarrierError;
use crate::seal::{
    BACKUP_ROW, Backup, CONFIG_ROW, HANDOVER_ROW, KEYRING_ROW, PROOF_SUBKEY, RECOVERY_BACKUP_ROW, RECOVERY_CONFIG_ROW,
    RECOVERY_KEY_ROW, ROOT_KEY_ROW, RecoveryRow, Rows, SealConfig, ShareLock, wrap,
};
use kw_types::{Rng, RngExt, Time};

/// At most one rekeying at a time.
#[derive(Debug, Default)]
pub struct Rekey {
    running: Option<Running>,
}

#[derive(Debug)]
struct Running {
    nonce: String,
    scheme: Scheme,
    backup: bool,
    require_verification: bool,
    collected: Collector,
    /// The new key, until its holders have shown that they have it.
    unverified: Option<Unverified>,
}

#[derive(Debug)]
struct Unverified {
    nonce: String,
    new: NewUnsealKey,
    collected: Collector,
}

/// The parameters of `sys/rekey/init`.
#[derive(Clone, Debug, Default)]
pub struct RekeyRequest {
    pub secret_shares: i64,
    pub secret_threshold: i64,
    pub pgp_keys: Vec<String>,
    /// Keep the encrypted shares in the store; needs PGP keys.
    pub backup: bool,
    pub require_verification: bool,
}

/// What `sys/rekey/init` shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RekeyStatus {
    pub started: bool,
    pub nonce: String,
    pub t: u8,
    pub n: u8,
    pub progress: usize,
    pub required: u8,
    pub pgp_fingerprints: Vec<String>,
    pub backup: bool,
    pub verification_required: bool,
    /// Empty until the old shares are complete.
    pub verification_nonce: String,
}

/// What `sys/rekey/verify` shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifyStatus {
    pub started: bool,
    pub nonce: String,
    pub t: u8,
    pub n: u8,
    pub progress: usize,
}

/// The answer that holds the new shares.
#[derive(Clone, Debug)]
pub struct RekeyAnswer {
    pub nonce: String,
    pub shares: IssuedShares,
    pub backup: bool,
    pub verification_required: bool,
    /// Empty where no verification was asked for.
    pub verification_nonce: String,
}

/// A new unseal key that is not in force: see [`NewUnsealKey::rows`].
#[derive(Clone, Debug)]
pub struct NewUnsealKey {
    key: UnsealKey,
    config: SealConfig,
    backup: Option<Backup>,
}

/// What a share for `sys/rekey/update` led to.
#[derive(Debug)]
pub enum RekeyStep {
    /// More are needed.
    Progress,
    /// The new shares are handed out, and the old ones stay in force until [`Rekey::verify`].
    Verify(RekeyAnswer),
    /// Commit the new key, then answer.
    Replace(RekeyAnswer, Box<NewUnsealKey>),
}

/// What a share for `sys/rekey/verify` led to.
#[derive(Debug)]
pub enum VerifyStep {
    /// More are needed.
    Progress,
    /// Commit the new key, then answer with this nonce.
    Replace { nonce: String, new: Box<NewUnsealKey> },
}

impl Rekey {
    /// Begins.
    pub fn start(&mut self, request: &RekeyRequest, rng: &dyn Rng, now: Time) -> Result<(), CeremonyError> {
        if request.backup && request.pgp_keys.is_empty() {
            return Err(CeremonyError::BackupWithoutPgp);
        }
        let scheme = Scheme::check(request.secret_shares, request.secret_threshold, &request.pgp_keys, now)
            .map_err(CeremonyError::BadRekeyScheme)?;
        if self.running.is_some() {
            return Err(CeremonyError::RekeyRunning);
        }
        self.running = Some(Running {
            nonce: rng.uuid(),
            scheme,
            backup: request.backup,
            require_verification: request.require_verification,
            collected: Collector::default(),
            unverified: None,
        });
        Ok(())
    }

    /// `required` is the threshold of the shares in force.
    pub fn status(&self, required: u8) -> RekeyStatus {
        let Some(running) = &self.running else { return RekeyStatus { required, ..RekeyStatus::default() } };
        RekeyStatus {
            started: true,
            nonce: running.nonce.clone(),
            t: running.scheme.threshold,
            n: running.scheme.shares,
            progress: running.collected.progress(),
            required,
            pgp_fingerprints: running.scheme.fingerprints(),
            backup: running.backup,
            verification_required: running.require_verification,
            verification_nonce: running.unverified.as_ref().map(|u| u.nonce.clone()).unwrap_or_default(),
        }
    }

    /// Takes a share of the old key.
    ///
    /// Errors: [`CeremonyError::WrongShares`] when the shares do not open what the open barrier knows; the rekeying goes on from
    /// zero.
    pub fn update(
        &mut self,
        share: &KeyShare,
        nonce: &str,
        lock: &ShareLock,
        barrier: &Barrier,
        rng: &dyn Rng,
    ) -> Result<RekeyStep, CeremonyError> {
        let running = self.running.as_mut().ok_or(CeremonyError::NoRekey)?;
        check_nonce(nonce, &running.nonce, "rekey")?;
        if running.unverified.is_some() {
            return Err(CeremonyError::RekeyRunning);
        }
        if !running.collected.offer(share) {
            return Err(CeremonyError::GivenAlready("rekey"));
        }
        let Some((_, opened)) = running.collected.complete_lock(lock)? else { return Ok(RekeyStep::Progress) };
        if !barrier.vouches_for(&opened) {
            return Err(CeremonyError::WrongShares);
        }
        let (mut answer, new) = running.issue(rng)?;
        if running.require_verification {
            answer.verification_nonce = rng.uuid();
            let nonce = answer.verification_nonce.clone();
            running.unverified = Some(Unverified { nonce, new, collected: Collector::default() });
            return Ok(RekeyStep::Verify(answer));
        }
        self.running = None;
        Ok(RekeyStep::Replace(answer, Box::new(new)))
    }

    /// Ends the rekeying, if there is one; new shares that were handed out are worth nothing then.
    pub fn cancel(&mut self) {
        self.running = None;
    }

    /// Errors: [`CeremonyError::NoRekeyConfiguration`] without a rekeying.
    pub fn verify_status(&self) -> Result<VerifyStatus, CeremonyError> {
        let running = self.running.as_ref().ok_or(CeremonyError::NoRekeyConfiguration)?;
        let unverified = running.unverified.as_ref();
        Ok(VerifyStatus {
            started: unverified.is_some(),
            nonce: unverified.map(|u| u.nonce.clone()).unwrap_or_default(),
            t: running.scheme.threshold,
            n: running.scheme.shares,
            progress: unverified.map_or(0, |u| u.collected.progress()),
        })
    }

    /// Takes a share of the new key. Errors: [`CeremonyError::WrongShares`] when they do not make the new key; the
    /// verification goes on from zero.
    pub fn verify(&mut self, share: &KeyShare, nonce: &str) -> Result<VerifyStep, CeremonyError> {
        let running = self.running.as_mut().ok_or(CeremonyError::NoRekeyConfiguration)?;
        let threshold = running.scheme.threshold;
        let unverified = running.unverified.as_mut().ok_or(CeremonyError::NoVerification)?;
        check_nonce(nonce, &unverified.nonce, "verify")?;
        if !unverified.collected.offer(share) {
            return Err(CeremonyError::GivenAlready("verify"));
        }
        let Some(key) = unverified.collected.complete(threshold)? else { return Ok(VerifyStep::Progress) };
        if !key.matches(&unverified.new.key) {
            return Err(CeremonyError::WrongShares);
        }
        let done = VerifyStep::Replace { nonce: unverified.nonce.clone(), new: Box::new(unverified.new.clone()) };
        self.running = None;
        Ok(done)
    }

    /// Begins the verification anew, under a new nonce; the new shares stay as they are.
    pub fn restart_verification(&mut self, rng: &dyn Rng) -> Result<(), CeremonyError> {
        let running = self.running.as_mut().ok_or(CeremonyError::NoRekeyConfiguration)?;
        let unverified = running.unverified.as_mut().ok_or(CeremonyError::NoVerification)?;
        unverified.nonce = rng.uuid();
        unverified.collected.clear();
        Ok(())
    }
}

impl Running {
    fn issue(&self, rng: &dyn Rng) -> Result<(RekeyAnswer, NewUnsealKey), BarrierError> {
        let key = UnsealKey::generate(rng);
        let shares = self.scheme.issue(&key, rng)?;
        let new = NewUnsealKey {
            key,
            config: self.scheme.config(&self.nonce, self.backup),
            backup: self.backup.then(|| shares.backup(&self.nonce)),
        };
        let answer = RekeyAnswer {
            nonce: self.nonce.clone(),
            shares,
            backup: self.backup,
            verification_required: self.require_verification,
            verification_nonce: String::new(),
        };
        Ok((answer, new))
    }
}

impl NewUnsealKey {
    /// How the key is split.
    pub fn config(&self) -> &SealConfig {
        &self.config
    }

    /// The rows that put the new key in force as unseal key, together with the root key of `change`, a
    /// [`Barrier::plan_rekey`]. Once they are committed, give the change to [`Barrier::apply`]. If they cannot be, the old shares
    /// stay in force and the ceremony is to be held again.
    pub fn rows(&self, change: &KeyringChange, shared_store: bool, rng: &dyn Rng) -> Result<Rows, BarrierError> {
        let mut rows =
            vec![(CONFIG_ROW, json(CONFIG_ROW, &self.config)?), (ROOT_KEY_ROW, wrap(&self.key, change.root(), rng)?)];
        rows.extend(root_rows(change, shared_store));
        if let Some(backup) = &self.backup {
            rows.push((BACKUP_ROW, json(BACKUP_ROW, backup)?));
        }
        Ok(rows)
    }

    /// The same as recovery key. `sealed_root` is the new root key as the seals have encrypted it; with `opens_store`, the
    /// recovery key opens the store without them.
    pub fn recovery_rows(
        &self,
        change: &KeyringChange,
        sealed_root: Vec<u8>,
        opens_store: bool,
        shared_store: bool,
        rng: &dyn Rng,
    ) -> Result<Rows, BarrierError> {
        let key_row = if opens_store {
            RecoveryRow::of_root(&self.key, change.root(), rng)?
        } else {
            RecoveryRow::of_proof(&self.key, &change.subkey(PROOF_SUBKEY)?, rng)?
        };
        let mut rows = vec![
            (RECOVERY_CONFIG_ROW, json(RECOVERY_CONFIG_ROW, &self.config)?),
            (RECOVERY_KEY_ROW, key_row),
            (ROOT_KEY_ROW, sealed_root),
        ];
        rows.extend(root_rows(change, shared_store));
        if let Some(backup) = &self.backup {
            rows.push((RECOVERY_BACKUP_ROW, json(RECOVERY_BACKUP_ROW, backup)?));
        }
        Ok(rows)
    }
}

fn root_rows(change: &KeyringChange, shared_store: bool) -> Rows {
    let mut rows = vec![(KEYRING_ROW, change.row().to_vec())];
    if let Some(handover) = change.handover().filter(|_| shared_store) {
        rows.push((HANDOVER_ROW, handover.to_vec()));
    }
    rows
}

fn json<T: serde::Serialize>(row: &'static str, value: &T) -> Result<Vec<u8>, BarrierError> {
    serde_json::to_vec(value).map_err(|_| BarrierError::Malformed(row))
}
