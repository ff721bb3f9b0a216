//! An encrypted message: the session key for the recipient, then the text under it.
//!
//! This is the oldest form with integrity protection (version 3 session key packets, version 1 encrypted data with a
//! modification detection code), since it is the one that every implementation in use decrypts.
use super::PgpError;
use super::packet::{tag, write_mpi, write_packet};
use super::public::{CURVE25519_OID, Material, PublicKey};
use super::signature::hash_algorithm;
use aws_lc_rs::agreement::{EphemeralPrivateKey, UnparsedPublicKey, X25519, agree_ephemeral};
use aws_lc_rs::cipher::{self, EncryptingKey, EncryptionContext, UnboundCipherKey};
use aws_lc_rs::digest::{self, SHA1_FOR_LEGACY_USE_ONLY};
use aws_lc_rs::iv::FixedLength;
use aws_lc_rs::key_wrap::{AES_128, AES_256, AesKek, KeyWrap};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{Pkcs1PublicEncryptingKey, PublicEncryptingKey};
use kw_types::{Rng, RngExt, Secret};
use zeroize::Zeroizing;

/// AES-256 by its number in OpenPGP.
const CIPHER_AES_256: u8 = 9;

const REFUSED: PgpError = PgpError::Unusable("the key cannot be encrypted to");

/// Encrypts `plain` as a literal packet without a file name.
pub(super) fn encrypt(recipient: &PublicKey, plain: &[u8], rng: &dyn Rng) -> Result<Vec<u8>, PgpError> {
    let session_key: Secret<[u8; 32]> = Secret::new(rng.bytes());
    let mut key_packet = vec![3];
    key_packet.extend_from_slice(recipient.key_id());
    wrap_session_key(&mut key_packet, recipient, session_key.expose())?;
    let mut out = Vec::new();
    write_packet(&mut out, tag::ENCRYPTED_SESSION_KEY, &key_packet);
    write_packet(&mut out, tag::ENCRYPTED_DATA, &encrypted_data(session_key.expose(), plain, rng)?);
    Ok(out)
}

/// Section 5.13.1: a random block with its last two bytes repeated, the packets, and SHA-1 over all that; AES in CFB mode.
fn encrypted_data(session_key: &[u8; 32], plain: &[u8], rng: &dyn Rng) -> Result<Vec<u8>, PgpError> {
    // Binary, no name, no date.
    let literal = Zeroizing::new([b"b\0\0\0\0\0", plain].concat());
    let block: [u8; 16] = rng.bytes();
    let mut text = Vec::with_capacity(16 + 2 + 6 + literal.len() + 22);
    text.extend_from_slice(&block);
    text.extend(block.get(14..).unwrap_or_default());
    write_packet(&mut text, tag::LITERAL, &literal);
    text.extend_from_slice(&[0xd3, 0x14]);
    let code = digest::digest(&SHA1_FOR_LEGACY_USE_ONLY, &text);
    text.extend_from_slice(code.as_ref());
    let key = UnboundCipherKey::new(&cipher::AES_256, session_key).and_then(EncryptingKey::cfb128);
    let zero = EncryptionContext::Iv128(FixedLength::from(&[0; 16]));
    key.and_then(|key| key.less_safe_encrypt(&mut text, zero)).map_err(|_| REFUSED)?;
    text.insert(0, 1);
    Ok(text)
}

/// Appends the algorithm's number and its fields (section 5.1).
fn wrap_session_key(out: &mut Vec<u8>, recipient: &PublicKey, key: &[u8; 32]) -> Result<(), PgpError> {
    match &recipient.material {
        Material::Rsa { n, e, .. } => {
            out.push(1);
            write_mpi(out, &rsa_pkcs1(n, e, &checked(key)).ok_or(REFUSED)?);
        }
        Material::Curve25519 { point, hash, cipher } => {
            out.push(18);
            let (ephemeral, wrapped) =
                agree(point, |shared| ecdh_wrap(recipient, *hash, *cipher, shared, &checked(key)))?;
            write_mpi(out, &[&[0x40], ephemeral.as_slice()].concat());
            out.push(u8::try_from(wrapped.len()).map_err(|_| REFUSED)?);
            out.extend_from_slice(&wrapped);
        }
        Material::Ed25519(_) | Material::Other => return Err(REFUSED),
    }
    Ok(())
}

/// Cipher number, key, and the sum of the key's bytes.
fn checked(key: &[u8; 32]) -> Zeroizing<Vec<u8>> {
    let sum = key.iter().fold(0_u16, |sum, byte| sum.wrapping_add(u16::from(*byte)));
    let mut out = Zeroizing::new(Vec::with_capacity(40));
    out.push(CIPHER_AES_256);
    out.extend_from_slice(key);
    out.extend_from_slice(&sum.to_be_bytes());
    out
}

fn rsa_pkcs1(n: &[u8], e: &[u8], plain: &[u8]) -> Option<Vec<u8>> {
    let key = PublicEncryptingKey::from_der(&rsa_der(n, e)).and_then(|key| Ok(Pkcs1PublicEncryptingKey::new(key)?));
    let key = key.ok()?;
    let mut out = vec![0; key.ciphertext_size()];
    let len = key.encrypt(plain, &mut out).ok()?.len();
    out.truncate(len);
    Some(out)
}

/// SubjectPublicKeyInfo (RFC 8017, A.1; RFC 5280, 4.1), the one form in which the provider takes an RSA key.
fn rsa_der(n: &[u8], e: &[u8]) -> Vec<u8> {
    const RSA_ENCRYPTION: [u8; 15] =
        [0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00];
    let positive = |number: &[u8]| der(0x02, &[&[0], number].concat());
    let key = der(0x30, &[positive(n), positive(e)].concat());
    let bits = der(0x03, &[&[0], key.as_slice()].concat());
    der(0x30, &[RSA_ENCRYPTION.as_slice(), &bits].concat())
}

fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    // An integer's zero is only wanted before a high bit; DER allows no other.
    let content = match (tag, content) {
        (0x02, [0, rest @ ..]) if rest.first().is_some_and(|b| *b < 0x80) => rest,
        _ => content,
    };
    let len = content.len();
    let mut out = vec![tag];
    if len < 0x80 {
        out.extend(u8::try_from(len));
    } else {
        let bytes = len.to_be_bytes();
        let zeros = bytes.iter().take_while(|b| **b == 0).count();
        let bytes = bytes.get(zeros..).unwrap_or_default();
        out.extend(u8::try_from(bytes.len()).map(|n| 0x80 | n));
        out.extend_from_slice(bytes);
    }
    out.extend_from_slice(content);
    out
}

/// X25519 with a key that is used once; gives its public half and what `then` makes of it and of the shared secret.
fn agree(peer: &[u8; 32], then: impl FnOnce(&[u8]) -> Option<Vec<u8>>) -> Result<(Vec<u8>, Vec<u8>), PgpError> {
    let mine = EphemeralPrivateKey::generate(&X25519, &SystemRandom::new()).map_err(|_| REFUSED)?;
    let public = mine.compute_public_key().map_err(|_| REFUSED)?.as_ref().to_vec();
    let peer = UnparsedPublicKey::new(&X25519, peer);
    let wrapped = agree_ephemeral(mine, peer, REFUSED, |shared| then(shared).ok_or(REFUSED))?;
    Ok((public, wrapped))
}

/// RFC 9580, section 11.5: the key encryption key is a hash of the shared secret and of whom it is for.
fn ecdh_wrap(recipient: &PublicKey, hash: u8, cipher: u8, shared: &[u8], plain: &[u8]) -> Option<Vec<u8>> {
    let mut input = Zeroizing::new(vec![0, 0, 0, 1]);
    // Reserved whole, so that the shared secret is not left behind by growing.
    input.reserve(shared.len() + CURVE25519_OID.len() + 5 + 20 + 20);
    input.extend_from_slice(shared);
    input.extend_from_slice(CURVE25519_OID);
    input.extend_from_slice(&[18, 3, 1, hash, cipher]);
    input.extend_from_slice(b"Anonymous Sender    ");
    input.extend_from_slice(recipient.fingerprint());
    let derived = digest::digest(hash_algorithm(hash)?, &input);
    let padding = 8 - plain.len() % 8;
    let mut padded = Zeroizing::new(Vec::with_capacity(plain.len() + padding));
    padded.extend_from_slice(plain);
    padded.extend(std::iter::repeat_n(u8::try_from(padding).ok()?, padding));
    key_wrap(cipher, derived.as_ref(), &padded)
}

/// AES key wrap (RFC 3394) under the first bytes of `key`.
fn key_wrap(cipher: u8, key: &[u8], plain: &[u8]) -> Option<Vec<u8>> {
    let (block, len) = match cipher {
        7 => (&AES_128, 16),
        9 => (&AES_256, 32),
        _ => return None,
    };
    let mut out = vec![0; plain.len() + 8];
    let wrapped = AesKek::new(block, key.get(..len)?).ok()?.wrap(plain, &mut out).ok()?.len();
    out.truncate(wrapped);
    Some(out)
}
