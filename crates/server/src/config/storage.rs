//! Where the data lives.
use super::section::Section;
use super::{ConfigError, Level, Notice, keys};
use std::path::PathBuf;

/// The cache of the embedded store where none is set, in bytes.
const CACHE_SIZE: u64 = 8 << 20;

/// The store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Storage {
    /// In memory: lost at the end of the process.
    InMem,
    /// In a directory of this machine.
    Embedded {
        path: PathBuf,
        /// In bytes.
        cache_size: u64,
    },
}

/// Reads the last of the `storage` and `backend` blocks.
pub(super) fn read(top: &Section<'_>, notices: &mut Vec<Notice>) -> Result<Storage, ConfigError> {
    let mut blocks = top.blocks("backend", 1)?;
    blocks.extend(top.blocks("storage", 1)?);
    let Some(block) = blocks.pop() else {
        let text = "no storage: add storage \"embedded\" { path = \"/var/lib/keywright\" }";
        return Err(top.wrong_here(text));
    };
    let known = match block.label(0) {
        Some("inmem" | "inmem_ha" | "inmem_transactional") => {
            block.check_keys(keys::STORAGE_INMEM, notices);
            return Ok(Storage::InMem);
        }
        Some("embedded") => keys::STORAGE_EMBEDDED,
        Some(kind @ ("file" | "raft")) => {
            let text = format!("storage {kind:?} is kept in the embedded store, in the same directory");
            notices.push(block.notice(Level::Info, &text));
            keys::STORAGE_TAKEN_OVER
        }
        _ => return Err(block.wrong_here("this storage type is not supported: use \"embedded\" or \"inmem\"")),
    };
    block.check_keys(known, notices);
    let Some(path) = block.path("path")? else {
        return Err(block.wrong_here("storage needs path: the directory for the data"));
    };
    let cache_size = match block.bytes("cache_size")? {
        None => CACHE_SIZE,
        Some(size) => u64::try_from(size).map_err(|_| block.wrong("cache_size", "cache_size must not be negative"))?,
    };
    Ok(Storage::Embedded { path, cache_size })
}
