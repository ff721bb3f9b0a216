//! The files of a store: for the owner's eyes only, written at offsets, with every result of a sync checked.
use crate::OpenError;
use std::fs::{File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// An open file that knows its name, since every error has to tell it.
#[derive(Debug)]
pub(crate) struct DiskFile {
    file: File,
    path: PathBuf,
}

impl DiskFile {
    /// A new, empty file in place of whatever was there. Mode 0600 whatever the umask says.
    pub fn create(path: PathBuf) -> io::Result<Self> {
        strike(&path, Op::Create)?;
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(true).mode(0o600).open(&path)?;
        file.set_permissions(Permissions::from_mode(0o600))?;
        Ok(Self { file, path })
    }

    pub fn open(path: PathBuf) -> io::Result<Self> {
        let file = OpenOptions::new().read(true).write(true).open(&path)?;
        Ok(Self { file, path })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn len(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    /// Fills `out`, or fails.
    pub fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.file.read_exact_at(out, offset)
    }

    pub fn write_at(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        strike(&self.path, Op::Write)?;
        self.file.write_all_at(data, offset)
    }

    /// Fills a range with zeros, so that the blocks are there and no later sync has to allocate them.
    pub fn zero(&self, from: u64, to: u64) -> io::Result<()> {
        static CHUNK: [u8; 64 * 1024] = [0; 64 * 1024];
        let mut at = from;
        while at < to {
            let len = usize::try_from(to - at).unwrap_or(usize::MAX).min(CHUNK.len());
            self.write_at(at, CHUNK.get(..len).unwrap_or_default())?;
            at += len as u64;
        }
        Ok(())
    }

    pub fn set_len(&self, len: u64) -> io::Result<()> {
        strike(&self.path, Op::Write)?;
        self.file.set_len(len)
    }

    /// `fdatasync`.
    pub fn sync(&self) -> io::Result<()> {
        strike(&self.path, Op::Sync)?;
        self.file.sync_data()
    }

    /// Gives the file another name in the same directory. Durable after [`sync_dir`].
    pub fn rename(&mut self, name: &str) -> io::Result<()> {
        let to = self.path.with_file_name(name);
        std::fs::rename(&self.path, &to)?;
        self.path = to;
        Ok(())
    }

    pub fn remove(self) -> io::Result<()> {
        std::fs::remove_file(&self.path)
    }

    /// This file's name in a text for the operator.
    pub fn failed(&self, what: &str) -> impl FnOnce(io::Error) -> OpenError {
        OpenError::io(format!("{what} {}", self.path.display()))
    }
}

/// Makes the names in a directory durable.
pub(crate) fn sync_dir(dir: &Path) -> io::Result<()> {
    strike(dir, Op::Sync)?;
    File::open(dir)?.sync_all()
}

/// Whether the error says that there is no room: a full disk or a used-up quota.
pub(crate) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// What a test can make fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Op {
    Create,
    Write,
    Sync,
}

#[cfg(not(test))]
fn strike(_path: &Path, _op: Op) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
fn strike(path: &Path, op: Op) -> io::Result<()> {
    faults::strike(path, op)
}

/// Injected failures, by path; for the tests of this crate.
#[cfg(test)]
pub(crate) mod faults {
    use super::Op;
    use parking_lot::Mutex;
    use std::io;
    use std::path::{Path, PathBuf};

    struct Planned {
        within: PathBuf,
        name: &'static str,
        op: Op,
        kind: io::ErrorKind,
    }

    static PLANNED: Mutex<Vec<Planned>> = Mutex::new(Vec::new());

    /// From now on `op` fails on files in `within` whose names begin with `name`, until [`clear`].
    pub(crate) fn plan(within: &Path, name: &'static str, op: Op, kind: io::ErrorKind) {
        PLANNED.lock().push(Planned { within: within.to_owned(), name, op, kind });
    }

    pub(crate) fn clear(within: &Path) {
        PLANNED.lock().retain(|p| p.within != within);
    }

    pub(super) fn strike(path: &Path, op: Op) -> io::Result<()> {
        let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
        let hit = |p: &&Planned| p.op == op && path.starts_with(&p.within) && name.starts_with(p.name);
        PLANNED.lock().iter().find(hit).map_or(Ok(()), |p| Err(p.kind.into()))
    }
}
