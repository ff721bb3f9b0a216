//! Signatures by which a key vouches for its names and subkeys (RFC 9580, section 5.2), version 4.
use super::packet::{new_length, read_mpi, read_u16};
use super::public::{Material, PublicKey};
use aws_lc_rs::{digest, signature};
use kw_types::Time;

/// What a signature says.
pub(super) mod kind {
    pub const CERTIFICATIONS: std::ops::RangeInclusive<u8> = 0x10..=0x13;
    pub const SUBKEY_BINDING: u8 = 0x18;
    pub const DIRECT_KEY: u8 = 0x1f;
    pub const KEY_REVOCATION: u8 = 0x20;
    pub const SUBKEY_REVOCATION: u8 = 0x28;
}

/// A parsed signature, not verified yet.
#[derive(Debug)]
pub(super) struct Signature {
    pub kind: u8,
    pub created: Time,
    /// The key may be used to encrypt; `None` where the signature says nothing about uses.
    pub may_encrypt: Option<bool>,
    /// Seconds from the key's creation to its end, 0 for never.
    pub key_life_seconds: i64,
    algorithm: u8,
    hash: u8,
    /// From the version to the hashed subpackets.
    hashed: Vec<u8>,
    numbers: Vec<u8>,
}

impl Signature {
    /// `None` for what is cut, of another version, out of date, or demands what we do not know (section 5.2.3.7).
    pub fn parse(body: &[u8], now: Time) -> Option<Self> {
        let [4, kind, algorithm, hash, rest @ ..] = body else { return None };
        let (len, rest) = read_u16(rest)?;
        let (subpackets, rest) = rest.split_at_checked(len)?;
        let hashed = body.get(..6 + len)?.to_vec();
        let (unhashed_len, rest) = read_u16(rest)?;
        // Unhashed subpackets are not signed, so nothing is believed of them; two bytes of digest are of no use here.
        let numbers = rest.get(unhashed_len.checked_add(2)?..)?.to_vec();
        let mut parsed = Self {
            kind: *kind,
            created: Time::ZERO,
            may_encrypt: None,
            key_life_seconds: 0,
            algorithm: *algorithm,
            hash: *hash,
            hashed,
            numbers,
        };
        let life_seconds = parsed.read_subpackets(subpackets)?;
        let ends = parsed.created.seconds().saturating_add(life_seconds);
        let current = life_seconds == 0 || now.seconds() < ends;
        current.then_some(parsed)
    }

    /// Whether `signer` made it over `about` (the key and what it vouches for, in hashed form).
    pub fn verifies(&self, signer: &PublicKey, about: &[&[u8]]) -> bool {
        let mut message = about.concat();
        message.extend_from_slice(&self.hashed);
        message.extend_from_slice(&[4, 0xff]);
        message.extend_from_slice(&u32::try_from(self.hashed.len()).unwrap_or(u32::MAX).to_be_bytes());
        match (&signer.material, self.algorithm) {
            (Material::Rsa { n, e, .. }, 1 | 3) => self.verifies_rsa(n, e, &message).is_some(),
            (Material::Ed25519(key), 22 | 27) => self.verifies_ed25519(key, &message).is_some(),
            _ => false,
        }
    }

    /// Returns how long the signature itself counts, in seconds; 0 for ever.
    fn read_subpackets(&mut self, mut bytes: &[u8]) -> Option<i64> {
        let mut life_seconds = 0;
        while !bytes.is_empty() {
            let (len, rest) = subpacket_length(bytes)?;
            let (subpacket, after) = rest.split_at_checked(len)?;
            let (first, content) = subpacket.split_first()?;
            match (first & 0x7f, content) {
                (2, content) => self.created = Time::from_seconds(seconds(content)?),
                (3, content) => life_seconds = seconds(content)?,
                (9, content) => self.key_life_seconds = seconds(content)?,
                (27, [flags, ..]) => self.may_encrypt = Some(flags & 0x0c != 0),
                (4 | 11 | 16 | 20..=26 | 28..=34 | 39, _) => {}
                _ if first & 0x80 != 0 => return None,
                _ => {}
            }
            bytes = after;
        }
        Some(life_seconds)
    }

    fn verifies_rsa(&self, n: &[u8], e: &[u8], message: &[u8]) -> Option<()> {
        // MD5 and SHA-1 are left out: a signature with them proves nothing today.
        let parameters = match self.hash {
            8 => &signature::RSA_PKCS1_2048_8192_SHA256,
            9 => &signature::RSA_PKCS1_2048_8192_SHA384,
            10 => &signature::RSA_PKCS1_2048_8192_SHA512,
            _ => return None,
        };
        let (number, _) = read_mpi(&self.numbers)?;
        let padded = left_padded(number, n.len())?;
        signature::RsaPublicKeyComponents { n, e }.verify(parameters, message, &padded).ok()
    }

    fn verifies_ed25519(&self, key: &[u8; 32], message: &[u8]) -> Option<()> {
        let algorithm = hash_algorithm(self.hash)?;
        let signed = digest::digest(algorithm, message);
        let both = if self.algorithm == 27 {
            self.numbers.get(..64)?.to_vec()
        } else {
            let (r, rest) = read_mpi(&self.numbers)?;
            let (s, _) = read_mpi(rest)?;
            [left_padded(r, 32)?, left_padded(s, 32)?].concat()
        };
        signature::UnparsedPublicKey::new(&signature::ED25519, key).verify(signed.as_ref(), &both).ok()
    }
}

/// The hashes that are taken, by their numbers (section 9.5).
pub(super) fn hash_algorithm(number: u8) -> Option<&'static digest::Algorithm> {
    match number {
        8 => Some(&digest::SHA256),
        9 => Some(&digest::SHA384),
        10 => Some(&digest::SHA512),
        _ => None,
    }
}

/// Section 5.2.3.7: as packets, but two-byte lengths go up to a first byte of 254.
fn subpacket_length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    match bytes {
        [first @ 224..=254, second, rest @ ..] => {
            Some(((usize::from(*first) - 192) * 256 + usize::from(*second) + 192, rest))
        }
        _ => new_length(bytes),
    }
}

fn seconds(content: &[u8]) -> Option<i64> {
    content.first_chunk::<4>().map(|bytes| i64::from(u32::from_be_bytes(*bytes)))
}

fn left_padded(number: &[u8], len: usize) -> Option<Vec<u8>> {
    let mut out = vec![0; len.checked_sub(number.len())?];
    out.extend_from_slice(number);
    Some(out)
}
