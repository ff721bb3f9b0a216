//! Where lines go.
use parking_lot::Mutex;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

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
    file: Mutex<File>,
}

impl FileSink {
    /// Opens or makes the file with this mode, whatever the umask, and its folder with mode 0700.
    pub fn open(path: impl AsRef<Path>, mode: u32) -> io::Result<Self> {
        let path = path.as_ref().to_path_buf();
        let file = Mutex::new(open(&path, mode)?);
        Ok(Self { path, mode, file })
    }
}

fn open(path: &Path, mode: u32) -> io::Result<File> {
    if let Some(folder) = path.parent().filter(|f| !f.as_os_str().is_empty() && !f.exists()) {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    let file = OpenOptions::new().create(true).append(true).mode(mode).open(path)?;
    let is_file = file.metadata()?.is_file();
    if is_file && file.metadata()?.permissions().mode() & 0o777 != mode {
        file.set_permissions(std::fs::Permissions::from_mode(mode))?;
    }
    Ok(file)
}

impl AuditSink for FileSink {
    fn write(&self, lines: &[u8]) -> io::Result<()> {
        let mut file = self.file.lock();
        // One write for all lines: with O_APPEND they stay together even if another process appends to the same file.
        match file.write(lines)? {
            n if n == lines.len() => Ok(()),
            n => file.write_all(lines.get(n..).unwrap_or_default()),
        }
    }

    fn reopen(&self) -> io::Result<()> {
        *self.file.lock() = open(&self.path, self.mode)?;
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
