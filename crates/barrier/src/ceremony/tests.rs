use super::*;
use crate::pgp::tests::Gpg;
use crate::seal::{BACKUP_ROW, Backup, CONFIG_ROW, KEYRING_ROW, Opened, ROOT_KEY_ROW, SHAMIR, SealConfig, ShareLock};
use crate::{Barrier, SystemRng};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use kw_store::RowCipher;
use kw_types::{Clock, Secret, SystemClock, Time};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What the kernel would keep: the rows, and the open barrier.
struct Installation {
    rows: BTreeMap<&'static str, Vec<u8>>,
    keys: Vec<String>,
    barrier: Barrier,
}

impl Installation {
    fn new(shares: i64, threshold: i64) -> Self {
        let request = InitRequest { secret_shares: shares, secret_threshold: threshold, ..InitRequest::default() };
        let made = init(&request, SHAMIR, &SystemRng, Time::ZERO).unwrap();
        let barrier = Barrier::new(Arc::new(SystemRng));
        barrier.unseal(made.root.clone(), made.row(KEYRING_ROW).unwrap()).unwrap();
        Self { keys: texts(&made.shares.keys), rows: made.rows.into_iter().collect(), barrier }
    }

    fn config(&self) -> SealConfig {
        serde_json::from_slice(&self.rows[CONFIG_ROW]).unwrap()
    }

    fn lock(&self) -> ShareLock {
        ShareLock::shamir(self.config(), self.rows[ROOT_KEY_ROW].clone())
    }

    fn replace(&mut self, new: &NewUnsealKey) {
        let change = self.barrier.plan_rekey(&self.rows[KEYRING_ROW]).unwrap();
        self.rows.extend(new.rows(&change, false, &SystemRng).unwrap());
        self.barrier.apply(change).unwrap();
    }

    /// Whether these shares open the sealed barrier.
    fn opens(&self, keys: &[String]) -> bool {
        self.barrier.seal();
        let mut unseal = Unseal::default();
        for key in keys {
            match unseal.submit(&share(key), Purpose::Open, &self.lock(), &SystemRng) {
                Ok(Some((_, Opened::Root(root)))) => {
                    self.barrier.unseal(root, &self.rows[KEYRING_ROW]).unwrap();
                    return true;
                }
                Ok(Some((_, Opened::Proof(_)))) => panic!("unseal shares open the root key"),
                Ok(None) => {}
                Err(error) => assert_eq!(error, CeremonyError::WrongShares),
            }
        }
        false
    }
}

fn texts(secrets: &[Secret<String>]) -> Vec<String> {
    secrets.iter().map(|s| s.expose().clone()).collect()
}

fn share(text: &str) -> KeyShare {
    KeyShare::parse(text).unwrap()
}

fn made_up() -> KeyShare {
    share(&"ab".repeat(33))
}

#[test]
fn init_gives_shares_in_both_forms() {
    let request = InitRequest { secret_shares: 5, secret_threshold: 3, ..InitRequest::default() };
    let made = init(&request, SHAMIR, &SystemRng, Time::ZERO).unwrap();
    assert_eq!(made.shares.keys.len(), 5);
    for (hex_text, base64_text) in made.shares.keys.iter().zip(&made.shares.keys_base64) {
        assert_eq!(hex_text.expose().len(), 66);
        assert_eq!(hex::decode(hex_text.expose()).unwrap(), STANDARD.decode(base64_text.expose()).unwrap());
    }
    assert_eq!(made.encode_root_token(&Secret::new("hvs.t".into()), &SystemRng).unwrap().expose(), "hvs.t");
    assert!(made.shares.pgp_fingerprints.is_empty());
}

#[test]
fn init_refuses_as_vault_does() {
    let refuse = |shares, threshold, keys: &[&str]| {
        let pgp_keys = keys.iter().map(|k| (*k).to_owned()).collect();
        let request =
            InitRequest { secret_shares: shares, secret_threshold: threshold, pgp_keys, ..InitRequest::default() };
        init(&request, SHAMIR, &SystemRng, Time::ZERO).unwrap_err().to_string()
    };
    for (shares, threshold, keys, want) in [
        (3, 5, &[][..], "threshold cannot be larger than shares"),
        (0, 0, &[], "shares must be at least one"),
        (5, 1, &[], "threshold must be greater than one for multiple shares"),
        (1, 0, &[], "threshold must be at least one"),
        (256, 3, &[], "shares must be less than 256"),
        (-1, -1, &[], "shares must be at least one"),
        (2, 2, &["x"], "count mismatch between number of provided PGP keys and number of shares"),
        (2, 2, &["x", "y"], "error decoding given PGP key: illegal base64 data at input byte 0"),
    ] {
        assert_eq!(refuse(shares, threshold, keys), format!("invalid seal configuration: {want}"));
    }
    let recovery = InitRequest { recovery_shares: 3, recovery_threshold: 2, ..InitRequest::default() };
    assert_eq!(
        init(&recovery, SHAMIR, &SystemRng, Time::ZERO).unwrap_err().to_string(),
        "parameters recovery_shares,recovery_threshold not applicable to seal type shamir"
    );
}

#[test]
fn shares_are_read_in_hex_and_base64() {
    let key = [7_u8; 33];
    assert!(KeyShare::parse(&hex::encode(key)).is_ok());
    assert!(KeyShare::parse(&STANDARD.encode(key)).is_ok());
    assert!(KeyShare::parse(&"ab".repeat(32)).is_ok());
    assert_eq!(KeyShare::parse("").unwrap_err(), CeremonyError::KeyMissing);
    for text in ["zz", "0000000000", &"ab".repeat(31), &"ab".repeat(34), "ü"] {
        assert_eq!(KeyShare::parse(text).unwrap_err(), CeremonyError::KeyMalformed);
    }
    assert_eq!(Unseal::parse_key("").unwrap_err(), CeremonyError::KeyMissingForUnseal);
}

#[test]
fn unsealing_step_by_step() {
    let installation = Installation::new(5, 3);
    let (lock, keys) = (installation.lock(), &installation.keys);
    let mut unseal = Unseal::default();
    let give = |unseal: &mut Unseal, key: &KeyShare| unseal.submit(key, Purpose::Open, &lock, &SystemRng);
    assert!(give(&mut unseal, &share(&keys[0])).unwrap().is_none());
    let nonce = unseal.status().nonce;
    assert_eq!(nonce.len(), 36);
    assert!(give(&mut unseal, &share(&keys[1])).unwrap().is_none());
    assert!(give(&mut unseal, &share(&keys[1])).unwrap().is_none());
    assert_eq!(unseal.status(), UnsealStatus { progress: 2, nonce, purpose: Purpose::Open });
    assert!(give(&mut unseal, &share(&keys[4])).unwrap().is_some());
    assert_eq!(unseal.status(), UnsealStatus { progress: 0, nonce: String::new(), purpose: Purpose::Open });
    // Wrong shares show only when there are enough.
    assert!(give(&mut unseal, &share(&keys[0])).unwrap().is_none());
    assert!(give(&mut unseal, &made_up()).unwrap().is_none());
    assert_eq!(give(&mut unseal, &share(&keys[2])).unwrap_err(), CeremonyError::WrongShares);
    assert_eq!(unseal.status().progress, 0);
    assert!(give(&mut unseal, &share(&keys[0])).unwrap().is_none());
    unseal.reset();
    assert_eq!(unseal.status().progress, 0);
}

#[test]
fn a_single_share_is_the_key() {
    let installation = Installation::new(1, 1);
    assert_eq!(installation.keys[0].len(), 64);
    assert!(installation.opens(&installation.keys.clone()));
    assert!(!installation.opens(&["00".repeat(32)]));
    assert!(!installation.opens(&["ab".repeat(33)]));
}

#[test]
fn generate_root_with_a_one_time_password() {
    let installation = Installation::new(3, 2);
    let (lock, keys) = (installation.lock(), &installation.keys);
    let mut root = GenerateRoot::default();
    assert_eq!(root.update(&made_up(), "x", &lock, &installation.barrier).unwrap_err(), CeremonyError::NoGenerateRoot);
    assert_eq!(root.start("short", "", 28, &SystemRng, Time::ZERO).unwrap_err(), CeremonyError::OtpLength);
    assert_eq!(
        root.start("", "x", 28, &SystemRng, Time::ZERO).unwrap_err().to_string(),
        "error parsing PGP key: error decoding given PGP key: illegal base64 data at input byte 0"
    );
    assert_eq!(root.start(&"x".repeat(29), "", 28, &SystemRng, Time::ZERO).unwrap_err(), CeremonyError::OtpLength);
    let otp = root.start("", "", 28, &SystemRng, Time::ZERO).unwrap().unwrap();
    assert_eq!(otp.expose().len(), 28);
    assert_eq!(root.start("", "", 28, &SystemRng, Time::ZERO).unwrap_err(), CeremonyError::GenerateRootRunning);
    let nonce = root.status(2).nonce;
    assert_eq!(
        root.update(&share(&keys[0]), "wrong", &lock, &installation.barrier).unwrap_err().to_string(),
        format!("incorrect nonce supplied; nonce for this root generation operation is \"{nonce}\"")
    );
    assert!(root.update(&share(&keys[0]), &nonce, &lock, &installation.barrier).unwrap().is_none());
    assert_eq!(
        root.update(&share(&keys[0]), &nonce, &lock, &installation.barrier).unwrap_err(),
        CeremonyError::GivenAlready("generation")
    );
    assert_eq!(root.update(&made_up(), &nonce, &lock, &installation.barrier).unwrap_err(), CeremonyError::WrongShares);
    assert_eq!((root.status(2).progress, root.status(2).started), (0, true));
    assert!(root.update(&share(&keys[0]), &nonce, &lock, &installation.barrier).unwrap().is_none());
    let grant = root.update(&share(&keys[2]), &nonce, &lock, &installation.barrier).unwrap().unwrap();
    assert!(!root.status(2).started);
    assert_eq!(grant.token_len(), Some(28));
    let token = Secret::new("hvs.".to_owned() + &"a".repeat(24));
    let encoded = grant.encode(&token, &SystemRng).unwrap();
    let bytes = STANDARD_NO_PAD.decode(encoded.expose()).unwrap();
    let back: Vec<u8> = bytes.iter().zip(otp.expose().bytes()).map(|(a, b)| a ^ b).collect();
    assert_eq!(back, token.expose().as_bytes());
}

#[test]
fn rekeying_replaces_the_shares_and_the_root_key() {
    let mut installation = Installation::new(3, 2);
    let old_keys = installation.keys.clone();
    let sealed = RowCipher::seal(&installation.barrier, b"k", b"row").unwrap();
    let mut rekey = Rekey::default();
    let bad = RekeyRequest { secret_shares: 2, secret_threshold: 3, ..RekeyRequest::default() };
    assert_eq!(
        rekey.start(&bad, &SystemRng, Time::ZERO).unwrap_err().to_string(),
        "invalid rekey seal configuration: threshold cannot be larger than shares"
    );
    let request = RekeyRequest { secret_shares: 4, secret_threshold: 3, ..RekeyRequest::default() };
    let backup = RekeyRequest { backup: true, ..request.clone() };
    assert_eq!(rekey.start(&backup, &SystemRng, Time::ZERO).unwrap_err(), CeremonyError::BackupWithoutPgp);
    rekey.start(&request, &SystemRng, Time::ZERO).unwrap();
    assert_eq!(rekey.start(&request, &SystemRng, Time::ZERO).unwrap_err(), CeremonyError::RekeyRunning);
    let status = rekey.status(2);
    assert_eq!((status.started, status.t, status.n, status.progress, status.required), (true, 3, 4, 0, 2));
    let (answer, new) = finish(&mut rekey, &installation, &old_keys);
    assert!(!rekey.status(2).started);
    assert!(installation.opens(&old_keys[..2]), "not in force before it is committed");
    installation.replace(&new);
    let new_keys = texts(&answer.shares.keys);
    assert!(!installation.opens(&old_keys));
    assert!(installation.opens(&new_keys[1..]));
    assert_eq!(RowCipher::open(&installation.barrier, b"k", &sealed).unwrap(), "row");
    assert_eq!(installation.config().nonce, status.nonce);
}

#[test]
fn rekeying_with_verification() {
    let mut installation = Installation::new(3, 2);
    let old_keys = installation.keys.clone();
    let lock = installation.lock();
    let mut rekey = Rekey::default();
    assert_eq!(rekey.verify_status().unwrap_err(), CeremonyError::NoRekeyConfiguration);
    let request =
        RekeyRequest { secret_shares: 3, secret_threshold: 2, require_verification: true, ..RekeyRequest::default() };
    rekey.start(&request, &SystemRng, Time::ZERO).unwrap();
    assert_eq!(rekey.verify(&made_up(), "x").unwrap_err(), CeremonyError::NoVerification);
    let nonce = rekey.status(2).nonce;
    rekey.update(&share(&old_keys[0]), &nonce, &lock, &installation.barrier, &SystemRng).unwrap();
    let step = rekey.update(&share(&old_keys[1]), &nonce, &lock, &installation.barrier, &SystemRng).unwrap();
    let RekeyStep::Verify(answer) = step else { panic!("{step:?}") };
    let new_keys = texts(&answer.shares.keys);
    assert_eq!(rekey.status(2).verification_nonce, answer.verification_nonce);
    assert!(matches!(rekey.verify(&share(&new_keys[0]), "x"), Err(CeremonyError::WrongNonce { .. })));
    rekey.restart_verification(&SystemRng).unwrap();
    let nonce = rekey.verify_status().unwrap().nonce;
    assert_ne!(nonce, answer.verification_nonce);
    assert!(matches!(rekey.verify(&share(&new_keys[0]), &nonce), Ok(VerifyStep::Progress)));
    assert_eq!(rekey.verify_status().unwrap().progress, 1);
    assert_eq!(rekey.verify(&made_up(), &nonce).unwrap_err(), CeremonyError::WrongShares);
    assert!(matches!(rekey.verify(&share(&new_keys[2]), &nonce), Ok(VerifyStep::Progress)));
    let step = rekey.verify(&share(&new_keys[0]), &nonce).unwrap();
    let VerifyStep::Replace { new, .. } = step else { panic!("{step:?}") };
    installation.replace(&new);
    assert!(!installation.opens(&old_keys));
    assert!(installation.opens(&new_keys));
}

#[test]
fn wrong_and_foreign_shares_do_not_rekey() {
    let installation = Installation::new(3, 2);
    let lock = installation.lock();
    let mut rekey = Rekey::default();
    let request = RekeyRequest { secret_shares: 1, secret_threshold: 1, ..RekeyRequest::default() };
    assert_eq!(
        rekey.update(&made_up(), "x", &lock, &installation.barrier, &SystemRng).unwrap_err(),
        CeremonyError::NoRekey
    );
    rekey.start(&request, &SystemRng, Time::ZERO).unwrap();
    let nonce = rekey.status(2).nonce;
    rekey.update(&share(&installation.keys[0]), &nonce, &lock, &installation.barrier, &SystemRng).unwrap();
    assert_eq!(
        rekey.update(&made_up(), &nonce, &lock, &installation.barrier, &SystemRng).unwrap_err(),
        CeremonyError::WrongShares
    );
    assert_eq!(rekey.status(2).progress, 0);
    // A store that claims a lower threshold than there is gains nobody anything.
    let config = SealConfig { secret_threshold: 1, ..installation.config() };
    let lowered = ShareLock::shamir(config, installation.rows[ROOT_KEY_ROW].clone());
    let one = share(&installation.keys[0]);
    assert_eq!(
        rekey.update(&one, &nonce, &lowered, &installation.barrier, &SystemRng).unwrap_err(),
        CeremonyError::WrongShares
    );
    rekey.cancel();
    assert!(!rekey.status(2).started);
}

#[test]
fn a_row_of_somebody_who_can_only_write_to_the_store_convinces_no_open_barrier() {
    let (mut mine, theirs) = (Installation::new(3, 2), Installation::new(1, 1));
    // Their shares open their row, and the row stands in our store.
    mine.rows.insert(ROOT_KEY_ROW, theirs.rows[ROOT_KEY_ROW].clone());
    mine.rows.insert(CONFIG_ROW, theirs.rows[CONFIG_ROW].clone());
    let mut root = GenerateRoot::default();
    root.start("", "", 28, &SystemRng, Time::ZERO).unwrap();
    let nonce = root.status(1).nonce;
    let given = root.update(&share(&theirs.keys[0]), &nonce, &mine.lock(), &mine.barrier);
    assert_eq!(given.unwrap_err(), CeremonyError::WrongShares);
    let mut rekey = Rekey::default();
    let request = RekeyRequest { secret_shares: 1, secret_threshold: 1, ..RekeyRequest::default() };
    rekey.start(&request, &SystemRng, Time::ZERO).unwrap();
    let nonce = rekey.status(1).nonce;
    let given = rekey.update(&share(&theirs.keys[0]), &nonce, &mine.lock(), &mine.barrier, &SystemRng);
    assert_eq!(given.unwrap_err(), CeremonyError::WrongShares);
}

#[test]
fn holders_decrypt_what_they_can_give() {
    let gpg = Gpg::with_key("ed25519", "cert", Some("cv25519"));
    let key = STANDARD.encode(gpg.binary());
    let request = InitRequest {
        secret_shares: 2,
        secret_threshold: 2,
        pgp_keys: vec![key.clone(), key.clone()],
        root_token_pgp_key: key.clone(),
        ..InitRequest::default()
    };
    let now = SystemClock.now();
    let made = init(&request, SHAMIR, &SystemRng, now).unwrap();
    assert_eq!(made.shares.pgp_fingerprints, vec![gpg.fingerprint().to_lowercase(); 2]);
    let decrypt = |base64: &str| gpg.run(&["--decrypt"], &STANDARD.decode(base64).unwrap());
    let token = Secret::new("hvs.token".to_owned());
    assert_eq!(decrypt(made.encode_root_token(&token, &SystemRng).unwrap().expose()), b"hvs.token");

    let config: SealConfig = serde_json::from_slice(made.row(CONFIG_ROW).unwrap()).unwrap();
    let given = made.shares.keys_base64.iter().map(|k| share(std::str::from_utf8(&decrypt(k.expose())).unwrap()));
    let mut root = GenerateRoot::default();
    assert!(root.start("", &key, 28, &SystemRng, now).unwrap().is_none());
    let status = root.status(2);
    assert_eq!(status.pgp_fingerprint, gpg.fingerprint().to_lowercase());
    let lock = ShareLock::shamir(config, made.row(ROOT_KEY_ROW).unwrap().to_vec());
    let barrier = Barrier::new(Arc::new(SystemRng));
    barrier.unseal(made.root.clone(), made.row(KEYRING_ROW).unwrap()).unwrap();
    let grant = given.filter_map(|k| root.update(&k, &status.nonce, &lock, &barrier).unwrap()).next().unwrap();
    assert_eq!(grant.pgp_fingerprint(), status.pgp_fingerprint);
    assert_eq!(decrypt(grant.encode(&token, &SystemRng).unwrap().expose()), b"hvs.token");
}

#[test]
fn encrypted_shares_are_kept_when_asked_for() {
    let installation = Installation::new(1, 1);
    let mut rekey = Rekey::default();
    let pgp_keys = vec![include_str!("testkey.asc").to_owned(), include_str!("testkey.asc").to_owned()];
    let request = RekeyRequest { secret_shares: 2, secret_threshold: 2, pgp_keys, backup: true, ..Default::default() };
    rekey.start(&request, &SystemRng, Time::ZERO).unwrap();
    let (answer, new) = finish(&mut rekey, &installation, &installation.keys);
    let change = installation.barrier.plan_rekey(&installation.rows[KEYRING_ROW]).unwrap();
    let rows = new.rows(&change, true, &SystemRng).unwrap();
    let row = rows.iter().find(|(name, _)| *name == BACKUP_ROW).unwrap();
    let backup: Backup = serde_json::from_slice(&row.1).unwrap();
    assert_eq!(backup.nonce, answer.nonce);
    let [fingerprint, _] = answer.shares.pgp_fingerprints.as_slice() else { panic!("two keys") };
    assert_eq!(backup.keys[fingerprint], texts(&answer.shares.keys));
    assert_eq!(backup.keys_base64[fingerprint], texts(&answer.shares.keys_base64));
}

fn finish(rekey: &mut Rekey, installation: &Installation, keys: &[String]) -> (RekeyAnswer, NewUnsealKey) {
    let (lock, nonce) = (installation.lock(), rekey.status(0).nonce);
    for key in keys {
        let step = rekey.update(&share(key), &nonce, &lock, &installation.barrier, &SystemRng).unwrap();
        if let RekeyStep::Replace(answer, new) = step {
            return (answer, *new);
        }
    }
    panic!("not enough keys")
}
