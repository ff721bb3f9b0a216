//! How far commits have been acknowledged.
//!
//! Written after each fsync of the log and before anybody is told, but not synced itself: it survives `kill -9`, and mostly
//! power loss. With it an acknowledged record that has become unreadable is told from one that was never finished.
use crate::OpenError;
use crate::file::DiskFile;
use kw_store::Revision;
use std::io;
use std::path::Path;

pub(crate) const NAME: &str = "acknowledged";
const MAGIC: &[u8; 8] = b"KWMARK 1";
const LEN: usize = 24;

#[derive(Debug)]
pub(crate) struct Mark {
    file: DiskFile,
}

impl Mark {
    pub fn create(dir: &Path) -> io::Result<Self> {
        let mark = Self { file: DiskFile::create(dir.join(NAME))? };
        mark.set(Revision(0))?;
        mark.file.sync()?;
        Ok(mark)
    }

    pub fn open(dir: &Path) -> Result<(Self, Revision), OpenError> {
        let path = dir.join(NAME);
        let file = DiskFile::open(path.clone()).map_err(|e| match e.kind() {
            io::ErrorKind::NotFound => OpenError::corrupt(&path, 0, "this file is missing"),
            _ => OpenError::io(format!("opening {}", path.display()))(e),
        })?;
        let mut found = [0; LEN];
        if file.len().map_err(file.failed("reading"))? != LEN as u64 {
            return Err(OpenError::corrupt(&path, 0, "this file does not have its length of 24 bytes"));
        }
        file.read_at(0, &mut found).map_err(file.failed("reading"))?;
        let number = found.get(8..16).and_then(|b| b.try_into().ok()).map_or(0, u64::from_be_bytes);
        if found != encode(Revision(number)) {
            return Err(OpenError::corrupt(&path, 0, "this file does not match its checksum"));
        }
        Ok((Self { file }, Revision(number)))
    }

    pub fn set(&self, acknowledged: Revision) -> io::Result<()> {
        self.file.write_at(0, &encode(acknowledged))
    }

    pub fn sync(&self) -> io::Result<()> {
        self.file.sync()
    }
}

fn encode(acknowledged: Revision) -> [u8; LEN] {
    let mut out = [0; LEN];
    let number = acknowledged.0.to_be_bytes();
    let crc = crc32c::crc32c_append(crc32c::crc32c(MAGIC), &number);
    let fields = [MAGIC.as_slice(), &number, &u64::from(crc).to_be_bytes()];
    out.iter_mut().zip(fields.into_iter().flatten()).for_each(|(to, from)| *to = *from);
    out
}
