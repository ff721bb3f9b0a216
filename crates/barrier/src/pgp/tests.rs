use super::*;
use crate::SystemRng;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kw_types::{Clock, SystemClock, Ttl};
use std::io::Write;
use std::process::{Command, Stdio};

/// A GnuPG home with one key; the agent that GnuPG starts for it is ended with it.
pub(crate) struct Gpg {
    home: tempfile::TempDir,
}

impl Gpg {
    pub(crate) fn with_key(primary: &str, usage: &str, subkey: Option<&str>) -> Self {
        let gpg = Self { home: tempfile::tempdir().unwrap() };
        gpg.run(&["--quick-generate-key", "holder@example.org", primary, usage, "1y"], b"");
        if let Some(subkey) = subkey {
            gpg.run(&["--quick-add-key", &gpg.fingerprint(), subkey, "encr", "1y"], b"");
        }
        gpg
    }

    pub(crate) fn run(&self, arguments: &[&str], input: &[u8]) -> Vec<u8> {
        let mut child = Command::new("gpg")
            .arg("--homedir")
            .arg(self.home.path())
            .args(["--batch", "--quiet", "--yes", "--pinentry-mode", "loopback", "--passphrase", ""])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("these tests need the Debian package gnupg");
        child.stdin.take().unwrap().write_all(input).unwrap();
        let done = child.wait_with_output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        done.stdout
    }

    pub(crate) fn fingerprint(&self) -> String {
        let listed = String::from_utf8(self.run(&["--with-colons", "--list-keys"], b"")).unwrap();
        listed.lines().find(|l| l.starts_with("fpr:")).unwrap().split(':').nth(9).unwrap().to_owned()
    }

    pub(crate) fn binary(&self) -> Vec<u8> {
        self.run(&["--export"], b"")
    }

    fn key(&self) -> Result<PgpKey, PgpError> {
        PgpKey::parse(&STANDARD.encode(self.binary()), now())
    }
}

impl Drop for Gpg {
    fn drop(&mut self) {
        let _ = Command::new("gpgconf").arg("--homedir").arg(self.home.path()).args(["--kill", "all"]).status();
    }
}

fn now() -> Time {
    SystemClock.now()
}

#[test]
fn gnupg_decrypts_what_we_encrypt() {
    for (primary, usage, subkey) in [
        ("rsa2048", "cert,sign", Some("rsa2048")),
        ("rsa2048", "cert,sign,encr", None),
        ("rsa3072", "cert", Some("cv25519")),
        ("ed25519", "cert,sign", Some("cv25519")),
        ("ed25519", "cert", Some("rsa4096")),
    ] {
        let gpg = Gpg::with_key(primary, usage, subkey);
        let key = gpg.key().unwrap();
        assert_eq!(key.fingerprint(), gpg.fingerprint().to_lowercase());
        for plain in [&b"6e6f7420612073686172650a"[..], b"", &[b'x'; 5000]] {
            // Often, so that numbers with leading zeros come up.
            for _ in 0..8 {
                let message = key.encrypt(plain, &SystemRng).unwrap();
                assert_eq!(gpg.run(&["--decrypt"], &message), plain, "{primary} {subkey:?}");
            }
        }
    }
}

#[test]
fn all_forms_of_a_key_are_taken() {
    let gpg = Gpg::with_key("ed25519", "cert", Some("cv25519"));
    let armored = String::from_utf8(gpg.run(&["--export", "--armor"], b"")).unwrap();
    let want = gpg.key().unwrap();
    for text in [armored.clone(), format!("\n{armored}\n"), STANDARD.encode(&armored)] {
        assert_eq!(PgpKey::parse(&text, now()).unwrap().fingerprint(), want.fingerprint());
    }
}

#[test]
fn keys_that_should_not_be_used() {
    let gpg = Gpg::with_key("ed25519", "cert,sign", None);
    assert!(matches!(gpg.key(), Err(PgpError::Unusable(_))), "it cannot encrypt");
    gpg.run(&["--quick-add-key", &gpg.fingerprint(), "cv25519", "encr", "1d"], b"");
    gpg.key().unwrap();
    let text = STANDARD.encode(gpg.binary());
    let tomorrow = now().plus(Ttl::from_hours(25));
    assert!(matches!(PgpKey::parse(&text, tomorrow), Err(PgpError::Unusable(_))), "the subkey has expired");
    let in_two_years = now().plus(Ttl::from_hours(24 * 740));
    let expired = PgpKey::parse(&text, in_two_years).unwrap_err();
    assert_eq!(expired, PgpError::Unusable("the key has expired"));
    let secret = gpg.run(&["--export-secret-keys"], b"");
    assert!(PgpKey::parse(&STANDARD.encode(secret), now()).unwrap_err().to_string().contains("secret key"));
    let revocation = gpg.home.path().join("openpgp-revocs.d").join(gpg.fingerprint() + ".rev");
    let revocation = std::fs::read_to_string(revocation).unwrap().replace(":-----BEGIN", "-----BEGIN");
    gpg.run(&["--import"], revocation.as_bytes());
    assert_eq!(gpg.key().unwrap_err(), PgpError::Unusable("the key has been revoked"));
}

#[test]
fn a_foreign_subkey_is_not_used() {
    let (victim, thief) =
        (Gpg::with_key("rsa2048", "cert", Some("cv25519")), Gpg::with_key("rsa2048", "cert", Some("cv25519")));
    let packets = |gpg: &Gpg| packet::read_all(&gpg.binary()).unwrap();
    let subkey_at = |all: &[packet::Packet]| all.iter().position(|p| p.tag == packet::tag::PUBLIC_SUBKEY).unwrap();
    let (mut mixed, stolen) = (packets(&victim), packets(&thief));
    mixed.truncate(subkey_at(&mixed));
    mixed.extend_from_slice(&stolen[subkey_at(&stolen)..]);
    let mut binary = Vec::new();
    mixed.iter().for_each(|p| packet::write_packet(&mut binary, p.tag, &p.body));
    assert!(matches!(PgpKey::parse(&STANDARD.encode(binary), now()), Err(PgpError::Unusable(_))));
}

#[test]
fn a_changed_key_is_refused_or_the_same() {
    let gpg = Gpg::with_key("ed25519", "cert", Some("cv25519"));
    let (binary, want) = (gpg.binary(), gpg.key().unwrap());
    for at in 0..binary.len() {
        let mut bent = binary.clone();
        bent[at] ^= 1;
        if let Ok(key) = PgpKey::parse(&STANDARD.encode(&bent), now()) {
            // Packet lengths in other forms, unhashed subpackets and digest hints may change; whom it is for may not.
            assert_eq!(key.fingerprint(), want.fingerprint(), "byte {at}");
            assert_eq!(key.recipient.fingerprint(), want.recipient.fingerprint(), "byte {at}");
        }
        let _ = PgpKey::parse(&STANDARD.encode(&binary[..at]), now());
    }
}

#[test]
fn texts_that_are_no_keys() {
    for (text, want) in [
        ("x", "error decoding given PGP key: illegal base64 data at input byte 0"),
        ("abcd*", "error decoding given PGP key: illegal base64 data at input byte 4"),
        ("keybase:ann", "error decoding given PGP key: keybase names are not resolved; give the public key itself"),
        ("", "error parsing given PGP key: it is empty"),
        ("AAAA", "error parsing given PGP key: not a series of OpenPGP packets"),
        ("-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nAAAA", "error parsing given PGP key: the armor has no end"),
    ] {
        assert_eq!(PgpKey::parse(text, now()).unwrap_err().to_string(), want);
    }
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_the_parser_stumble(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
        let framed = [&[0xc6, 0xc0, 0x10, 4][..], &bytes].concat();
        for text in [STANDARD.encode(&bytes), STANDARD.encode(framed)] {
            let _ = PgpKey::parse(&text, Time::ZERO);
        }
    }
}
