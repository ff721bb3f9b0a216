//! The configuration of `operator migrate`: two storage blocks.
use super::section::Section;
use super::source::Source;
use super::{ConfigError, Notice, Storage, keys, storage};

/// From where to where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Migration {
    pub source: Storage,
    pub destination: Storage,
}

/// Reads `storage_source` and `storage_destination`, each of which is like a `storage` block.
pub(super) fn read(sources: &[Source]) -> Result<(Migration, Vec<Notice>), ConfigError> {
    let mut notices = Vec::new();
    let top = Section::top(sources);
    top.check_keys(keys::MIGRATION, &mut notices);
    let source = one(&top, "storage_source", &mut notices)?;
    let destination = one(&top, "storage_destination", &mut notices)?;
    if source == destination {
        return Err(top.wrong_here("storage_source and storage_destination are the same store"));
    }
    Ok((Migration { source, destination }, notices))
}

fn one(top: &Section<'_>, key: &'static str, notices: &mut Vec<Notice>) -> Result<Storage, ConfigError> {
    let mut blocks = top.blocks(key, 1)?;
    let Some(block) = blocks.pop() else {
        return Err(top.wrong_here(&format!("no {key}: add {key} \"embedded\" {{ path = \"/var/lib/keywright\" }}")));
    };
    if !blocks.is_empty() {
        return Err(block.wrong_here(&format!("there is more than one {key}: keep one")));
    }
    match storage::read_block(&block, notices)? {
        Storage::InMem => {
            Err(block.wrong_here("what is in memory is lost at the end of the process: name another store"))
        }
        storage => Ok(storage),
    }
}
