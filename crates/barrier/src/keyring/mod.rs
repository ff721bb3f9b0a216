//! The keyring: one base secret that never changes, and the terms of the data keys.
use crate::BarrierError;
use crate::derive::{KEY_LEN, RootKey, derive, secret_from};
use crate::envelope::{open_under, seal_under};
use kw_types::{Rng, RngExt, Secret, Time};

#[cfg(test)]
mod tests;

const LABEL: &str = "keyring";
const FORMAT: u8 = 1;

/// A term: one data key, from its installation to the next rotation.
#[derive(Clone, Debug)]
pub(crate) struct Term {
    /// Counts from 1.
    pub number: u32,
    pub key: Secret<[u8; KEY_LEN]>,
    pub installed: Time,
    pub used: Used,
}

/// How often a term's key was used, on all nodes, as far as anybody has recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Used {
    /// How many rows it has encrypted.
    pub made: u64,
    /// What was counted beside that for processes that could not record all that they did, a multiple of [`BLOCK`]. Apart
    /// from `made`, since it is no use that anybody knows of, but one that there may have been.
    pub reserved: u64,
}

/// What is reserved at a time.
pub(crate) const BLOCK: u64 = 1 << 20;

impl Used {
    /// The most that there can be.
    pub fn bound(self) -> u64 {
        self.made.saturating_add(self.reserved)
    }
}

/// All keys below the root key.
#[derive(Clone, Debug)]
pub(crate) struct Keyring {
    base: Secret<[u8; KEY_LEN]>,
    /// In order.
    older: Vec<Term>,
    active: Term,
}

impl Keyring {
    /// A keyring with a random first term.
    pub fn generate(rng: &dyn Rng, now: Time) -> Self {
        Self { base: Secret::new(rng.bytes()), older: Vec::new(), active: Term::generate(1, rng, now) }
    }

    /// Adds a term; rows are written under it from now on, and older rows stay readable.
    pub fn rotate(&mut self, rng: &dyn Rng, now: Time) -> Result<(), BarrierError> {
        let number = self.active.number.checked_add(1).ok_or(BarrierError::Exhausted)?;
        let former = std::mem::replace(&mut self.active, Term::generate(number, rng, now));
        self.older.push(former);
        Ok(())
    }

    /// The newest term.
    pub fn active(&self) -> &Term {
        &self.active
    }

    /// All terms in order, the active one last.
    pub fn terms(&self) -> impl Iterator<Item = &Term> {
        self.older.iter().chain(std::iter::once(&self.active))
    }

    /// Adds to a term's count of uses.
    pub fn count(&mut self, number: u32, more: Used) {
        let terms = self.older.iter_mut().chain(std::iter::once(&mut self.active));
        for Term { used, .. } in terms.filter(|term| term.number == number) {
            used.made = used.made.saturating_add(more.made);
            used.reserved = used.reserved.saturating_add(more.reserved);
        }
    }

    /// The key for a purpose; the same for the life of the installation.
    pub fn subkey(&self, label: &str) -> Result<Secret<[u8; KEY_LEN]>, BarrierError> {
        derive(self.base.expose(), &[b"subkey ", label.as_bytes()])
    }

    /// The row that is stored.
    pub fn seal(&self, root: &RootKey, rng: &dyn Rng) -> Result<Vec<u8>, BarrierError> {
        // Reserved whole, so that no half-written copy of a key is left behind by growing.
        let mut plain = Vec::with_capacity(1 + KEY_LEN + (self.older.len() + 1) * TERM_LEN);
        plain.push(FORMAT);
        plain.extend_from_slice(self.base.expose());
        for term in self.terms() {
            plain.extend_from_slice(&term.number.to_be_bytes());
            plain.extend_from_slice(term.key.expose());
            plain.extend_from_slice(&term.installed.nanos().to_be_bytes());
            plain.extend_from_slice(&pack(term.used).to_be_bytes());
        }
        let plain = Secret::new(plain);
        seal_under(root.expose(), LABEL, plain.expose(), rng)
    }

    /// Errors: [`BarrierError::WrongKey`] under another root key, [`BarrierError::Malformed`] for what we did not write.
    pub fn open(root: &RootKey, sealed: &[u8]) -> Result<Self, BarrierError> {
        let plain = open_under(root.expose(), LABEL, sealed)?;
        parse(plain.expose()).ok_or(BarrierError::Malformed("keyring"))
    }
}

impl Term {
    fn generate(number: u32, rng: &dyn Rng, now: Time) -> Self {
        Self { number, key: Secret::new(rng.bytes()), installed: now, used: Used::default() }
    }
}

/// Number, key, installation time, uses.
const TERM_LEN: usize = 4 + KEY_LEN + 8 + 8;

fn parse(plain: &[u8]) -> Option<Keyring> {
    let (version, rest) = plain.split_first()?;
    let (base, mut rest) = rest.split_at_checked(KEY_LEN)?;
    let mut terms: Vec<Term> = Vec::with_capacity(rest.len() / TERM_LEN);
    while !rest.is_empty() {
        let (term, after) = parse_term(rest)?;
        if terms.last().is_some_and(|last| last.number >= term.number) {
            return None;
        }
        terms.push(term);
        rest = after;
    }
    let active = terms.pop()?;
    (*version == FORMAT).then_some(Keyring { base: secret_from(base)?, older: terms, active })
}

fn parse_term(bytes: &[u8]) -> Option<(Term, &[u8])> {
    let (number, bytes) = bytes.split_first_chunk::<4>()?;
    let (key, bytes) = bytes.split_at_checked(KEY_LEN)?;
    let (installed, bytes) = bytes.split_first_chunk::<8>()?;
    let (used, bytes) = bytes.split_first_chunk::<8>()?;
    let term = Term {
        number: u32::from_be_bytes(*number),
        key: secret_from(key)?,
        installed: Time::from_nanos(i64::from_be_bytes(*installed)),
        used: unpack(u64::from_be_bytes(*used)),
    };
    Some((term, bytes))
}

/// Bits of [`Used::made`] in the row; those above have the number of blocks. No term comes near either bound.
const MADE_BITS: u32 = 48;
const MADE_MAX: u64 = (1 << MADE_BITS) - 1;

fn pack(used: Used) -> u64 {
    let blocks = used.reserved.div_ceil(BLOCK).min(u64::from(u16::MAX));
    blocks << MADE_BITS | used.made.min(MADE_MAX)
}

fn unpack(bits: u64) -> Used {
    Used { made: bits & MADE_MAX, reserved: (bits >> MADE_BITS).saturating_mul(BLOCK) }
}
