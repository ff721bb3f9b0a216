//! The base file, block by block, each with its checksum.
//!
//! redb checks its pages only when it repairs. Here every block of 4096 bytes is stored behind eight bytes that hold a
//! CRC-32C of the block and its number, and is checked whenever it is read from the disk: a flipped bit, a block of another
//! place or a page torn by a crash is an error and never a wrong answer.
use crate::file::{DiskFile, is_full};
use parking_lot::{RwLock, RwLockUpgradableReadGuard};
use redb::StorageBackend;
use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::sync::{Arc, OnceLock};

const BLOCK_LEN: usize = 4096;
const HEAD_LEN: usize = 8;
const STRIDE: usize = HEAD_LEN + BLOCK_LEN;
const TAG: [u8; 4] = *b"KWB1";

/// How many blocks are held before they are written without waiting for the sync: 4 MiB.
const HELD_MAX: usize = 1024;

/// What is written in one go, in bytes.
const RUN_LEN: usize = 64 * STRIDE;

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
///
/// A fold writes its pages one by one and in no order. They are held until the sync and then written side by side: a few long
/// writes, where thousands of short ones would each begin and end within a page of the system's.
#[derive(Debug)]
pub(crate) struct Blocks {
    file: DiskFile,
    condition: Arc<Condition>,
    /// Blocks that were written and are not in the file yet, without their heads.
    held: RwLock<BTreeMap<u64, Box<Block>>>,
}

type Block = [u8; BLOCK_LEN];

impl Blocks {
    pub fn new(file: DiskFile, condition: Arc<Condition>) -> Self {
        Self { file, condition, held: RwLock::default() }
    }

    /// Writes what is held, which readers find meanwhile.
    fn flush(&self) -> io::Result<()> {
        let held = self.held.upgradable_read();
        let mut run = Run::default();
        for (number, data) in held.iter() {
            if !run.takes(*number) {
                self.write_run(&mut run)?;
            }
            run.push(*number, data);
        }
        self.write_run(&mut run)?;
        RwLockUpgradableReadGuard::upgrade(held).clear();
        Ok(())
    }

    fn write_run(&self, run: &mut Run) -> io::Result<()> {
        self.patiently(|file| file.write_at(run.first * STRIDE as u64, &run.raw))?;
        run.raw.clear();
        Ok(())
    }

    /// One block as it was last written.
    fn newest(&self, number: u64, out: &mut Block) -> io::Result<()> {
        if let Some(data) = self.held.read().get(&number) {
            out.copy_from_slice(data.as_slice());
            return Ok(());
        }
        self.load_one(number, out)
    }

    /// A block with other bytes at one place.
    fn changed(&self, number: u64, skip: usize, bytes: &[u8]) -> io::Result<Box<Block>> {
        let mut block = Box::new([0; BLOCK_LEN]);
        self.newest(number, &mut block)?;
        block.get_mut(skip..skip + bytes.len()).unwrap_or_default().copy_from_slice(bytes);
        Ok(block)
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
        if let (0, Ok(block)) = (skip, <&mut Block>::try_from(&mut *out)) {
            return self.newest(first, block);
        }
        let (last, _) = locate(offset + out.len() as u64 - 1);
        if self.held.read().range(first..=last).next().is_some() {
            self.flush()?;
        }
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
        self.flush()?;
        self.patiently(|file| file.set_len(len.div_ceil(BLOCK_LEN as u64) * STRIDE as u64))
    }

    fn sync_data(&self) -> io::Result<()> {
        self.flush()?;
        self.file.sync()
    }

    /// redb writes whole pages, but for its header: only there is a block read to be written again, and only by one thread.
    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let (mut number, mut skip) = locate(offset);
        let mut rest = data;
        while !rest.is_empty() {
            let (now, later) = rest.split_at(rest.len().min(BLOCK_LEN - skip));
            // Most are whole, and go into their box as they are.
            let block = match Box::<[u8]>::from(now).try_into() {
                Ok(whole) => whole,
                Err(_) => self.changed(number, skip, now)?,
            };
            self.held.write().insert(number, block);
            (rest, number, skip) = (later, number + 1, 0);
        }
        if self.held.read().len() < HELD_MAX { Ok(()) } else { self.flush() }
    }
}

/// Blocks that lie side by side, as they are in the file.
#[derive(Default)]
struct Run {
    first: u64,
    raw: Vec<u8>,
}

impl Run {
    /// Whether this block can be the next one.
    fn takes(&self, number: u64) -> bool {
        self.raw.is_empty() || number == self.first + (self.raw.len() / STRIDE) as u64 && self.raw.len() < RUN_LEN
    }

    fn push(&mut self, number: u64, data: &Block) {
        if self.raw.is_empty() {
            self.first = number;
            self.raw.reserve(RUN_LEN);
        }
        self.raw.extend_from_slice(&head_of(number, data));
        self.raw.extend_from_slice(data);
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
