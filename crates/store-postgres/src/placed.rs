//! A key as it lies in the table.
//!
//! A B-tree of PostgreSQL takes entries of some 2700 bytes, and keys may be longer. So the table is indexed by the first
//! [`HEAD_LEN`] bytes and, for the very few keys that are longer, a digest of the rest.
use aws_lc_rs::digest::{SHA256, digest};
use kw_store::Key;

/// How much of a key is indexed in its order, in bytes.
pub(crate) const HEAD_LEN: usize = 1024;

/// The parts of a key. Ordered by head and tail, they are in the order of the keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Placed<'k> {
    pub head: &'k [u8],
    pub tail: &'k [u8],
    /// Empty if there is no tail.
    pub tail_digest: Vec<u8>,
}

impl<'k> Placed<'k> {
    pub fn of(key: &'k [u8]) -> Self {
        let (head, tail) = key.split_at_checked(HEAD_LEN).unwrap_or((key, &[]));
        let tail_digest = if tail.is_empty() { Vec::new() } else { digest(&SHA256, tail).as_ref().to_vec() };
        Self { head, tail, tail_digest }
    }
}

/// The key again.
pub(crate) fn whole(head: &[u8], tail: &[u8]) -> Key {
    if tail.is_empty() { Key::copy_from_slice(head) } else { [head, tail].concat().into() }
}
