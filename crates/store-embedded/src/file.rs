//! The files of a store: for the owner's eyes only, written at offsets, with every result of a sync checked.
use crate::OpenError;
use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, IoSliceMut};
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
        before(&path, &Step::Create)?;
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(true).mode(0o600).open(&path)?;
        file.set_permissions(Permissions::from_mode(0o600))?;
        Ok(Self { file, path })
    }

    pub fn open(path: PathBuf) -> io::Result<Self> {
        before(&path, &Step::Open)?;
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
        before(&self.path, &Step::Read)?;
        self.file.read_exact_at(out, offset)
    }

    /// Fills both, one after the other, by one system call where the file goes that far.
    pub fn read_parts_at(&self, offset: u64, first: &mut [u8], second: &mut [u8]) -> io::Result<()> {
        before(&self.path, &Step::Read)?;
        let parts = &mut [IoSliceMut::new(first), IoSliceMut::new(second)];
        let wanted = parts.iter().map(|p| p.len()).sum::<usize>();
        match rustix::io::preadv(&self.file, parts, offset) {
            Ok(len) if len == wanted => Ok(()),
            // Cut short by a signal, or at the end of the file: the slow way knows which.
            _ => {
                self.file.read_exact_at(first, offset)?;
                self.file.read_exact_at(second, offset + first.len() as u64)
            }
        }
    }

    /// Tells the system that reads come in no order, so that it reads nothing ahead that nobody asked for.
    pub fn expect_no_order(&self) {
        // An advice: if it is not taken, reads are slower.
        let _ = rustix::fs::fadvise(&self.file, 0, None, rustix::fs::Advice::Random);
    }

    pub fn write_at(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.write_counted(offset, data).map_err(|(_, error)| error)
    }

    /// The same; if the disk is full, the first `head_len` bytes are as if nothing had been written, so that nobody can take
    /// for whole what was refused. Errors: full only if that is so.
    pub fn write_or_nothing(&self, offset: u64, data: &[u8], head_len: usize) -> io::Result<()> {
        let Err((done, error)) = self.write_counted(offset, data) else { return Ok(()) };
        if done > 0 && is_full(&error) {
            let zeros = vec![0; done.min(head_len)];
            self.write_at(offset, &zeros).map_err(|e| io::Error::other(format!("{error}, then {e}")))?;
        }
        Err(error)
    }

    /// Errors: with how much was written before.
    fn write_counted(&self, offset: u64, data: &[u8]) -> Result<(), (usize, io::Error)> {
        let mut done = 0;
        while let Some(rest) = data.get(done..).filter(|rest| !rest.is_empty()) {
            let at = offset + done as u64;
            let step = Step::Write { file: &self.file, offset: at, data: rest };
            let some = before(&self.path, &step).map_err(|e| (done, e))?.min(rest.len());
            match self.file.write_at(rest.get(..some).unwrap_or(rest), at) {
                Ok(0) => return Err((done, io::ErrorKind::WriteZero.into())),
                Ok(len) => done += len,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err((done, e)),
            }
        }
        Ok(())
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
        before(&self.path, &Step::SetLen { file: &self.file, len })?;
        self.file.set_len(len)
    }

    /// `fdatasync`.
    pub fn sync(&self) -> io::Result<()> {
        before(&self.path, &Step::Sync { file: &self.file })?;
        self.file.sync_data()
    }

    /// Gives the file another name in the same directory. Durable after [`sync_dir`].
    pub fn rename(&mut self, name: &str) -> io::Result<()> {
        let to = self.path.with_file_name(name);
        before(&self.path, &Step::Rename { to: &to })?;
        std::fs::rename(&self.path, &to)?;
        self.path = to;
        Ok(())
    }

    pub fn remove(self) -> io::Result<()> {
        before(&self.path, &Step::Remove)?;
        std::fs::remove_file(&self.path)
    }

    /// This file's name in a text for the operator.
    pub fn failed(&self, what: &str) -> impl FnOnce(io::Error) -> OpenError {
        OpenError::io(format!("{what} {}", self.path.display()))
    }
}

/// Makes the names in a directory durable.
pub(crate) fn sync_dir(dir: &Path) -> io::Result<()> {
    before(dir, &Step::SyncDir)?;
    File::open(dir)?.sync_all()
}

/// How much room this directory's file system has for us, in bytes; file systems that do not tell have enough.
pub(crate) fn room_in(dir: &Path) -> io::Result<u64> {
    let about = rustix::fs::statvfs(dir)?;
    Ok(if about.f_blocks == 0 { u64::MAX } else { about.f_bavail.saturating_mul(about.f_frsize) })
}

/// Whether the error says that there is no room: a full disk or a used-up quota.
pub(crate) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// One thing that is about to be done to the disk. Tests keep it from being done, or allow a write of so many bytes only, as a
/// disk in trouble would.
#[cfg_attr(not(test), expect(dead_code, reason = "only tests look into it"))]
pub(crate) enum Step<'a> {
    Create,
    Open,
    Read,
    Write { file: &'a File, offset: u64, data: &'a [u8] },
    SetLen { file: &'a File, len: u64 },
    Sync { file: &'a File },
    SyncDir,
    Rename { to: &'a Path },
    Remove,
}

#[cfg(not(test))]
#[expect(clippy::unnecessary_wraps, reason = "that of the tests fails")]
fn before(_path: &Path, _step: &Step<'_>) -> io::Result<usize> {
    Ok(usize::MAX)
}

#[cfg(test)]
use crate::tests::faults::before;
