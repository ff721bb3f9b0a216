//! Shamir's secret sharing over GF(2^8), byte by byte, in the format of Vault: a share is the bytes of y, then one byte of x.
use field::{inverse, mul};
use kw_types::{Rng, Secret};
use std::fmt;
use zeroize::Zeroizing;

mod field;
#[cfg(test)]
mod tests;

/// What a share is longer than the secret, in bytes.
pub const SHARE_OVERHEAD: usize = 1;

/// A share of a secret.
pub type Share = Secret<Vec<u8>>;

/// Why a secret cannot be split, or shares cannot be put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShamirError {
    /// Split: less than 2, or more than there are shares.
    Threshold,
    /// Split: an empty secret.
    Empty,
    /// Combine: fewer than two shares.
    TooFew,
    /// Combine: shares of different lengths, or too short to be any.
    Length,
    /// Combine: two shares have the same x, or one has zero, which no share has.
    Coordinate,
}

impl fmt::Display for ShamirError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Threshold => "threshold must be at least 2 and not larger than the number of shares",
            Self::Empty => "cannot split an empty secret",
            Self::TooFew => "at least two shares are needed",
            Self::Length => "the shares are not of one length",
            Self::Coordinate => "two of the shares are the same one",
        })
    }
}

impl std::error::Error for ShamirError {}

/// Splits into `shares` shares (2 to 255), any `threshold` of which (at least 2) give the secret back.
pub fn split(secret: &[u8], shares: u8, threshold: u8, rng: &dyn Rng) -> Result<Vec<Share>, ShamirError> {
    if threshold < 2 || threshold > shares {
        return Err(ShamirError::Threshold);
    }
    if secret.is_empty() {
        return Err(ShamirError::Empty);
    }
    let xs = distinct_coordinates(rng);
    let mut out: Vec<Vec<u8>> = (0..shares).map(|_| Vec::with_capacity(secret.len() + SHARE_OVERHEAD)).collect();
    let mut coefficients = Zeroizing::new(vec![0; usize::from(threshold) - 1]);
    for byte in secret {
        rng.fill(&mut coefficients);
        for (share, x) in out.iter_mut().zip(xs) {
            share.push(evaluate(*byte, &coefficients, x));
        }
    }
    for (share, x) in out.iter_mut().zip(xs) {
        share.push(x);
    }
    Ok(out.into_iter().map(Secret::new).collect())
}

/// Puts shares together. With wrong or too few shares the result is wrong, and nothing here can tell: check it by what it
/// should open.
pub fn combine(shares: &[Share]) -> Result<Secret<Vec<u8>>, ShamirError> {
    if shares.len() < 2 {
        return Err(ShamirError::TooFew);
    }
    let mut points: Vec<(u8, &[u8])> = Vec::with_capacity(shares.len());
    for share in shares {
        let (x, y) = share.expose().split_last().ok_or(ShamirError::Length)?;
        if y.is_empty() || points.first().is_some_and(|(_, first)| first.len() != y.len()) {
            return Err(ShamirError::Length);
        }
        if *x == 0 || points.iter().any(|(other, _)| other == x) {
            return Err(ShamirError::Coordinate);
        }
        points.push((*x, y));
    }
    let mut secret = vec![0; points.first().map_or(0, |(_, y)| y.len())];
    for (x, y) in &points {
        let weight = weight_at_zero(*x, &points);
        for (out, y) in secret.iter_mut().zip(*y) {
            *out ^= mul(*y, weight);
        }
    }
    Ok(Secret::new(secret))
}

/// The polynomial's value at `x`, by Horner; `constant` is the secret.
fn evaluate(constant: u8, coefficients: &[u8], x: u8) -> u8 {
    coefficients.iter().rev().fold(0, |sum, c| mul(sum ^ c, x)) ^ constant
}

/// Lagrange's basis polynomial of the point at `x`, at zero. Subtraction is addition here.
fn weight_at_zero(x: u8, points: &[(u8, &[u8])]) -> u8 {
    let others = points.iter().map(|(other, _)| *other).filter(|other| *other != x);
    others.fold(1, |product, other| mul(product, mul(other, inverse(other ^ x))))
}

/// 1 to 255 in random order (Fisher and Yates), so that a share's x tells nothing about who got it.
fn distinct_coordinates(rng: &dyn Rng) -> [u8; 255] {
    let mut xs: [u8; 255] = [0; 255];
    xs.iter_mut().zip(1..=255).for_each(|(slot, x)| *slot = x);
    for last in (1..xs.len()).rev() {
        xs.swap(last, uniform_below(last + 1, rng));
    }
    xs
}

/// Uniform over `0..bound`, for a bound of at most 255: bytes that would favour small results are drawn again.
fn uniform_below(bound: usize, rng: &dyn Rng) -> usize {
    let fair = 256 - 256 % bound;
    loop {
        let mut byte = [0];
        rng.fill(&mut byte);
        let [drawn] = byte.map(usize::from);
        if drawn < fair {
            return drawn % bound;
        }
    }
}
