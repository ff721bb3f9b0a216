//! The base file, block by block, each with its checksum.
//!
//! redb checks its pages only when it repairs. Here every block of 4096 bytes is stored behind eight bytes that hold a
//! CRC-32C of the block and its number, and is checked whenever it is read from the disk: a flipped bit, a block of another
//! place or a page torn by a crash is an error and never a wrong answer.
use crate::file::{DiskFile, is_full};
use redb::StorageBackend;
use std::fmt;
use std::io;
use std::sync::{Arc, OnceLock};

const BLOCK_LEN: usize = 4096;
const HEAD_LEN: usize = 8;
const STRIDE: usize = HEAD_LEN + BLOCK_LEN;
const TAG: [u8; 4] = *b"KWB1";

/// What to do when the disk is full in the middle of a write: waits, and says whether to try again.
pub(crate) type WhenFull = Box<dyn Fn() -> bool + Send + Sync>;

/// What is known of the base file beside what redb knows.
#[derive(Default)]
pub(crate) struct Condition {
    /// The first damage that was found, with its place.
    pub damage: OnceLock<String>,
    /// Why the store takes no more writes. A read that the disk refuses sets it, since redb reads no more after that.
    pub poison: Arc<OnceLock<String>>,
    pub when_full: OnceLock<WhenFull>,
}

impl fmt::Debug for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Condition").field("damage", &self.damage).finish_non_exhaustive()
    }
}

/// redb's storage, on one file.
#[derive(Debug)]
pub(crate) struct Blocks {
    file: DiskFile,
    condition: Arc<Condition>,
}

impl Blocks {
    pub fn new(file: DiskFile, condition: Arc<Condition>) -> Self {
        Self { file, condition }
    }

    fn damaged(&self, what: &str, offset: u64) -> io::Error {
        let text = format!("{}: {what} at offset {offset}", self.file.path().display());
        let error = io::Error::new(io::ErrorKind::InvalidData, text.clone());
        // The first finding is the one to tell; later ones follow from it.
        let _ = self.condition.damage.set(text);
        error
    }

    /// The blocks `first..=last`, heads and all, after a check of each.
    fn load(&self, first: u64, last: u64) -> io::Result<Vec<u8>> {
        let count = usize::try_from(last - first + 1).map_err(|_| io::ErrorKind::InvalidInput)?;
        let mut raw = vec![0; count * STRIDE];
        self.told(self.file.read_at(first * STRIDE as u64, &mut raw))?;
        for (number, block) in (first..).zip(raw.chunks_exact(STRIDE)) {
            self.check(number, block.split_at(HEAD_LEN))?;
        }
        Ok(raw)
    }

    /// One whole block, straight into its place: the most frequent read by far.
    fn load_one(&self, number: u64, out: &mut [u8]) -> io::Result<()> {
        let mut head = [0; HEAD_LEN];
        self.told(self.file.read_parts_at(number * STRIDE as u64, &mut head, out))?;
        self.check(number, (&head, out))
    }

    fn check(&self, number: u64, (head, data): (&[u8], &[u8])) -> io::Result<()> {
        if is_sound(number, head, data) {
            return Ok(());
        }
        Err(self.damaged("a block does not match its checksum", number * STRIDE as u64))
    }

    /// Remembers that the disk has refused a read.
    fn told(&self, outcome: io::Result<()>) -> io::Result<()> {
        outcome.inspect_err(|e| {
            let text = format!("reading {}: {e}", self.file.path().display());
            if self.condition.poison.set(text).is_ok() {
                tracing::error!(file = %self.file.path().display(), error = %e, "the disk refuses a read of the table; check it, then restart");
            }
        })
    }

    /// Does it again for as long as the disk is full. A write that was done by half is done anew as a whole.
    fn patiently(&self, work: impl Fn(&DiskFile) -> io::Result<()>) -> io::Result<()> {
        loop {
            match work(&self.file) {
                Err(e) if is_full(&e) && self.condition.when_full.get().is_some_and(|wait| wait()) => {}
                other => return other,
            }
        }
    }
}

impl StorageBackend for Blocks {
    fn len(&self) -> io::Result<u64> {
        let raw = self.file.len()?;
        if raw % STRIDE as u64 != 0 {
            return Err(self.damaged("the file is cut off", raw));
        }
        Ok(raw / STRIDE as u64 * BLOCK_LEN as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        if out.is_empty() {
            return Ok(());
        }
        let (first, skip) = locate(offset);
        if skip == 0 && out.len() == BLOCK_LEN {
            return self.load_one(first, out);
        }
        let (last, _) = locate(offset + out.len() as u64 - 1);
        let raw = self.load(first, last)?;
        let mut rest = out;
        for (i, block) in raw.chunks_exact(STRIDE).enumerate() {
            let data = block.get(HEAD_LEN + if i == 0 { skip } else { 0 }..).unwrap_or_default();
            let (now, later) = rest.split_at_mut(data.len().min(rest.len()));
            now.copy_from_slice(data.get(..now.len()).unwrap_or_default());
            rest = later;
        }
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.patiently(|file| file.set_len(len.div_ceil(BLOCK_LEN as u64) * STRIDE as u64))
    }

    fn sync_data(&self) -> io::Result<()> {
        self.file.sync()
    }

    /// redb writes whole pages, but for its header: only there is a block read to be written again, and only by one thread.
    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        if data.is_empty() {
            return Ok(());
        }
        let (first, skip) = locate(offset);
        let (last, _) = locate(offset + data.len() as u64 - 1);
        let mut raw = if skip == 0 && data.len().is_multiple_of(BLOCK_LEN) {
            vec![0; data.len() / BLOCK_LEN * STRIDE]
        } else {
            self.load(first, last)?
        };
        let mut rest = data;
        for (i, block) in raw.chunks_exact_mut(STRIDE).enumerate() {
            let from = HEAD_LEN + if i == 0 { skip } else { 0 };
            let room = block.get_mut(from..).unwrap_or_default();
            let len = room.len().min(rest.len());
            let (now, later) = rest.split_at(len);
            room.get_mut(..len).unwrap_or_default().copy_from_slice(now);
            rest = later;
        }
        for (number, block) in (first..).zip(raw.chunks_exact_mut(STRIDE)) {
            let head = head_of(number, block.get(HEAD_LEN..).unwrap_or_default());
            block.get_mut(..HEAD_LEN).unwrap_or_default().copy_from_slice(&head);
        }
        self.patiently(|file| file.write_at(first * STRIDE as u64, &raw))
    }
}

/// The block that holds a byte, and where in it.
fn locate(offset: u64) -> (u64, usize) {
    let block = BLOCK_LEN as u64;
    (offset / block, usize::try_from(offset % block).unwrap_or(0))
}

fn head_of(number: u64, data: &[u8]) -> [u8; HEAD_LEN] {
    let crc = crc32c::crc32c_append(crc32c::crc32c(&number.to_be_bytes()), data);
    let mut head = [0; HEAD_LEN];
    let (tag, sum) = head.split_at_mut(TAG.len());
    tag.copy_from_slice(&TAG);
    sum.copy_from_slice(&crc.to_be_bytes());
    head
}

/// A block that was never written is all zeros, head included.
fn is_sound(number: u64, head: &[u8], data: &[u8]) -> bool {
    if head == [0; HEAD_LEN] {
        return data.iter().all(|b| *b == 0);
    }
    head == head_of(number, data)
}
