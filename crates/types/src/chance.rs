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
        let mut b: [u8; 16] = self.bytes();
        b[6] = b[6] & 0x0f | 0x40;
        b[8] = b[8] & 0x3f | 0x80;
        let mut digits = [0; 32];
        for (pair, byte) in digits.chunks_exact_mut(2).zip(b) {
            pair.copy_from_slice(&[hex_digit(byte >> 4), hex_digit(byte & 0x0f)]);
        }
        let digits = std::str::from_utf8(&digits).unwrap_or_default();
        let mut out = String::with_capacity(36);
        for (from, to) in [(0, 8), (8, 12), (12, 16), (16, 20), (20, 32)] {
            if from > 0 {
                out.push('-');
            }
            out.push_str(digits.get(from..to).unwrap_or_default());
        }
        out
    }
}

impl<T: Rng + ?Sized> RngExt for T {}

/// The hexadecimal digit of a number below 16.
fn hex_digit(value: u8) -> u8 {
    if value < 10 { b'0' + value } else { b'a' - 10 + value }
}

/// The digit of a number below 62, in the ASCII order of the alphabet.
pub(crate) fn digit62(value: u64) -> char {
    BASE62.get((value % 62) as usize).map_or('0', |b| char::from(*b))
}
