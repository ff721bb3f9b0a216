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
    /// holds no value: only a keyed 128-bit fingerprint of it, and its digest in hexadecimal.
    static RECENT: RefCell<Vec<(u128, [u8; 64])>> = RefCell::new(vec![(0, [b'0'; 64]); SLOTS]);
}

impl Hasher {
    /// `salt` is 32 secret random bytes, stored with the device.
    pub fn new(salt: &[u8]) -> Self {
        let key = hmac::Key::new(hmac::HMAC_SHA256, salt);
        let seed = hmac::sign(&key, b"keywright audit cache");
        let word =
            |at: usize| seed.as_ref().get(at..at + 8).and_then(|b| b.try_into().ok()).map_or(0, u64::from_le_bytes);
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
        out.extend_from_slice(PREFIX);
        let mark = self.mark([value].into_iter());
        let slot = (mark as usize) % SLOTS;
        RECENT.with_borrow_mut(|recent| {
            let Some(place) = recent.get_mut(slot) else { return };
            if place.0 != mark {
                *place = (mark, self.digest(value));
            }
            out.extend_from_slice(&place.1);
        });
    }

    /// A keyed 128-bit fingerprint of some texts: what a cache may know them by. Whoever lacks the key cannot find two that meet.
    pub(crate) fn mark<'a>(&self, texts: impl Iterator<Item = &'a [u8]>) -> u128 {
        let mut quick = SipHasher13::new_with_keys(self.quick.0, self.quick.1);
        for text in texts {
            quick.write(text);
            quick.write_u8(0xff);
        }
        quick.finish128().as_u128()
    }

    fn digest(&self, value: &[u8]) -> [u8; 64] {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        let mut text = [b'0'; 64];
        let digest = hmac::sign(&self.key, value);
        let nibbles = digest.as_ref().iter().flat_map(|byte| [byte >> 4, byte & 15]);
        for (place, nibble) in text.iter_mut().zip(nibbles) {
            *place = HEX.get(usize::from(nibble)).copied().unwrap_or(b'0');
        }
        text
    }
}
