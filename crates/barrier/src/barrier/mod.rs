//! The barrier itself: sealed, or open with a keyring.
use crate::cipher::{FORMAT, RowParts, TermCipher};
use crate::derive::{KEY_LEN, RootKey};
use crate::envelope::{open_under, seal_under};
use crate::error::BarrierError;
use crate::keyring::{BLOCK, Keyring, Term, Used};
use crate::mac::MacKeys;
use crate::seal::{Opened, PROOF_SUBKEY};
use arc_swap::ArcSwapOption;
use bytes::Bytes;
use kw_store::{RowCipher, StoreError};
use kw_types::{Rng, Secret, Time};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

#[cfg(test)]
mod tests;

/// From so many encryptions under one term on, [`Barrier::needs_rotation`] says yes. NIST SP 800-38D allows 2^32 with random
/// nonces.
pub const ROTATE_AT: u64 = 1 << 31;

/// With so many encryptions under one term nothing more is encrypted until it is rotated. The gap to 2^32 is room for what
/// other nodes have not recorded yet.
pub const ENCRYPTIONS_MAX: u64 = 3 << 30;

/// From so many unrecorded encryptions on, [`Barrier::needs_checkpoint`] says yes.
///
/// As many are counted as used whenever the barrier is opened. So if the kernel writes a checkpoint when it is asked to, what
/// a crash forgets has been paid for in advance, and the count in the keyring never falls short.
pub const CHECKPOINT_AT: u64 = BLOCK;

const HANDOVER: &str = "root key handover";

/// Encrypts and decrypts every row. Sealed at first.
///
/// Changes of the keyring are made in two steps, since this crate does no I/O: a `plan_..` method takes the keyring row as
/// it is in the store and gives a [`KeyringChange`]; the kernel commits its row (with the old one as read, so that two nodes
/// cannot both win), and then [`Barrier::apply`] puts it in force. A plan that is dropped did nothing.
pub struct Barrier {
    open: ArcSwapOption<Open>,
    /// Whether there are keys in `open`: every request asks.
    is_open: AtomicBool,
    /// Held while `open` is replaced, so that no change is lost between two of them.
    changing: Mutex<()>,
    rng: Arc<dyn Rng>,
}

struct Open {
    root: RootKey,
    keyring: Keyring,
    active: Arc<TermCipher>,
    /// In order of their numbers.
    ciphers: Vec<Arc<TermCipher>>,
    macs: MacKeys,
}

/// A new keyring, to be committed and then applied.
#[derive(Debug)]
pub struct KeyringChange {
    keyring: Keyring,
    root: RootKey,
    counted: Vec<(u32, Used)>,
    row: Vec<u8>,
    handover: Option<Vec<u8>>,
}

/// The active term, as `sys/key-status` shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TermStatus {
    pub term: u32,
    pub installed: Time,
    /// How many there were, as far as they are known: without what is reserved (see [`CHECKPOINT_AT`]), and so without what
    /// crashes forgot and what other nodes have not recorded yet.
    pub encryptions: u64,
}

impl KeyringChange {
    /// The new content of [`crate::seal::KEYRING_ROW`].
    pub fn row(&self) -> &[u8] {
        &self.row
    }

    /// The new content of [`crate::seal::HANDOVER_ROW`]: there when the root key has changed, so that nodes that hold the
    /// former one can [`Barrier::follow`].
    pub fn handover(&self) -> Option<&[u8]> {
        self.handover.as_deref()
    }

    /// As [`Barrier::subkey`], once the change is in force.
    pub(crate) fn subkey(&self, label: &str) -> Result<Secret<[u8; KEY_LEN]>, BarrierError> {
        self.keyring.subkey(label)
    }

    /// The root key that the change puts in force, for the seals to encrypt.
    pub fn root(&self) -> &RootKey {
        &self.root
    }
}

impl Barrier {
    /// A sealed barrier that takes its nonces and keys from `rng`.
    pub fn new(rng: Arc<dyn Rng>) -> Self {
        Self { open: ArcSwapOption::empty(), is_open: AtomicBool::new(false), changing: Mutex::new(()), rng }
    }

    /// Whether there are no keys.
    pub fn is_sealed(&self) -> bool {
        !self.is_open.load(Ordering::SeqCst)
    }

    /// Opens the barrier. [`Barrier::needs_checkpoint`] is true right afterwards, see [`CHECKPOINT_AT`].
    ///
    /// Errors: [`BarrierError::WrongKey`] when the keyring is not that of this root key.
    pub fn unseal(&self, root: RootKey, keyring_row: &[u8]) -> Result<(), BarrierError> {
        let _changing = self.changing.lock();
        let keyring = Keyring::open(&root, keyring_row)?;
        let open = Open::new(root, keyring, None)?;
        open.active.reserve(CHECKPOINT_AT);
        self.open.store(Some(Arc::new(open)));
        self.is_open.store(true, Ordering::SeqCst);
        Ok(())
    }

    /// Another barrier with the same root key and this keyring, which may be of another time: for reading what a copy holds.
    ///
    /// Errors: [`BarrierError::WrongKey`] when the keyring is not that of this root key.
    pub fn beside(&self, keyring_row: &[u8]) -> Result<Self, BarrierError> {
        let root = self.open.load().as_ref().ok_or(BarrierError::Sealed)?.root.clone();
        let beside = Self::new(self.rng.clone());
        beside.unseal(root, keyring_row).map(|()| beside)
    }

    /// Forgets all keys: from here on nothing opens, but for rows that are being opened in this moment.
    pub fn seal(&self) {
        let _changing = self.changing.lock();
        self.is_open.store(false, Ordering::SeqCst);
        self.open.store(None);
    }

    /// The 32-byte key for a purpose, such as `token hash`: derived from the keyring's base secret, the same for the life of
    /// the installation. `None` while sealed.
    pub fn subkey(&self, label: &str) -> Option<Secret<[u8; KEY_LEN]>> {
        self.open.load().as_ref()?.keyring.subkey(label).ok()
    }

    /// HMAC-SHA-256 (RFC 2104) under the [`Barrier::subkey`] for a purpose. `None` while sealed.
    pub fn mac(&self, purpose: &str, data: &[u8]) -> Option<[u8; 32]> {
        let open = self.open.load();
        let open = open.as_ref()?;
        open.macs.sign(purpose, data, || open.keyring.subkey(purpose).ok())
    }

    /// The root key in force, for the seals to encrypt; `None` while sealed.
    pub fn root(&self) -> Option<RootKey> {
        self.open.load().as_ref().map(|open| open.root.clone())
    }

    /// Whether what shares led to is of this very installation: a row that opens under some shares may have been put in place
    /// by whoever can write to the store. Never while sealed.
    pub fn vouches_for(&self, opened: &Opened) -> bool {
        match opened {
            Opened::Root(root) => self.root().is_some_and(|mine| mine.matches(root)),
            Opened::Proof(proof) => self.subkey(PROOF_SUBKEY).is_some_and(|mine| mine.matches(proof.expose())),
        }
    }

    /// Whether a keyring row as it is in the store opens under this root key and holds the keys in force: so whoever has the
    /// root key can read all rows. Changes nothing.
    pub fn is_opened_by(&self, root: &RootKey, keyring_row: &[u8]) -> bool {
        let open = self.open.load();
        let (Some(open), Ok(stored)) = (open.as_ref(), Keyring::open(root, keyring_row)) else { return false };
        open.keyring
            .terms()
            .all(|mine| stored.terms().any(|term| term.number == mine.number && term.key.matches(mine.key.expose())))
    }

    /// The active term; `None` while sealed.
    pub fn status(&self) -> Option<TermStatus> {
        let open = self.open.load();
        let open = open.as_ref()?;
        let term = open.keyring.active();
        Some(TermStatus { term: term.number, installed: term.installed, encryptions: open.active.made() })
    }

    /// Whether the active term has been used so much that it should be rotated now.
    pub fn needs_rotation(&self) -> bool {
        self.open.load().as_ref().is_some_and(|open| open.active.bound() >= ROTATE_AT)
    }

    /// Whether so many encryptions are unrecorded that [`Barrier::plan_checkpoint`] should be called now.
    pub fn needs_checkpoint(&self) -> bool {
        self.open.load().as_ref().is_some_and(|open| open.active.unrecorded().bound() >= CHECKPOINT_AT)
    }

    /// Records the encryptions of this process in the keyring. Do so also before sealing.
    pub fn plan_checkpoint(&self, keyring_row: &[u8]) -> Result<KeyringChange, BarrierError> {
        self.plan(keyring_row, None, |_| Ok(()))
    }

    /// Adds a term; also records.
    pub fn plan_rotation(&self, keyring_row: &[u8], now: Time) -> Result<KeyringChange, BarrierError> {
        self.plan(keyring_row, None, |keyring| keyring.rotate(&*self.rng, now))
    }

    /// Puts the keyring under a new root key; also records. [`crate::ceremony::rekey`] makes the rows that go with it.
    pub fn plan_rekey(&self, keyring_row: &[u8]) -> Result<KeyringChange, BarrierError> {
        self.plan(keyring_row, Some(RootKey::generate(&*self.rng)), |_| Ok(()))
    }

    /// Puts a committed change in force. Does nothing when the barrier was sealed meanwhile, or a newer term is in force.
    pub fn apply(&self, change: KeyringChange) -> Result<(), BarrierError> {
        let _changing = self.changing.lock();
        let Some(open) = self.open.load_full() else { return Ok(()) };
        for (number, counted) in &change.counted {
            let term = change.keyring.terms().find(|term| term.number == *number);
            let recorded = term.map(|t| t.used).unwrap_or_default();
            if let Some(cipher) = open.cipher(*number) {
                cipher.settle(*counted, recorded);
            }
        }
        self.replace(&open, change.root, change.keyring)
    }

    /// Takes over a keyring that another node has written.
    ///
    /// Errors: [`BarrierError::WrongKey`] when the root key has changed: try [`Barrier::follow`], and seal if that fails too.
    pub fn reload(&self, keyring_row: &[u8]) -> Result<(), BarrierError> {
        let _changing = self.changing.lock();
        let open = self.open.load_full().ok_or(BarrierError::Sealed)?;
        let keyring = Keyring::open(&open.root, keyring_row)?;
        self.replace(&open, open.root.clone(), keyring)
    }

    /// Takes over a root key and a keyring that another node has written.
    ///
    /// Errors: [`BarrierError::WrongKey`] when more than one rekeying was missed.
    pub fn follow(&self, handover_row: &[u8], keyring_row: &[u8]) -> Result<(), BarrierError> {
        let _changing = self.changing.lock();
        let open = self.open.load_full().ok_or(BarrierError::Sealed)?;
        let root = open_under(open.root.expose(), HANDOVER, handover_row)?;
        let root = RootKey::from_slice(root.expose()).ok_or(BarrierError::Malformed("handover"))?;
        let keyring = Keyring::open(&root, keyring_row)?;
        self.replace(&open, root, keyring)
    }

    fn plan(
        &self,
        keyring_row: &[u8],
        new_root: Option<RootKey>,
        edit: impl FnOnce(&mut Keyring) -> Result<(), BarrierError>,
    ) -> Result<KeyringChange, BarrierError> {
        let open = self.open.load_full().ok_or(BarrierError::Sealed)?;
        let mut keyring = Keyring::open(&open.root, keyring_row)?;
        let counted: Vec<_> =
            open.ciphers.iter().map(|c| (c.number(), c.unrecorded())).filter(|(_, n)| n.bound() > 0).collect();
        for (number, more) in &counted {
            keyring.count(*number, *more);
        }
        edit(&mut keyring)?;
        let rng = &*self.rng;
        let handover = match &new_root {
            Some(new) => Some(seal_under(open.root.expose(), HANDOVER, new.expose(), rng)?),
            None => None,
        };
        let root = new_root.unwrap_or_else(|| open.root.clone());
        let row = keyring.seal(&root, rng)?;
        Ok(KeyringChange { keyring, root, counted, row, handover })
    }

    /// A watch may bring a newer keyring before our own older commit is applied; terms never go back.
    fn replace(&self, open: &Open, root: RootKey, keyring: Keyring) -> Result<(), BarrierError> {
        if keyring.active().number >= open.active.number() {
            self.open.store(Some(Arc::new(Open::new(root, keyring, Some(open))?)));
        }
        Ok(())
    }
}

impl Open {
    /// Ciphers of terms that `former` has are shared with it, so that no count is lost.
    fn new(root: RootKey, keyring: Keyring, former: Option<&Open>) -> Result<Self, BarrierError> {
        let mut ciphers = Vec::new();
        for term in keyring.terms() {
            let cipher = match former.and_then(|open| open.same_cipher(term)) {
                Some(same) => {
                    same.settle(Used::default(), term.used);
                    same.clone()
                }
                None => Arc::new(TermCipher::new(term)?),
            };
            ciphers.push(cipher);
        }
        let active = ciphers.last().cloned().ok_or(BarrierError::Malformed("keyring"))?;
        Ok(Self { root, keyring, active, ciphers, macs: MacKeys::default() })
    }

    fn cipher(&self, number: u32) -> Option<&Arc<TermCipher>> {
        // Almost every row was written under the active term.
        if self.active.number() == number {
            return Some(&self.active);
        }
        let at = self.ciphers.binary_search_by_key(&number, |cipher| cipher.number()).ok()?;
        self.ciphers.get(at)
    }

    /// After a restored backup, a term of the same number may have another key.
    fn same_cipher(&self, term: &Term) -> Option<&Arc<TermCipher>> {
        let mut terms = self.keyring.terms();
        terms.find(|mine| mine.number == term.number && mine.key.matches(term.key.expose()))?;
        self.cipher(term.number)
    }
}

impl RowCipher for Barrier {
    fn seal(&self, key: &[u8], plain: &[u8]) -> Result<Bytes, StoreError> {
        let open = self.open.load();
        let open = open.as_ref().ok_or(BarrierError::Sealed)?;
        Ok(open.active.seal(key, plain, &*self.rng, ENCRYPTIONS_MAX)?)
    }

    fn open(&self, key: &[u8], sealed: &Bytes) -> Result<Bytes, StoreError> {
        let open = self.open.load();
        let open = open.as_ref().ok_or(BarrierError::Sealed)?;
        let row = RowParts::split(sealed).ok_or_else(|| unreadable(sealed))?;
        let Some(cipher) = open.cipher(row.term) else {
            return Err(if row.term > open.active.number() {
                // Another node has rotated, and its keyring has not reached this one.
                StoreError::Unavailable("the row was written under a key that this node has not loaded yet".to_owned())
            } else {
                damaged("the row names a key that there never was")
            });
        };
        cipher.open(key, &row).map_err(|_| damaged("the row does not check: it was changed, moved or cut"))
    }
}

/// Why a row cannot be taken apart.
fn unreadable(sealed: &[u8]) -> StoreError {
    match sealed.first() {
        Some(version) if *version > FORMAT => damaged(&format!(
            "the row has format {version}, and this version knows formats up to {FORMAT}: it was written by a newer Keywright"
        )),
        _ => damaged("the row is too short or of an unknown format"),
    }
}

fn damaged(what: &str) -> StoreError {
    StoreError::Corrupt(what.to_owned())
}
