//! The path of a request, decoded once at the edge, and the path of a mount.
use serde::{Deserialize, Serialize};
use std::fmt;

/// A request path without its leading `/v1/`: percent-decoded exactly once, valid UTF-8, no empty or dot segment, no control
/// character. Policy, router, audit and store all take this one value. A trailing slash is kept: it means "the folder".
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct CanonPath(String);

/// Why a path was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PathFlaw {
    /// Empty or dot segments in the raw path: the cleaned path, for a redirect (RFC 9110, 15.4.8).
    Unclean(String),
    /// The path can mean nothing good.
    Bad(&'static str),
}

impl CanonPath {
    /// The longest path, in bytes.
    pub const LEN_MAX: usize = 8192;

    /// Reads the raw path of a request target, with or without its leading slash.
    pub fn parse(raw: &str) -> Result<Self, PathFlaw> {
        let raw = raw.strip_prefix('/').unwrap_or(raw);
        if raw.len() > Self::LEN_MAX {
            return Err(PathFlaw::Bad("path is longer than 8192 bytes"));
        }
        if is_plain(raw.as_bytes()) {
            return Ok(Self(raw.to_owned()));
        }
        if raw.split('/').any(|s| s == "." || s == "..") || raw.contains("//") || raw.starts_with('/') {
            return Err(PathFlaw::Unclean(clean(raw)));
        }
        let text = percent_decode(raw)?;
        // After decoding there is no way back to a redirect: whoever writes %2e%2e or %2f%2f wants to be misread.
        if text.split('/').any(|s| s == "." || s == "..") || text.contains("//") || text.starts_with('/') {
            return Err(PathFlaw::Bad("path must not hold encoded dot segments or empty segments"));
        }
        if text.chars().any(|c| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')) {
            return Err(PathFlaw::Bad("path must not hold control characters"));
        }
        Ok(Self(text))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the path names a folder.
    pub fn is_folder(&self) -> bool {
        self.0.is_empty() || self.0.ends_with('/')
    }

    /// The same path with one trailing slash, as lists are named.
    #[must_use]
    pub fn as_folder(&self) -> CanonPath {
        if self.is_folder() { self.clone() } else { CanonPath(format!("{}/", self.0)) }
    }
}

impl fmt::Display for CanonPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for CanonPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// Whether a path is what nearly all paths are: names of letters, digits, `-` and `_`, with single slashes between them and one
/// at most at the end. Nothing in it needs a second look.
fn is_plain(raw: &[u8]) -> bool {
    let mut after_slash = true;
    raw.iter().all(|byte| {
        let is_slash = *byte == b'/';
        let is_plain = PLAIN.get(usize::from(*byte)) == Some(&true) && !(is_slash && after_slash);
        after_slash = is_slash;
        is_plain
    })
}

const PLAIN: [bool; 256] = {
    let (mut plain, mut at) = ([false; 256], 0);
    while at < plain.len() {
        plain[at] = matches!(at as u8, b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'-' | b'_' | b'/');
        at += 1;
    }
    plain
};

fn percent_decode(raw: &str) -> Result<String, PathFlaw> {
    if !raw.contains('%') {
        return Ok(raw.to_owned());
    }
    let mut out = Vec::with_capacity(raw.len());
    let mut bytes = raw.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        let hex = |b: Option<u8>| b.and_then(|b| char::from(b).to_digit(16)).and_then(|d| u8::try_from(d).ok());
        let (Some(high), Some(low)) = (hex(bytes.next()), hex(bytes.next())) else {
            return Err(PathFlaw::Bad("path holds a broken percent escape"));
        };
        out.push(high << 4 | low);
    }
    String::from_utf8(out).map_err(|_| PathFlaw::Bad("path must be valid UTF-8"))
}

fn clean(raw: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    for segment in raw.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                kept.pop();
            }
            other => kept.push(other),
        }
    }
    let mut out = kept.join("/");
    if raw.ends_with('/') && !out.is_empty() {
        out.push('/');
    }
    out
}

/// Where an engine or auth method is mounted: no leading slash, one trailing slash, never empty.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MountPath(String);

impl MountPath {
    /// Errors say what is wrong, without the value.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let trimmed = text.trim_matches('/');
        if trimmed.is_empty() {
            return Err("mount path must not be empty");
        }
        if trimmed.len() > 1024 {
            return Err("mount path is longer than 1024 bytes");
        }
        if trimmed.split('/').any(|s| s.is_empty() || s == "." || s == "..") {
            return Err("mount path must not hold empty or dot segments");
        }
        // Policies and people tell mounts apart by their names, so no two of them may look as one: ASCII alone.
        if trimmed.chars().any(|c| !c.is_ascii_graphic() || matches!(c, '*' | '+' | '%' | '{' | '}')) {
            return Err("mount path must be of printable ASCII characters, without spaces and any of * + % { }");
        }
        Ok(Self(format!("{trimmed}/")))
    }

    /// With its trailing slash.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Without its trailing slash.
    pub fn bare(&self) -> &str {
        self.0.trim_end_matches('/')
    }
}

impl fmt::Display for MountPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for MountPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
