//! What shares that people hold are tried on.
use super::{RECOVERY_KEY_ROW, SealConfig, from_base64, to_base64};
use crate::derive::{KEY_LEN, RootKey, UnsealKey, secret_from};
use crate::envelope::{open_under, seal_under};
use crate::error::BarrierError;
use bytes::Bytes;
use kw_types::{Rng, Secret};
use serde::{Deserialize, Serialize};

const ROOT: &str = "root key";
const PROOF: &str = "recovery proof";

/// The label of the subkey that a recovery key leads to where it was not to open the store.
pub(crate) const PROOF_SUBKEY: &str = "recovery proof";

/// How a key is split, and the row that it opens.
#[derive(Clone, Debug)]
pub struct ShareLock {
    config: SealConfig,
    content: Content,
}

#[derive(Clone, Debug)]
enum Content {
    Root(Bytes),
    Proof(Bytes),
}

/// What enough shares led to. That it opened proves that the shares belong together, and not yet that whoever wrote the row
/// knew the root key: so where the barrier is open, ask it ([`crate::Barrier::vouches_for`]).
#[derive(Clone, Debug)]
pub enum Opened {
    Root(RootKey),
    /// The shares speak for their holders, but open nothing.
    Proof(Secret<[u8; KEY_LEN]>),
}

/// The row [`RECOVERY_KEY_ROW`] as JSON.
#[derive(Serialize, Deserialize)]
pub(crate) struct RecoveryRow {
    version: u8,
    /// Whether the box holds the root key. Public; a lie here makes the box not open, since its label differs.
    opens_store: bool,
    #[serde(serialize_with = "to_base64", deserialize_with = "from_base64")]
    sealed: Vec<u8>,
}

const RECOVERY_VERSION: u8 = 1;

impl ShareLock {
    /// Of the Shamir seal: `root_row` is [`super::ROOT_KEY_ROW`].
    pub fn shamir(config: SealConfig, root_row: impl Into<Bytes>) -> Self {
        Self { config, content: Content::Root(root_row.into()) }
    }

    /// Of a recovery key: `row` is [`RECOVERY_KEY_ROW`].
    pub fn recovery(config: SealConfig, row: &[u8]) -> Result<Self, BarrierError> {
        let row: RecoveryRow = serde_json::from_slice(row).map_err(|_| BarrierError::Malformed(RECOVERY_KEY_ROW))?;
        if row.version != RECOVERY_VERSION {
            return Err(BarrierError::Malformed(RECOVERY_KEY_ROW));
        }
        let sealed = Bytes::from(row.sealed);
        let content = if row.opens_store { Content::Root(sealed) } else { Content::Proof(sealed) };
        Ok(Self { config, content })
    }

    /// How many shares there are, and how many it takes.
    pub fn config(&self) -> &SealConfig {
        &self.config
    }

    /// Whether the shares lead to the root key.
    pub fn opens_store(&self) -> bool {
        matches!(self.content, Content::Root(_))
    }

    /// Errors: [`BarrierError::WrongKey`].
    pub(crate) fn open(&self, key: &UnsealKey) -> Result<Opened, BarrierError> {
        match &self.content {
            Content::Root(sealed) => unwrap(key, sealed).map(Opened::Root),
            Content::Proof(sealed) => {
                let proof = open_under(key.expose(), PROOF, sealed)?;
                secret_from(proof.expose()).map(Opened::Proof).ok_or(BarrierError::Malformed(RECOVERY_KEY_ROW))
            }
        }
    }
}

impl RecoveryRow {
    /// A row that opens the store.
    pub fn of_root(key: &UnsealKey, root: &RootKey, rng: &dyn Rng) -> Result<Vec<u8>, BarrierError> {
        Self::encode(true, wrap(key, root, rng)?)
    }

    /// A row that only shows whether shares are right; `proof` is the subkey [`PROOF_SUBKEY`], so that nobody without the
    /// keyring can make such a row.
    pub fn of_proof(key: &UnsealKey, proof: &Secret<[u8; KEY_LEN]>, rng: &dyn Rng) -> Result<Vec<u8>, BarrierError> {
        Self::encode(false, seal_under(key.expose(), PROOF, proof.expose(), rng)?)
    }

    fn encode(opens_store: bool, sealed: Vec<u8>) -> Result<Vec<u8>, BarrierError> {
        let row = Self { version: RECOVERY_VERSION, opens_store, sealed };
        serde_json::to_vec(&row).map_err(|_| BarrierError::Malformed(RECOVERY_KEY_ROW))
    }
}

/// The root key under an unseal or recovery key.
pub(crate) fn wrap(key: &UnsealKey, root: &RootKey, rng: &dyn Rng) -> Result<Vec<u8>, BarrierError> {
    seal_under(key.expose(), ROOT, root.expose(), rng)
}

/// The other way.
pub(crate) fn unwrap(key: &UnsealKey, wrapped: &[u8]) -> Result<RootKey, BarrierError> {
    let root = open_under(key.expose(), ROOT, wrapped)?;
    RootKey::from_slice(root.expose()).ok_or(BarrierError::Malformed("root key"))
}
