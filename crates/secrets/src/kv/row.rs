//! The row of a secret, as bytes: one text whose first line says which form it has.
//!
//! ```text
//! 1 <created> <ttl>        2 <ends>
//! <data>                   <facts of the newest version, as they are answered>
//!                          <history>
//!                          <data of the newest version>
//! ```
//!
//! Reading the newest version is the most frequent request there is, so its row holds the answer ready: no line but the first
//! is looked into. JSON has no raw line break but where its author put one, so data, where that may be, comes last.
//! A mount that is upgraded from version 1 keeps its rows; each takes the second form when it is next written.
use kw_engine::{Cx, Fault, Time, Ttl};

/// A row, split.
#[derive(Clone, Copy)]
pub(super) enum Row<'a> {
    /// Version 1, and version 2 until a secret from before the upgrade is written.
    Plain { created: Time, ttl: Ttl, data: &'a str },
    Versioned(Versioned<'a>),
}

/// A secret with versions. All texts are JSON.
#[derive(Clone, Copy)]
pub(super) struct Versioned<'a> {
    /// When the newest version ends, or ended; [`Time::ZERO`]: never.
    pub ends: Time,
    /// Empty while there is no version.
    pub facts: &'a str,
    pub history: &'a str,
    /// Empty while there is no version, and when the newest is destroyed.
    pub data: &'a str,
}

impl<'a> Row<'a> {
    /// Errors: 500, since nobody but us wrote the row.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Fault> {
        let text = std::str::from_utf8(bytes).ok();
        text.and_then(Self::split).ok_or_else(|| Fault::internal("the row of a secret is damaged"))
    }

    fn split(text: &'a str) -> Option<Self> {
        if let Some(text) = text.strip_prefix("2 ") {
            let (ends, rest) = line(text)?;
            let (facts, rest) = line(rest)?;
            let (history, data) = line(rest)?;
            let ends = Time::from_nanos(ends.parse().ok()?);
            return Some(Self::Versioned(Versioned { ends, facts, history, data }));
        }
        let (numbers, data) = line(text.strip_prefix("1 ")?)?;
        let (created, ttl) = numbers.split_once(' ')?;
        let (created, ttl) = (Time::from_nanos(created.parse().ok()?), Ttl::from_seconds(ttl.parse().ok()?));
        Some(Self::Plain { created, ttl, data })
    }

    pub fn to_bytes(self) -> Vec<u8> {
        match self {
            Self::Plain { created, ttl, data } => {
                format!("1 {} {}\n{data}", created.nanos(), ttl.seconds()).into_bytes()
            }
            Self::Versioned(Versioned { ends, facts, history, data }) => {
                format!("2 {}\n{facts}\n{history}\n{data}", ends.nanos()).into_bytes()
            }
        }
    }
}

/// The first line, and what comes after it. By the vectored search, since this runs for every read.
fn line(text: &str) -> Option<(&str, &str)> {
    let end = memchr::memchr(b'\n', text.as_bytes())?;
    Some((text.get(..end)?, text.get(end + 1..)?))
}

impl Versioned<'_> {
    /// Whether the newest version can be read.
    pub fn is_live(&self, cx: &Cx<'_>) -> bool {
        !self.data.is_empty() && (self.ends == Time::ZERO || self.ends > cx.now())
    }
}
