//! The snapshot format, the same for all backends: a magic line, then rows, then a checksum over all of it.
//!
//! `keywright-snapshot 1\n`, then for each row a big-endian `u32` length and the key, a `u32` length and the value, then the
//! length `0xffff_ffff`, the number of rows as `u64`, and the CRC-32C of everything before it. Values are ciphertext: whoever
//! has the file but no key shares has nothing.
use crate::{Key, StoreError};
use bytes::Bytes;
use std::io::{self, Read, Write};

const MAGIC: &[u8] = b"keywright-snapshot 1\n";
const END: u32 = u32::MAX;

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
/// known: keep them aside until this returns `Ok`.
pub fn read(
    input: &mut dyn Read,
    mut each: impl FnMut(Key, Bytes) -> Result<(), StoreError>,
) -> Result<u64, StoreError> {
    let mut input = CheckedRead { inner: input, crc: 0 };
    let damaged = |what: &str| StoreError::Corrupt(format!("snapshot: {what}"));
    let magic: Vec<u8> = input.take_bytes(MAGIC.len()).map_err(|_| damaged("too short"))?;
    if magic != MAGIC {
        return Err(damaged("not a Keywright snapshot of format 1"));
    }
    let mut count = 0_u64;
    loop {
        let len = input.u32().map_err(|_| damaged("cut off"))?;
        if len == END {
            break;
        }
        let key = input.part(len).map_err(|_| damaged("cut off or damaged in a key"))?;
        let len = input.u32().map_err(|_| damaged("cut off"))?;
        let value = input.part(len).map_err(|_| damaged("cut off or damaged in a value"))?;
        each(key, value)?;
        count += 1;
    }
    let told = input.take_bytes(8).map_err(|_| damaged("cut off"))?;
    let want = input.crc;
    let found = input.take_bytes(4).map_err(|_| damaged("cut off"))?;
    if told != count.to_be_bytes() || found != want.to_be_bytes() {
        return Err(damaged("the checksum does not match"));
    }
    Ok(count)
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

struct CheckedRead<'a> {
    inner: &'a mut dyn Read,
    crc: u32,
}

impl CheckedRead<'_> {
    fn take_bytes(&mut self, len: usize) -> io::Result<Vec<u8>> {
        let mut out = Vec::new();
        let read = (&mut *self.inner).take(len as u64).read_to_end(&mut out)?;
        if read < len {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.crc = crc32c::crc32c_append(self.crc, &out);
        Ok(out)
    }

    fn u32(&mut self) -> io::Result<u32> {
        let bytes: [u8; 4] = self.take_bytes(4)?.try_into().map_err(|_| io::ErrorKind::UnexpectedEof)?;
        Ok(u32::from_be_bytes(bytes))
    }

    fn part(&mut self, len: u32) -> io::Result<Bytes> {
        if len as usize > crate::VALUE_LEN_MAX + 4096 {
            return Err(io::ErrorKind::InvalidData.into());
        }
        self.take_bytes(len as usize).map(Bytes::from)
    }
}
