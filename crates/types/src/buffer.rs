//! Buffers that a thread uses again.
use std::cell::RefCell;
use std::fmt;
use std::ops::{Deref, DerefMut};

/// So many buffers are kept for each thread, each of so many bytes at most.
const KEPT: usize = 256;
const KEPT_LEN_MAX: usize = 4 * 1024;

thread_local! {
    static SPARE: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

/// Bytes that many requests hold at the same time, and let go of soon after: an allocator pays most for those. When it is
/// dropped, its bytes are overwritten and its memory is kept for the next one.
#[derive(Default)]
pub struct Buffer(Vec<u8>);

impl Buffer {
    /// An empty one, with room for `len` bytes.
    pub fn with_capacity(len: usize) -> Self {
        let mut bytes = SPARE.with_borrow_mut(Vec::pop).unwrap_or_default();
        bytes.reserve(len);
        Self(bytes)
    }

    /// The bytes, which are not kept then.
    pub fn into_vec(mut self) -> Vec<u8> {
        std::mem::take(&mut self.0)
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if self.0.capacity() == 0 || self.0.capacity() > KEPT_LEN_MAX {
            return;
        }
        let mut bytes = std::mem::take(&mut self.0);
        bytes.fill(0);
        bytes.clear();
        // While a thread ends, its spare buffers may be gone.
        let _ = SPARE.try_with(|spare| {
            let mut spare = spare.borrow_mut();
            if spare.len() < KEPT {
                spare.push(bytes);
            }
        });
    }
}

impl From<Vec<u8>> for Buffer {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl Deref for Buffer {
    type Target = Vec<u8>;
    fn deref(&self) -> &Vec<u8> {
        &self.0
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut Vec<u8> {
        &mut self.0
    }
}

/// Its length: it may hold a secret.
impl fmt::Debug for Buffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Buffer of {} bytes", self.0.len())
    }
}
