//! The file of a snapshot: a gzipped tar archive as Vault's clients expect it.
//!
//! `meta.json` says what it is, `state.bin` holds the rows in the store's own format ([`kw_store::snapshot`]), `SHA256SUMS` the
//! hashes of both, and `SHA256SUMS.sealed` the same text encrypted by the barrier: only a server with the same keys could
//! have written that, so whoever kept the file has changed, added or removed no row.
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use kw_barrier::sha256;
use kw_store::{RowCipher, StoreError};
use kw_types::Fault;
use serde::Serialize;
use std::io::{self, Read};

const META: &str = "meta.json";
const STATE: &str = "state.bin";
const SUMS: &str = "SHA256SUMS";
const SEALED_SUMS: &str = "SHA256SUMS.sealed";

/// Takes the place of a row's key in the authenticated data, so that no row of the store passes for the sums.
const LABEL: &[u8] = b"snapshot sums";

/// Rows are encrypted and do not shrink, so we compress nothing; whatever unpacks to more than this is not ours.
const UNPACKED_PER_PACKED: u64 = 4;
const UNPACKED_LEN_MIN: u64 = 1024 * 1024;

/// What `meta.json` says, in the words of Vault's.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Meta {
    pub version: u32,
    #[serde(rename = "ID")]
    pub id: String,
    /// The newest revision that the snapshot can hold.
    pub index: u64,
    pub term: u64,
    /// Of `state.bin`, in bytes.
    pub size: usize,
}

/// What was in an archive whose sums fit.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Contents {
    pub state: Vec<u8>,
    sums: Vec<u8>,
    sealed_sums: Vec<u8>,
}

/// Packs a snapshot. Errors: 503 while sealed.
pub(super) fn pack(cipher: &dyn RowCipher, meta: &Meta, state: &[u8], mtime_seconds: u64) -> Result<Vec<u8>, Fault> {
    let meta = serde_json::to_vec(meta).map_err(Fault::internal)?;
    let sums = sums_of(&meta, state);
    let sealed_sums = cipher.seal(LABEL, &sums)?;
    let mut archive =
        tar::Builder::new(GzEncoder::new(Vec::with_capacity(state.len() + 16 * 1024), Compression::none()));
    for (name, content) in [(META, meta.as_slice()), (STATE, state), (SUMS, &sums), (SEALED_SUMS, &sealed_sums)] {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o600);
        header.set_mtime(mtime_seconds);
        archive.append_data(&mut header, name, content).map_err(Fault::internal)?;
    }
    archive.into_inner().and_then(GzEncoder::finish).map_err(Fault::internal)
}

/// Unpacks a snapshot and compares its sums. Errors: 400 when it is not one, or was damaged.
pub(super) fn unpack(packed: &[u8]) -> Result<Contents, Fault> {
    let len_max = (packed.len() as u64).saturating_mul(UNPACKED_PER_PACKED).max(UNPACKED_LEN_MIN);
    let mut archive = tar::Archive::new(GzDecoder::new(packed).take(len_max));
    let (mut meta, mut contents) = (None, Contents { state: Vec::new(), sums: Vec::new(), sealed_sums: Vec::new() });
    for entry in archive.entries().map_err(damaged)? {
        let mut entry = entry.map_err(damaged)?;
        let mut content = Vec::new();
        entry.read_to_end(&mut content).map_err(damaged)?;
        match entry.path_bytes().as_ref() {
            name if name == META.as_bytes() => meta = Some(content),
            name if name == STATE.as_bytes() => contents.state = content,
            name if name == SUMS.as_bytes() => contents.sums = content,
            name if name == SEALED_SUMS.as_bytes() => contents.sealed_sums = content,
            _ => return Err(Fault::bad_request("the snapshot holds a file that no snapshot has")),
        }
    }
    if meta.is_none_or(|meta| sums_of(&meta, &contents.state) != contents.sums) {
        return Err(Fault::bad_request("the snapshot is damaged or cut off: its checksums do not match"));
    }
    Ok(contents)
}

impl Contents {
    /// Whether a server with these keys wrote the snapshot. Errors: 503 while sealed.
    pub fn is_ours(&self, cipher: &dyn RowCipher) -> Result<bool, Fault> {
        match cipher.open(LABEL, &self.sealed_sums.clone().into()) {
            Ok(sums) => Ok(sums == self.sums),
            Err(StoreError::Corrupt(_)) => Ok(false),
            // Of a key that this server does not have: one that another server made, or this one after the snapshot it runs on.
            Err(StoreError::Unavailable(why)) => Err(Fault::unavailable("the keys are not at hand").because(why)),
            Err(error) => Err(error.into()),
        }
    }
}

/// Lines as `sha256sum` writes them.
fn sums_of(meta: &[u8], state: &[u8]) -> Vec<u8> {
    let line = |content: &[u8], name| format!("{}  {name}\n", hex::encode(sha256(content)));
    (line(meta, META) + &line(state, STATE)).into_bytes()
}

fn damaged(error: io::Error) -> Fault {
    Fault::bad_request("the snapshot is damaged or is none: it does not unpack").because(error)
}
