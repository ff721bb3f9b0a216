//! The file of a snapshot: a gzipped tar archive as Vault's clients expect it.
//!
//! `meta.json` says what it is, `state.bin` holds the rows in the store's own format ([`kw_store::snapshot`]), `SHA256SUMS` the
//! hashes of both, and `SHA256SUMS.sealed` the same text encrypted by the barrier: only a server with the same keys could
//! have written that, so whoever kept the file has changed, added or removed no row.
use aws_lc_rs::digest::{Context, SHA256};
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use kw_barrier::sha256;
use kw_store::{RowCipher, StoreError};
use kw_types::Fault;
use serde::Serialize;
use std::io::{self, Read, Write};

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
pub(crate) struct Meta {
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
pub(crate) struct Contents {
    pub state: Vec<u8>,
    sums: Vec<u8>,
    sealed_sums: Vec<u8>,
}

/// Packs a snapshot. Errors: 503 while sealed.
pub(crate) fn pack(cipher: &dyn RowCipher, meta: &Meta, state: &[u8], mtime_seconds: u64) -> Result<Vec<u8>, Fault> {
    let label = Label::new(cipher, meta, &sha256(state))?;
    let mut out = Vec::with_capacity(state.len() + 16 * 1024);
    label.write(&mut out, state, mtime_seconds).map_err(Fault::internal)?;
    Ok(out)
}

/// All of an archive but its state.
pub(crate) struct Label {
    meta: Vec<u8>,
    state_len: u64,
    sums: Vec<u8>,
    sealed_sums: bytes::Bytes,
}

impl Label {
    /// For a state of this hash. Errors: 503 while sealed.
    pub fn new(cipher: &dyn RowCipher, meta: &Meta, state_sha256: &[u8; 32]) -> Result<Self, Fault> {
        let state_len = meta.size as u64;
        let meta = serde_json::to_vec(meta).map_err(Fault::internal)?;
        let sums = sums_of(&meta, state_sha256);
        let sealed_sums = cipher.seal(LABEL, &sums)?;
        Ok(Self { meta, state_len, sums, sealed_sums })
    }

    /// Writes the archive; the state is read as it is written.
    pub fn write(&self, out: impl Write, state: impl Read, mtime_seconds: u64) -> io::Result<()> {
        let mut archive = tar::Builder::new(GzEncoder::new(out, Compression::none()));
        let mut append = |name: &str, len: u64, content: &mut dyn Read| {
            let mut header = tar::Header::new_gnu();
            header.set_size(len);
            header.set_mode(0o600);
            header.set_mtime(mtime_seconds);
            archive.append_data(&mut header, name, content)
        };
        append(META, self.meta.len() as u64, &mut self.meta.as_slice())?;
        append(STATE, self.state_len, &mut { state })?;
        append(SUMS, self.sums.len() as u64, &mut self.sums.as_slice())?;
        append(SEALED_SUMS, self.sealed_sums.len() as u64, &mut self.sealed_sums.as_ref())?;
        archive.into_inner().and_then(GzEncoder::finish)?.flush()
    }
}

/// Reads an archive of any size, handing the state to `take` as it comes, which must read it to its end. What it gives counts
/// only if this returns `Ok`: the sums stand at the end. Errors: 400 when it is none, or was damaged; those of `take`.
pub(crate) fn read<T>(
    packed: impl Read,
    take: impl FnOnce(&mut dyn Read) -> Result<T, Fault>,
) -> Result<(T, Contents), Fault> {
    let mut archive = tar::Archive::new(GzDecoder::new(packed));
    let mut contents = Contents { state: Vec::new(), sums: Vec::new(), sealed_sums: Vec::new() };
    let (mut meta, mut taken, mut take) = (None, None, Some(take));
    for entry in archive.entries().map_err(damaged)? {
        let mut entry = entry.map_err(damaged)?;
        let name = entry.path_bytes().into_owned();
        if name == STATE.as_bytes() {
            let mut state = Hashing { inner: &mut entry, context: Context::new(&SHA256) };
            let take = take.take().ok_or_else(|| Fault::bad_request("the snapshot holds its state twice"))?;
            taken = Some((take(&mut state)?, state.context.finish()));
            continue;
        }
        let mut content = Vec::new();
        entry.take(SMALL_LEN_MAX).read_to_end(&mut content).map_err(damaged)?;
        match name.as_slice() {
            name if name == META.as_bytes() => meta = Some(content),
            name if name == SUMS.as_bytes() => contents.sums = content,
            name if name == SEALED_SUMS.as_bytes() => contents.sealed_sums = content,
            _ => return Err(Fault::bad_request("the snapshot holds a file that no snapshot has")),
        }
    }
    match (meta, taken) {
        (Some(meta), Some((taken, hash))) if sums_of(&meta, hash.as_ref()) == contents.sums => Ok((taken, contents)),
        _ => Err(Fault::bad_request("the snapshot is damaged or cut off: its checksums do not match")),
    }
}

/// What stands beside the state is small.
const SMALL_LEN_MAX: u64 = 64 * 1024;

struct Hashing<R> {
    inner: R,
    context: Context,
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.context.update(buffer.get(..read).unwrap_or_default());
        Ok(read)
    }
}

/// Unpacks a snapshot and compares its sums. Errors: 400 when it is not one, or was damaged.
pub(crate) fn unpack(packed: &[u8]) -> Result<Contents, Fault> {
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
    if meta.is_none_or(|meta| sums_of(&meta, &sha256(&contents.state)) != contents.sums) {
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
fn sums_of(meta: &[u8], state_sha256: &[u8]) -> Vec<u8> {
    let line = |hash: &[u8], name| format!("{}  {name}\n", hex::encode(hash));
    (line(&sha256(meta), META) + &line(state_sha256, STATE)).into_bytes()
}

fn damaged(error: io::Error) -> Fault {
    Fault::bad_request("the snapshot is damaged or is none: it does not unpack").because(error)
}
