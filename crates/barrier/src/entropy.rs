//! The provider's random bytes, without its price per call.
use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use kw_types::Rng;
use std::cell::RefCell;
use zeroize::Zeroize;

/// How many bytes a thread fetches at a time. One call of the generator costs about as much as 300 bytes copied from here.
const POOL_LEN: usize = 4096;

/// The cryptographic provider's generator (AES-256-CTR-DRBG seeded by the system), read through a pool of 4 KiB per thread.
///
/// What was handed out is erased from the pool at once, so a later look at this process's memory does not give it away.
/// The process must not be forked and go on in the child: both would hand out the same pool.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemRng;

impl Rng for SystemRng {
    fn fill(&self, buffer: &mut [u8]) {
        // While a thread ends, its pool may be gone; and large requests gain nothing from a pool.
        if buffer.len() > POOL_LEN / 4 || POOL.try_with(|pool| pool.borrow_mut().take(buffer)).is_err() {
            fill_from_provider(buffer);
        }
    }
}

thread_local! {
    static POOL: RefCell<Pool> = const { RefCell::new(Pool { bytes: [0; POOL_LEN], left: 0 }) };
}

struct Pool {
    bytes: [u8; POOL_LEN],
    /// How many bytes at the beginning have not been handed out.
    left: usize,
}

impl Pool {
    fn take(&mut self, buffer: &mut [u8]) {
        if self.left < buffer.len() {
            fill_from_provider(&mut self.bytes);
            self.left = POOL_LEN;
        }
        let rest = self.left.saturating_sub(buffer.len());
        if let Some(taken) = self.bytes.get_mut(rest..self.left) {
            buffer.copy_from_slice(taken);
            taken.zeroize();
        }
        self.left = rest;
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.bytes.zeroize();
    }
}

/// Going on with bytes that are not random would be worse than any stop, and no caller could do anything about it.
fn fill_from_provider(buffer: &mut [u8]) {
    if SystemRandom::new().fill(buffer).is_err() {
        std::process::abort();
    }
}
