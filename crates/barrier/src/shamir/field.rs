//! GF(2^8) with the polynomial x^8 + x^4 + x^3 + x + 1 (0x11B), as AES has it.
//!
//! No look-up tables and no branch on a value: which share bytes are worked on must not show in the time or the cache.

/// The product.
pub(super) fn mul(a: u8, b: u8) -> u8 {
    let (mut a, mut b, mut product) = (a, b, 0);
    for _ in 0..8 {
        product ^= a & (b & 1).wrapping_neg();
        a = (a << 1) ^ (0x1b & (a >> 7).wrapping_neg());
        b >>= 1;
    }
    product
}

/// The inverse by Fermat: a^254. Zero, which has none, gives zero.
pub(super) fn inverse(a: u8) -> u8 {
    let mut power = a;
    let mut out = 1;
    // 254 is 0b1111_1110: the product of a^2, a^4, ... a^128.
    for _ in 0..7 {
        power = mul(power, power);
        out = mul(out, power);
    }
    out
}
