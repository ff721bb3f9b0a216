//! The row of the root key under seals that open by themselves: an entry for each.
use super::{ROOT_KEY_ROW, WrappedKey, from_base64, to_base64};
use crate::derive::{RootKey, UnsealKey};
use crate::envelope::{open_under, seal_under};
use crate::error::BarrierError;
use kw_types::Rng;
use serde::{Deserialize, Serialize};

const VERSION: u8 = 1;

/// [`ROOT_KEY_ROW`] as JSON.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct SealedRoot {
    version: u8,
    pub entries: Vec<Entry>,
}

/// The root key under a key of its own, and that under a seal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    /// The seal's name in the configuration.
    pub seal: String,
    pub kind: String,
    pub key: WrappedKey,
    #[serde(serialize_with = "to_base64", deserialize_with = "from_base64")]
    root: Vec<u8>,
}

impl SealedRoot {
    /// Errors: [`BarrierError::Malformed`] for what we did not write, such as the row of a Shamir seal.
    pub fn parse(row: &[u8]) -> Result<Self, BarrierError> {
        let parsed: Self = serde_json::from_slice(row).map_err(|_| BarrierError::Malformed(ROOT_KEY_ROW))?;
        if parsed.version == VERSION { Ok(parsed) } else { Err(BarrierError::Malformed(ROOT_KEY_ROW)) }
    }

    pub fn encode(entries: Vec<Entry>) -> Result<Vec<u8>, BarrierError> {
        serde_json::to_vec(&Self { version: VERSION, entries }).map_err(|_| BarrierError::Malformed(ROOT_KEY_ROW))
    }

    /// The entry of the seal of this name and kind.
    pub fn entry(&self, seal: &str, kind: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.seal == seal && entry.kind == kind)
    }
}

impl Entry {
    /// `key` is what `wrapped` holds.
    pub fn new(
        (seal, kind): (&str, &str),
        key: &UnsealKey,
        wrapped: WrappedKey,
        root: &RootKey,
        rng: &dyn Rng,
    ) -> Result<Self, BarrierError> {
        let root = seal_under(key.expose(), &label(seal, kind), root.expose(), rng)?;
        Ok(Self { seal: seal.to_owned(), kind: kind.to_owned(), key: wrapped, root })
    }

    /// Errors: [`BarrierError::WrongKey`].
    pub fn open(&self, key: &UnsealKey) -> Result<RootKey, BarrierError> {
        let root = open_under(key.expose(), &label(&self.seal, &self.kind), &self.root)?;
        RootKey::from_slice(root.expose()).ok_or(BarrierError::Malformed("root key"))
    }
}

/// The label is authenticated, so an entry does not pass for another seal's.
fn label(seal: &str, kind: &str) -> String {
    format!("root key by seal {kind} {seal}")
}
