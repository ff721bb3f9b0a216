//! Names of users, roles, policies, groups: folded once, compared only with their like.
use serde::{Deserialize, Serialize};
use std::fmt;

/// A lower-case name over a safe ASCII alphabet, so that no two names look alike and none passes for another by case or space.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Name(String);

impl Name {
    /// The longest name, in bytes.
    pub const LEN_MAX: usize = 512;

    /// Folds to lower case and checks. Errors say what is wrong, without the value.
    pub fn fold(text: &str) -> Result<Self, &'static str> {
        if text.is_empty() {
            return Err("must not be empty");
        }
        if text.len() > Self::LEN_MAX {
            return Err("is longer than 512 bytes");
        }
        let safe = |b: u8| b.is_ascii_graphic() && !matches!(b, b'"' | b'\\' | b'<' | b'>' | b'*' | b'{' | b'}');
        if !text.bytes().all(safe) {
            return Err("may hold ASCII letters, digits and -_./+:@#=, only");
        }
        Ok(Self(text.to_ascii_lowercase()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl AsRef<str> for Name {
    fn as_ref(&self) -> &str {
        &self.0
    }
}
