//! One file of the log: a header, then records; filled with zeros ahead, so that a sync writes data and no metadata.
use crate::OpenError;
use crate::file::{DiskFile, room_in, sync_dir};
use crate::record::{self, Head};
use bytes::Bytes;
use kw_store::Revision;
use std::io;
use std::path::{Path, PathBuf};

/// The header takes the first sector; records begin after it.
pub(crate) const HEADER_LEN: u64 = 512;
const MAGIC: &[u8; 8] = b"KWLOG  1";
/// The part of the header that is not zeros.
const HEADER_USED: usize = 48;
const SPARE_NAME: &str = "log.new";

/// An open segment. Its number says its place in the log and is never used again.
#[derive(Debug)]
pub(crate) struct Segment {
    file: DiskFile,
    pub number: u64,
    /// What the header says, in bytes; the file can be shorter after a copy that was cut off.
    pub len: u64,
}

/// What is at a place where a record might begin.
pub(crate) enum Found {
    Record {
        head: Head,
        payload: Bytes,
    },
    /// The head of a record of this segment, but the rest does not match it.
    Torn,
    /// Zeros, leftovers of the file's earlier life, or the end of the file.
    Nothing,
}

impl Segment {
    /// Makes a segment out of nothing or out of one that is not needed any more, and makes it durable.
    pub fn prepare(dir: &Path, id: &[u8; 16], number: u64, len: u64, used: Option<Segment>) -> io::Result<Self> {
        let (mut file, filled) = match used {
            Some(old) => {
                let mut file = old.file;
                file.rename(SPARE_NAME)?;
                sync_dir(dir)?;
                (file, old.len)
            }
            // If it cannot fit, it is not begun: each attempt would take the room that others on this disk live on, the
            // audit log among them, only to give it back.
            None if room_in(dir)? < len => return Err(io::ErrorKind::StorageFull.into()),
            None => (DiskFile::create(dir.join(SPARE_NAME))?, 0),
        };
        let made = file
            .zero(filled, len)
            .and_then(|()| file.write_at(0, &header(id, number, len)))
            .and_then(|()| file.sync())
            .and_then(|()| file.rename(&name_of(number)))
            .and_then(|()| sync_dir(dir));
        match made {
            Ok(()) => Ok(Self { file, number, len }),
            Err(e) => {
                // Room is given back at once; what cannot be removed now is removed at the next start.
                let _ = file.remove();
                Err(e)
            }
        }
    }

    pub fn open(path: PathBuf, number: u64, id: &[u8; 16]) -> Result<Self, OpenError> {
        let file = DiskFile::open(path).map_err(OpenError::io("opening a segment of the log"))?;
        let mut found = [0; HEADER_USED];
        if file.len().map_err(file.failed("reading"))? >= HEADER_LEN {
            file.read_at(0, &mut found).map_err(file.failed("reading"))?;
        }
        let len = found.get(32..40).and_then(|b| b.try_into().ok()).map_or(0, u64::from_be_bytes);
        if !header(id, number, len).starts_with(&found) {
            return Err(OpenError::corrupt(file.path(), 0, "the header of this segment of the log is damaged"));
        }
        Ok(Self { file, number, len })
    }

    /// The length that the file really has, in bytes.
    pub fn file_len(&self) -> io::Result<u64> {
        self.file.len()
    }

    pub fn path(&self) -> &Path {
        self.file.path()
    }

    /// Writes a record. `offset` is a multiple of [`record::ALIGN`]. Errors: where the disk is full, nothing is there that
    /// could be read as a record.
    pub fn write(&self, offset: u64, record: &[u8]) -> io::Result<()> {
        self.file.write_or_nothing(offset, record, record::HEAD_LEN)
    }

    pub fn sync(&self) -> io::Result<()> {
        self.file.sync()
    }

    /// Looks at the place where a record might begin.
    pub fn look(&self, offset: u64) -> io::Result<Found> {
        let mut head = [0; record::HEAD_LEN];
        let end = self.file.len()?;
        if offset + record::HEAD_LEN as u64 > end {
            return Ok(Found::Nothing);
        }
        self.file.read_at(offset, &mut head)?;
        let Some(head) = Head::decode(&head, self.number) else { return Ok(Found::Nothing) };
        let start = offset + record::HEAD_LEN as u64;
        if start + u64::from(head.payload_len) > end {
            return Ok(Found::Torn);
        }
        // The length is bounded by the file's by now, so a damaged one cannot ask for much memory.
        let mut payload = vec![0; head.payload_len as usize];
        self.file.read_at(start, &mut payload)?;
        Ok(if head.fits(&payload) { Found::Record { head, payload: payload.into() } } else { Found::Torn })
    }

    /// The first place at or after `from` where a whole record begins, with its first revision.
    pub fn find_record(&self, from: u64) -> io::Result<Option<(u64, Revision)>> {
        const CHUNK: usize = 256 * 1024;
        let mut chunk = vec![0; CHUNK];
        let mut at = from;
        let end = self.file.len()?;
        while at < end {
            let len = usize::try_from(end - at).unwrap_or(CHUNK).min(CHUNK);
            let buffer = chunk.get_mut(..len).unwrap_or_default();
            self.file.read_at(at, buffer)?;
            for (offset, sector) in (at..).step_by(record::ALIGN).zip(buffer.chunks(record::ALIGN)) {
                if Head::decode(sector, self.number).is_none() {
                    continue;
                }
                if let Found::Record { head, .. } = self.look(offset)? {
                    return Ok(Some((offset, head.first)));
                }
            }
            at += len as u64;
        }
        Ok(None)
    }

    /// Clears everything from `offset` on, durably.
    pub fn clear_from(&self, offset: u64) -> io::Result<()> {
        self.file.zero(offset, self.len)?;
        self.file.sync()
    }

    /// Writes a record that is there once more, durably.
    pub fn write_again(&self, offset: u64, len: u64) -> io::Result<()> {
        let end = self.file.len()?.min(offset.saturating_add(len));
        let mut record = vec![0; usize::try_from(end.saturating_sub(offset)).map_err(|_| io::ErrorKind::InvalidData)?];
        self.file.read_at(offset, &mut record)?;
        self.file.write_at(offset, &record)?;
        self.file.sync()
    }

    pub fn remove(self) -> io::Result<()> {
        self.file.remove()
    }
}

/// The segments in a directory, by number; leftovers of an unfinished preparation are removed.
pub(crate) fn list(dir: &Path) -> io::Result<Vec<(u64, PathBuf)>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        let Some(name) = path.file_name().and_then(|n| n.to_str()) else { continue };
        if name == SPARE_NAME {
            std::fs::remove_file(&path)?;
        } else if let Some(number) = number_of(name) {
            found.push((number, path));
        }
    }
    found.sort();
    Ok(found)
}

fn name_of(number: u64) -> String {
    format!("log-{number:016x}")
}

fn number_of(name: &str) -> Option<u64> {
    let digits = name.strip_prefix("log-")?;
    let number = u64::from_str_radix(digits, 16).ok()?;
    (name == name_of(number)).then_some(number)
}

/// Magic, store id, number, length of the file, CRC-32C of those, zeros.
fn header(id: &[u8; 16], number: u64, len: u64) -> Vec<u8> {
    let mut out = Vec::with_capacity(HEADER_LEN as usize);
    out.extend_from_slice(MAGIC);
    out.extend_from_slice(id);
    out.extend_from_slice(&number.to_be_bytes());
    out.extend_from_slice(&len.to_be_bytes());
    let crc = crc32c::crc32c(&out);
    out.extend_from_slice(&u64::from(crc).to_be_bytes());
    out.resize(HEADER_LEN as usize, 0);
    out
}
