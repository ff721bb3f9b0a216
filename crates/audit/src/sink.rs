//! Where lines go.
use crate::settle::Settler;
use parking_lot::Mutex;
use rustix::fs::OFlags;
use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Takes whole lines. `Ok` means the operating system has them: they survive the end of this process.
pub trait AuditSink: Send + Sync {
    fn write(&self, lines: &[u8]) -> io::Result<()>;
    /// Closes and opens again, after a log rotation.
    fn reopen(&self) -> io::Result<()>;
}

/// Appends to a file.
pub struct FileSink {
    path: PathBuf,
    mode: u32,
    /// `None` after a reopening that failed: the next write tries again, and so it fails until the file can be had.
    open: Mutex<Option<Appender>>,
}

impl FileSink {
    /// Opens or makes the file with this mode, whatever the umask, and its folder with mode 0700.
    pub fn open(path: impl AsRef<Path>, mode: u32) -> io::Result<Self> {
        let path = path.as_ref().to_path_buf();
        let open = Mutex::new(Some(Appender::open(&path, mode)?));
        Ok(Self { path, mode, open })
    }
}

impl AuditSink for FileSink {
    /// A file that was deleted is made anew: lines in a file without a name would be lost with this process.
    fn write(&self, lines: &[u8]) -> io::Result<()> {
        let mut open = self.open.lock();
        if open.as_ref().is_some_and(Appender::is_deleted) {
            *open = None;
        }
        match open.as_mut() {
            Some(appender) => appender.append(lines),
            None => open.insert(Appender::open(&self.path, self.mode)?).append(lines),
        }
    }

    fn reopen(&self) -> io::Result<()> {
        let mut open = self.open.lock();
        *open = None;
        *open = Some(Appender::open(&self.path, self.mode)?);
        Ok(())
    }
}

/// A file that is open for appending.
struct Appender {
    file: Arc<File>,
    /// `None` for what is no file: a pipe or a terminal keeps nothing.
    settler: Option<Settler>,
    /// Whether the last line was not written to its end, for want of room.
    is_torn: bool,
}

impl Appender {
    fn open(path: &Path, mode: u32) -> io::Result<Self> {
        if let Some(folder) = path.parent().filter(|f| !f.as_os_str().is_empty() && !f.exists()) {
            DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        }
        // A pipe that nobody reads must fail rather than wait: requests wait for what is written here. Files do not care.
        let flags = OFlags::NONBLOCK.bits().cast_signed();
        let file = OpenOptions::new().create(true).append(true).mode(mode).custom_flags(flags).open(path)?;
        let known = file.metadata()?;
        if known.is_file() && known.permissions().mode() & 0o777 != mode {
            file.set_permissions(Permissions::from_mode(mode))?;
        }
        let file = Arc::new(file);
        Ok(Self { settler: known.is_file().then(|| Settler::new(file.clone())), file, is_torn: false })
    }

    fn is_deleted(&self) -> bool {
        self.file.metadata().is_ok_and(|known| known.nlink() == 0)
    }

    fn append(&mut self, lines: &[u8]) -> io::Result<()> {
        if self.is_torn {
            // What is left of the torn line stays alone on its own; the next one can be read.
            self.file.as_ref().write_all(b"\n")?;
            self.is_torn = false;
        }
        // One write for all lines: with O_APPEND they stay together even if another process appends to the same file.
        let written = match self.file.as_ref().write(lines) {
            Ok(written) => written,
            Err(error) if error.kind() == ErrorKind::Interrupted => 0,
            Err(error) => return Err(error),
        };
        self.is_torn = written > 0;
        self.file.as_ref().write_all(lines.get(written..).unwrap_or_default())?;
        self.is_torn = false;
        if let Some(settler) = &mut self.settler {
            settler.appended(lines.len());
        }
        Ok(())
    }
}

/// Writes to standard output.
pub struct StdoutSink;

impl AuditSink for StdoutSink {
    fn write(&self, lines: &[u8]) -> io::Result<()> {
        let mut out = io::stdout().lock();
        out.write_all(lines)?;
        out.flush()
    }

    fn reopen(&self) -> io::Result<()> {
        Ok(())
    }
}

/// Takes all lines and keeps none.
pub struct DiscardSink;

impl AuditSink for DiscardSink {
    fn write(&self, _: &[u8]) -> io::Result<()> {
        Ok(())
    }

    fn reopen(&self) -> io::Result<()> {
        Ok(())
    }
}
