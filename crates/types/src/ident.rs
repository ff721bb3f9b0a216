//! Identifiers that sort by the time they were made.
use crate::chance::digit62;
use crate::{Rng, RngExt, Time};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Length of an [`Ident`] in characters.
pub const IDENT_LEN: usize = 16;

/// A unique public identifier: 8 characters of milliseconds, then 8 of chance (47 bits), all of `[0-9A-Za-z]`.
///
/// Rows keyed by it lie side by side in the store when they were made together, which makes batches of them cheap to commit.
/// It is no secret: whoever must prove something presents a secret beside it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Ident(String);

impl Ident {
    pub fn new(now: Time, rng: &dyn Rng) -> Self {
        let mut millis = u64::try_from(now.millis()).unwrap_or(0);
        let mut head = ['0'; 8];
        for slot in head.iter_mut().rev() {
            *slot = digit62(millis);
            millis /= 62;
        }
        let mut text: String = head.iter().collect();
        text.push_str(&rng.base62(8));
        Self(text)
    }

    /// Takes a text of the right form.
    pub fn parse(text: &str) -> Option<Self> {
        (text.len() == IDENT_LEN && text.bytes().all(|b| b.is_ascii_alphanumeric())).then(|| Self(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Ident {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Ident {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
