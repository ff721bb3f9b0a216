//! The records of the log: what one fsync makes durable.
//!
//! A record holds the batches of one group commit. Layout, numbers big-endian: `KWR1`, CRC-32C of all that follows, segment
//! number `u64`, first revision `u64`, number of batches `u32`, payload length `u32`, payload, zeros up to a multiple of 512.
//! The payload is, for each batch, the number of writes `u32`, then for each write the length of the key `u32`, the length of
//! the value `u32` (all ones: deleted), the key and the value. The batches have consecutive revisions.
use bytes::{Buf, Bytes};
use kw_store::{Revision, Write};

/// Records begin at multiples of this: no sector that holds acknowledged data is ever written again.
pub(crate) const ALIGN: usize = 512;
pub(crate) const HEAD_LEN: usize = 32;
const MAGIC: [u8; 4] = *b"KWR1";
const DELETED: u32 = u32::MAX;

/// A record in the making.
pub(crate) struct Builder {
    buffer: Vec<u8>,
    batches: u32,
}

impl Builder {
    /// A record with room for batches of so many bytes, without growing.
    pub fn with_room(len: usize) -> Self {
        let mut buffer = Vec::with_capacity((HEAD_LEN + len).next_multiple_of(ALIGN));
        buffer.resize(HEAD_LEN, 0);
        Self { buffer, batches: 0 }
    }

    pub fn batches(&self) -> u32 {
        self.batches
    }

    /// The length that the record would have with one more batch.
    pub fn len_with(&self, batch_len: usize) -> usize {
        (self.buffer.len() + batch_len).next_multiple_of(ALIGN)
    }

    /// Adds a batch whose keys and values were checked against their limits.
    pub fn push(&mut self, writes: &[Write]) {
        let out = &mut self.buffer;
        out.extend_from_slice(&len32(writes.len()).to_be_bytes());
        for write in writes {
            out.extend_from_slice(&len32(write.key.len()).to_be_bytes());
            out.extend_from_slice(&write.value.as_ref().map_or(DELETED, |v| len32(v.len())).to_be_bytes());
            out.extend_from_slice(&write.key);
            out.extend_from_slice(write.value.as_deref().unwrap_or_default());
        }
        self.batches += 1;
    }

    /// The finished record, padded, for this segment.
    pub fn finish(mut self, segment: u64, first: Revision) -> Bytes {
        let payload_len = len32(self.buffer.len() - HEAD_LEN);
        self.buffer.resize(self.buffer.len().next_multiple_of(ALIGN), 0);
        let mut head = Head { crc: 0, segment, first, batches: self.batches, payload_len };
        let body = self.buffer.get(HEAD_LEN..HEAD_LEN + payload_len as usize).unwrap_or_default();
        head.crc = head.sum(body);
        self.buffer.splice(..HEAD_LEN, head.encode());
        self.buffer.into()
    }
}

/// The payload of a record that was just made.
pub(crate) fn payload_of(record: &Bytes) -> Bytes {
    let len = record.get(28..HEAD_LEN).and_then(|b| b.try_into().ok()).map_or(0, u32::from_be_bytes) as usize;
    record.slice(HEAD_LEN..(HEAD_LEN + len).min(record.len()))
}

/// What a batch takes in a record, in bytes.
pub(crate) fn batch_len(writes: &[Write]) -> usize {
    let len = |w: &Write| 8 + w.key.len() + w.value.as_ref().map_or(0, Bytes::len);
    4 + writes.iter().map(len).sum::<usize>()
}

/// The head of a record as read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    crc: u32,
    segment: u64,
    pub first: Revision,
    pub batches: u32,
    pub payload_len: u32,
}

impl Head {
    /// The head of a record of this segment, if these bytes begin like one. Its checksum is still to be compared.
    pub fn decode(mut bytes: &[u8], segment: u64) -> Option<Self> {
        if bytes.len() < HEAD_LEN || !bytes.starts_with(&MAGIC) {
            return None;
        }
        bytes.advance(MAGIC.len());
        let head = Self {
            crc: bytes.get_u32(),
            segment: bytes.get_u64(),
            first: Revision(bytes.get_u64()),
            batches: bytes.get_u32(),
            payload_len: bytes.get_u32(),
        };
        (head.segment == segment && head.batches > 0 && head.first.0 > 0).then_some(head)
    }

    /// Whether this is the payload that belongs to the head.
    pub fn fits(&self, payload: &[u8]) -> bool {
        payload.len() == self.payload_len as usize && self.sum(payload) == self.crc
    }

    /// What the record takes in the segment, in bytes.
    pub fn record_len(&self) -> u64 {
        (HEAD_LEN as u64 + u64::from(self.payload_len)).next_multiple_of(ALIGN as u64)
    }

    /// The revision of the last batch.
    pub fn last(&self) -> Revision {
        Revision(self.first.0.saturating_add(u64::from(self.batches) - 1))
    }

    fn sum(&self, payload: &[u8]) -> u32 {
        crc32c::crc32c_append(crc32c::crc32c(self.encode().get(8..).unwrap_or_default()), payload)
    }

    fn encode(&self) -> [u8; HEAD_LEN] {
        let mut out = [0; HEAD_LEN];
        let fields = [
            MAGIC.as_slice(),
            &self.crc.to_be_bytes(),
            &self.segment.to_be_bytes(),
            &self.first.0.to_be_bytes(),
            &self.batches.to_be_bytes(),
            &self.payload_len.to_be_bytes(),
        ];
        out.iter_mut().zip(fields.into_iter().flatten()).for_each(|(to, from)| *to = *from);
        out
    }
}

/// Hands out every write of a payload with its revision; the bytes are shared with the payload. `None` if it is malformed.
pub(crate) fn each_write(
    mut payload: Bytes,
    first: Revision,
    batches: u32,
    mut each: impl FnMut(Revision, Write),
) -> Option<()> {
    for i in 0..u64::from(batches) {
        for _ in 0..payload.try_get_u32().ok()? {
            let (key_len, value_len) = (payload.try_get_u32().ok()?, payload.try_get_u32().ok()?);
            let key = take(&mut payload, key_len)?;
            let value = if value_len == DELETED { None } else { Some(take(&mut payload, value_len)?) };
            each(Revision(first.0 + i), Write { key, value });
        }
    }
    payload.is_empty().then_some(())
}

fn take(payload: &mut Bytes, len: u32) -> Option<Bytes> {
    let len = len as usize;
    (len <= payload.len()).then(|| payload.split_to(len))
}

/// Lengths were checked against [`crate::BATCH_LEN_MAX`], far below 4 GiB, before a batch comes here.
fn len32(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(DELETED)
}
