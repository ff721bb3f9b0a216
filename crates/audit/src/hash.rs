//! HMAC-SHA-256 of values, so that an auditor can look for a known value and nobody can read an unknown one.
use aws_lc_rs::hmac;
use siphasher::sip128::{Hasher128, SipHasher13};
use std::cell::RefCell;
use std::hash::Hasher as _;

/// The keyed hash of one device.
pub struct Hasher {
    key: hmac::Key,
    /// The key of the cache's look-up, derived from the HMAC key: so that entries of two devices never meet.
    quick: (u64, u64),
}

/// The prefix of a hashed value.
pub(crate) const PREFIX: &[u8] = b"hmac-sha256:";

const SLOTS: usize = 2048;

thread_local! {
    /// Digests made lately. The same tokens and values come again and again, and a look-up costs a fifth of an HMAC. A slot
    /// holds no value: only a keyed 128-bit fingerprint of it, and its digest.
    static RECENT: RefCell<Vec<(u128, [u8; 32])>> = RefCell::new(vec![(0, [0; 32]); SLOTS]);
}

impl Hasher {
    /// `salt` is 32 secret random bytes, stored with the device.
    pub fn new(salt: &[u8]) -> Self {
        let key = hmac::Key::new(hmac::HMAC_SHA256, salt);
        let seed = hmac::sign(&key, b"keywright audit cache");
        let word = |at: usize| seed.as_ref().get(at..at + 8).and_then(|b| b.try_into().ok()).map_or(0, u64::from_le_bytes);
        let quick = (word(0), word(8));
        Self { key, quick }
    }

    /// `hmac-sha256:` and 64 hexadecimal digits.
    pub fn text(&self, value: &[u8]) -> String {
        let mut out = Vec::with_capacity(76);
        self.append(value, &mut out);
        String::from_utf8(out).unwrap_or_default()
    }

    /// Appends the same, without quotes.
    pub(crate) fn append(&self, value: &[u8], out: &mut Vec<u8>) {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        let digest = self.digest(value);
        out.extend_from_slice(PREFIX);
        for byte in digest {
            out.extend([byte >> 4, byte & 15].into_iter().filter_map(|n| HEX.get(usize::from(n))));
        }
    }

    fn digest(&self, value: &[u8]) -> [u8; 32] {
        let mut quick = SipHasher13::new_with_keys(self.quick.0, self.quick.1);
        quick.write(value);
        let mark = quick.finish128().as_u128();
        let slot = (mark as usize) % SLOTS;
        let known = RECENT.with_borrow(|recent| recent.get(slot).filter(|(m, _)| *m == mark).map(|(_, digest)| *digest));
        if let Some(digest) = known {
            return digest;
        }
        let mut digest = [0; 32];
        digest.copy_from_slice(hmac::sign(&self.key, value).as_ref());
        RECENT.with_borrow_mut(|recent| {
            if let Some(place) = recent.get_mut(slot) {
                *place = (mark, digest);
            }
        });
        digest
    }
}
