//! Where randomness comes from.

/// A source of cryptographically strong random bytes: the provider's generator, or a simulation's seed.
pub trait Rng: Send + Sync + 'static {
    /// Fills the whole buffer.
    fn fill(&self, buffer: &mut [u8]);
}

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// What is made from random bytes.
pub trait RngExt: Rng {
    /// `N` random bytes.
    fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut out = [0; N];
        self.fill(&mut out);
        out
    }

    /// A random text over `[0-9A-Za-z]`, each character uniform: 5.95 bits a character.
    fn base62(&self, len: usize) -> String {
        let mut out = String::with_capacity(len);
        let mut pool = [0_u8; 64];
        while out.len() < len {
            self.fill(&mut pool);
            // 248 is the largest multiple of 62 in a byte; what lies above would favour the first characters.
            let fair = pool.iter().filter(|b| **b < 248).filter_map(|b| BASE62.get(usize::from(b % 62)));
            out.extend(fair.take(len - out.len()).map(|b| char::from(*b)));
        }
        out
    }

    /// A random UUID (RFC 9562, version 4).
    fn uuid(&self) -> String {
        let uuid = uuid::Builder::from_random_bytes(self.bytes()).into_uuid();
        uuid.hyphenated().encode_lower(&mut uuid::Uuid::encode_buffer()).to_owned()
    }
}

impl<T: Rng + ?Sized> RngExt for T {}

/// The digit of a number below 62, in the ASCII order of the alphabet.
pub(crate) fn digit62(value: u64) -> char {
    BASE62.get((value % 62) as usize).map_or('0', |b| char::from(*b))
}
