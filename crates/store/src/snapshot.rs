//! The snapshot format, the same for all backends: a magic line, then rows, then a checksum over all of it.
//!
//! `keywright-snapshot 1\n`, then for each row a big-endian `u32` length and the key, a `u32` length and the value, then the
//! length `0xffff_ffff`, the number of rows as `u64`, and the CRC-32C of everything before it. Values are ciphertext: whoever
//! has the file but no key shares has nothing.
use crate::{Batch, KEY_LEN_MAX, Key, Store, StoreError, VALUE_LEN_MAX};
use bytes::Bytes;
use std::io::{self, Read, Write};

const MAGIC: &[u8] = b"keywright-snapshot 1\n";
const END: u32 = u32::MAX;
const CUT_OFF: &str = "cut off";

/// How much is written at once when a snapshot is restored: below what any backend takes in one commit.
const RESTORE_BATCH_BYTES: usize = 256 * 1024;
const RESTORE_BATCH_ROWS: usize = 100;

/// Writes rows in the order given.
pub fn write(
    out: &mut dyn Write,
    rows: impl Iterator<Item = Result<(Key, Bytes), StoreError>>,
) -> Result<(), StoreError> {
    let mut out = Checked { inner: out, crc: 0 };
    let failed = |e: io::Error| StoreError::Unavailable(format!("writing the snapshot: {e}"));
    out.write_all(MAGIC).map_err(failed)?;
    let mut count = 0_u64;
    for row in rows {
        let (key, value) = row?;
        for part in [&key, &value] {
            let len = u32::try_from(part.len()).map_err(|_| StoreError::TooLarge)?;
            out.write_all(&len.to_be_bytes()).and_then(|()| out.write_all(part)).map_err(failed)?;
        }
        count += 1;
    }
    out.write_all(&END.to_be_bytes()).and_then(|()| out.write_all(&count.to_be_bytes())).map_err(failed)?;
    let crc = out.crc;
    out.inner.write_all(&crc.to_be_bytes()).and_then(|()| out.inner.flush()).map_err(failed)
}

/// Reads a snapshot, handing each row to `each`, and checks that it is whole. Rows are handed out before the checksum is
/// known: keep them aside until this returns `Ok`. Memory: one row, whatever the lengths in the input claim.
pub fn read(
    input: &mut dyn Read,
    mut each: impl FnMut(Key, Bytes) -> Result<(), StoreError>,
) -> Result<u64, StoreError> {
    let mut reader = Reader::new(input)?;
    while let Some((key, value)) = reader.next_row()? {
        each(key, value)?;
    }
    Ok(reader.count)
}

/// Loads a snapshot into an empty store, in batches. Returns the number of rows.
///
/// Rows are written before the checksum at the end is known; [`read`] a file to its end first if that can be done. After an
/// error the store holds a part of the snapshot, and a second attempt is refused: begin anew with an empty store.
///
/// Errors: [`StoreError::Unavailable`] when the store holds rows, [`StoreError::Corrupt`] when the snapshot does not check.
pub async fn restore(store: &dyn Store, input: &mut (dyn Read + Send)) -> Result<u64, StoreError> {
    if !store.keys(&[], &[], 1).await?.is_empty() {
        return Err(StoreError::Unavailable("a snapshot is restored into an empty store only".to_owned()));
    }
    let mut rows = Reader::new(input)?;
    let mut batch = Batch::default();
    let mut bytes = 0;
    while let Some((key, value)) = rows.next_row()? {
        bytes += key.len() + value.len();
        batch.writes.push(crate::Write { key, value: Some(value) });
        if bytes >= RESTORE_BATCH_BYTES || batch.writes.len() >= RESTORE_BATCH_ROWS {
            store.commit(std::mem::take(&mut batch)).await?;
            bytes = 0;
        }
    }
    if !batch.writes.is_empty() {
        store.commit(batch).await?;
    }
    Ok(rows.count)
}

struct Checked<'a> {
    inner: &'a mut dyn Write,
    crc: u32,
}

impl Write for Checked<'_> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let n = self.inner.write(buf)?;
        self.crc = crc32c::crc32c_append(self.crc, buf.get(..n).unwrap_or_default());
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// Reads a snapshot row by row; the end is reached only if the checksum matches.
struct Reader<'a, R: Read + ?Sized> {
    inner: &'a mut R,
    crc: u32,
    count: u64,
}

impl<'a, R: Read + ?Sized> Reader<'a, R> {
    fn new(inner: &'a mut R) -> Result<Self, StoreError> {
        let mut reader = Self { inner, crc: 0, count: 0 };
        if reader.bytes(MAGIC.len(), "too short")? != MAGIC {
            return Err(damaged("not a Keywright snapshot of format 1"));
        }
        Ok(reader)
    }

    fn next_row(&mut self) -> Result<Option<(Key, Bytes)>, StoreError> {
        let len = self.u32()?;
        if len == END {
            return self.end().map(|()| None);
        }
        let key = self.part(len, KEY_LEN_MAX, "a key is longer than any key may be")?;
        let len = self.u32()?;
        let value = self.part(len, VALUE_LEN_MAX, "a value is larger than any value may be")?;
        self.count += 1;
        Ok(Some((key, value)))
    }

    fn end(&mut self) -> Result<(), StoreError> {
        let told = self.bytes(8, CUT_OFF)?;
        let want = self.crc.to_be_bytes();
        let found = self.bytes(4, CUT_OFF)?;
        if told != self.count.to_be_bytes() || found != want {
            return Err(damaged("the checksum does not match"));
        }
        Ok(())
    }

    fn part(&mut self, len: u32, len_max: usize, over: &str) -> Result<Bytes, StoreError> {
        let len = len as usize;
        if len > len_max { Err(damaged(over)) } else { self.bytes(len, CUT_OFF).map(Bytes::from) }
    }

    fn u32(&mut self) -> Result<u32, StoreError> {
        let bytes = self.bytes(4, CUT_OFF)?;
        Ok(bytes.iter().fold(0, |number, byte| number << 8 | u32::from(*byte)))
    }

    /// The buffer grows with what is really there, not with what was announced.
    fn bytes(&mut self, len: usize, short: &str) -> Result<Vec<u8>, StoreError> {
        let mut out = Vec::new();
        let read = (&mut *self.inner).take(len as u64).read_to_end(&mut out);
        let read = read.map_err(|e| StoreError::Unavailable(format!("reading the snapshot: {e}")))?;
        if read < len {
            return Err(damaged(short));
        }
        self.crc = crc32c::crc32c_append(self.crc, &out);
        Ok(out)
    }
}

fn damaged(what: &str) -> StoreError {
    StoreError::Corrupt(format!("snapshot: {what}"))
}
