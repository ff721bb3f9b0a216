//! How a row looks: 1 byte format version, 4 bytes term, 12 bytes nonce, ciphertext, 16 bytes tag.
//!
//! The associated data is version, term and the row's full key, so a row that was copied to another key, or whose header was
//! changed, does not open.
use crate::derive::derive;
use crate::envelope::gcm_key;
use crate::error::BarrierError;
use crate::keyring::{Term, Used};
use aws_lc_rs::aead::{Aad, LessSafeKey, NONCE_LEN, Nonce};
use bytes::Bytes;
use kw_types::{Rng, RngExt};
use std::sync::atomic::{AtomicU64, Ordering};

pub(crate) const FORMAT: u8 = 1;
const TAG_LEN: usize = 16;
const PREFIX_LEN: usize = 5;

/// What encryption adds to a row, in bytes.
#[cfg(test)]
pub(crate) const OVERHEAD: usize = PREFIX_LEN + NONCE_LEN + TAG_LEN;

/// A term's data key, ready for use, and the count of its uses.
///
/// Each use costs one addition: so what was reserved in advance is in the sums, and is told apart by what is kept beside them.
pub(crate) struct TermCipher {
    number: u32,
    key: LessSafeKey,
    /// What the stored keyring says, reserves and all.
    recorded: AtomicU64,
    /// What this process has added since, reserves and all.
    unrecorded: AtomicU64,
    /// Of `recorded`, what was reserved.
    recorded_reserve: AtomicU64,
    /// Of `unrecorded`, what was reserved.
    unrecorded_reserve: AtomicU64,
}

impl TermCipher {
    pub fn new(term: &Term) -> Result<Self, BarrierError> {
        let key = gcm_key(derive(term.key.expose(), &[b"rows"])?.expose())?;
        Ok(Self {
            number: term.number,
            key,
            recorded: AtomicU64::new(term.used.bound()),
            unrecorded: AtomicU64::new(0),
            recorded_reserve: AtomicU64::new(term.used.reserved),
            unrecorded_reserve: AtomicU64::new(0),
        })
    }

    pub fn number(&self) -> u32 {
        self.number
    }

    /// The most encryptions that there can have been, as far as this process knows.
    pub fn bound(&self) -> u64 {
        self.recorded.load(Ordering::Relaxed).saturating_add(self.unrecorded.load(Ordering::Relaxed))
    }

    /// The encryptions that this process knows of.
    pub fn made(&self) -> u64 {
        let recorded = self.recorded.load(Ordering::Acquire);
        recorded.saturating_sub(self.recorded_reserve.load(Ordering::Relaxed)).saturating_add(self.unrecorded().made)
    }

    /// What is in no row yet.
    pub fn unrecorded(&self) -> Used {
        // First, so that it is in the sum that is read after it.
        let reserved = self.unrecorded_reserve.load(Ordering::Acquire);
        Used { made: self.unrecorded.load(Ordering::Relaxed).saturating_sub(reserved), reserved }
    }

    /// Counts `more` encryptions in advance.
    pub fn reserve(&self, more: u64) {
        self.unrecorded.fetch_add(more, Ordering::Relaxed);
        self.unrecorded_reserve.fetch_add(more, Ordering::Release);
    }

    /// `counted` has got into the row, which now says `recorded`.
    pub fn settle(&self, counted: Used, recorded: Used) {
        // In this order, so that whoever looks meanwhile never takes what was reserved for what was made.
        self.recorded_reserve.fetch_max(recorded.reserved, Ordering::Relaxed);
        self.recorded.fetch_max(recorded.bound(), Ordering::Release);
        // More than was there cannot be taken off: each use is settled once, by the change that counted it.
        let unrecorded = self.unrecorded();
        self.unrecorded.fetch_sub(counted.bound().min(unrecorded.bound()), Ordering::Relaxed);
        self.unrecorded_reserve.fetch_sub(counted.reserved.min(unrecorded.reserved), Ordering::Release);
    }

    /// Encrypts a row; refuses with [`BarrierError::Exhausted`] once `encryptions_max` are used up.
    pub fn seal(&self, key: &[u8], plain: &[u8], rng: &dyn Rng, encryptions_max: u64) -> Result<Bytes, BarrierError> {
        if self.bound() >= encryptions_max {
            return Err(BarrierError::Exhausted);
        }
        self.unrecorded.fetch_add(1, Ordering::Relaxed);
        let nonce: [u8; NONCE_LEN] = rng.bytes();
        let prefix = prefix(self.number);
        let mut out = Vec::with_capacity(PREFIX_LEN + NONCE_LEN + plain.len() + TAG_LEN);
        out.extend_from_slice(&prefix);
        out.extend_from_slice(&nonce);
        out.extend_from_slice(plain);
        let body = out.get_mut(PREFIX_LEN + NONCE_LEN..).unwrap_or_default();
        let tag = with_aad(&prefix, key, |aad| {
            self.key.seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), Aad::from(aad), body)
        })
        .map_err(|_| BarrierError::Provider)?;
        out.extend_from_slice(tag.as_ref());
        Ok(out.into())
    }

    /// Errors: [`BarrierError::WrongKey`] when it does not check.
    pub fn open(&self, key: &[u8], row: &RowParts<'_>) -> Result<Bytes, BarrierError> {
        // Not `vec![0; n]`: the allocator's way to zeroed memory is the slow one, and all of it is written over.
        let mut plain = row.ciphertext.to_vec();
        with_aad(&prefix(self.number), key, |aad| {
            let nonce = Nonce::assume_unique_for_key(*row.nonce);
            self.key.open_separate_gather(nonce, Aad::from(aad), row.ciphertext, row.tag, &mut plain)
        })
        .map_err(|_| BarrierError::WrongKey)?;
        Ok(plain.into())
    }
}

/// An encrypted row, taken apart.
pub(crate) struct RowParts<'a> {
    pub term: u32,
    nonce: &'a [u8; NONCE_LEN],
    ciphertext: &'a [u8],
    tag: &'a [u8; TAG_LEN],
}

impl<'a> RowParts<'a> {
    /// `None` for what is too short or of another format.
    pub fn split(sealed: &'a [u8]) -> Option<Self> {
        let (version, rest) = sealed.split_first()?;
        let (term, rest) = rest.split_first_chunk::<4>()?;
        let (nonce, rest) = rest.split_first_chunk::<NONCE_LEN>()?;
        let (ciphertext, tag) = rest.split_last_chunk::<TAG_LEN>()?;
        (*version == FORMAT).then_some(Self { term: u32::from_be_bytes(*term), nonce, ciphertext, tag })
    }
}

fn prefix(term: u32) -> [u8; PREFIX_LEN] {
    let [a, b, c, d] = term.to_be_bytes();
    [FORMAT, a, b, c, d]
}

/// The associated data as one slice, on the stack for keys of common length: this runs for every row that is read.
fn with_aad<R>(prefix: &[u8; PREFIX_LEN], key: &[u8], run: impl FnOnce(&[u8]) -> R) -> R {
    const COMMON: usize = 256;
    let len = PREFIX_LEN + key.len();
    let mut small = [0; COMMON];
    match small.get_mut(..len) {
        Some(aad) => {
            let (head, tail) = aad.split_at_mut(PREFIX_LEN);
            head.copy_from_slice(prefix);
            tail.copy_from_slice(key);
            run(aad)
        }
        None => run(&[prefix.as_slice(), key].concat()),
    }
}
