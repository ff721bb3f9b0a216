//! Copying JSON with its texts hashed.
use crate::Hasher;
use std::cell::RefCell;

/// Documents whose hashed form is kept, for each thread, and the longest such form in bytes.
const KEPT: usize = 256;
const KEPT_LEN_MAX: usize = 4096;

thread_local! {
    /// Documents that were hashed lately: the same secrets are read again and again. A slot holds no value, only a keyed
    /// fingerprint of the document and what is written of it.
    static RECENT: RefCell<Vec<(u128, Box<[u8]>)>> = RefCell::new(vec![(0, Box::default()); KEPT]);
}

/// Appends a JSON text, quoted and escaped.
pub(crate) fn text(value: &str, out: &mut Vec<u8>) {
    // Without a way out in the middle, this becomes a few vector instructions.
    let special = value.bytes().fold(false, |found, b| found | (b < 0x20) | (b == b'"') | (b == b'\\'));
    if !special {
        out.push(b'"');
        out.extend_from_slice(value.as_bytes());
        out.push(b'"');
    } else {
        // Writing into a Vec does not fail.
        let _ = serde_json::to_writer(out, value);
    }
}

/// Appends the hash of a value as a JSON text.
pub(crate) fn hashed(value: &str, hasher: Option<&Hasher>, out: &mut Vec<u8>) {
    match hasher {
        Some(hasher) => {
            out.push(b'"');
            hasher.append(value.as_bytes(), out);
            out.push(b'"');
        }
        None => text(value, out),
    }
}

/// `key` is the name as it is written: quoted, with its colon and the comma before it.
pub(crate) fn pair(key: &str, value: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(key.as_bytes());
    text(value, out);
}

/// The same for a text of ours, which has nothing to escape.
pub(crate) fn plain_pair(key: &str, value: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(key.as_bytes());
    out.push(b'"');
    out.extend_from_slice(value.as_bytes());
    out.push(b'"');
}

pub(crate) fn secret_pair(key: &str, value: &str, hasher: Option<&Hasher>, out: &mut Vec<u8>) {
    if !value.is_empty() {
        out.extend_from_slice(key.as_bytes());
        hashed(value, hasher, out);
    }
}

pub(crate) fn number(key: &str, value: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(key.as_bytes());
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

pub(crate) fn flag(key: &str, value: bool, out: &mut Vec<u8>) {
    out.extend_from_slice(key.as_bytes());
    out.extend_from_slice(if value { b"true" } else { b"false" });
}

pub(crate) fn list<S: AsRef<str>>(key: &str, values: &[S], out: &mut Vec<u8>) {
    out.extend_from_slice(key.as_bytes());
    out.push(b'[');
    for (at, value) in values.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        text(value.as_ref(), out);
    }
    out.push(b']');
}

/// Appends valid JSON with every text value hashed; names, numbers and the rest stay. Values under a top-level name of `clear`
/// stay as they are, whole.
pub(crate) fn hashed_tree(json: &str, hasher: Option<&Hasher>, clear: &[String], out: &mut Vec<u8>) {
    let Some(hasher) = hasher else {
        out.extend_from_slice(json.as_bytes());
        return;
    };
    if json.len() > KEPT_LEN_MAX {
        return walk_tree(json, hasher, clear, out);
    }
    let mark = hasher.mark(std::iter::once(json.as_bytes()).chain(clear.iter().map(String::as_bytes)));
    let slot = (mark as usize) % KEPT;
    let is_known = RECENT.with_borrow(|recent| match recent.get(slot) {
        Some((known, written)) if *known == mark => {
            out.extend_from_slice(written);
            true
        }
        _ => false,
    });
    if is_known {
        return;
    }
    let before = out.len();
    walk_tree(json, hasher, clear, out);
    if let Some(written) = out.get(before..).filter(|written| written.len() <= KEPT_LEN_MAX) {
        RECENT.with_borrow_mut(|recent| {
            if let Some(place) = recent.get_mut(slot) {
                *place = (mark, written.into());
            }
        });
    }
}

fn walk_tree(json: &str, hasher: &Hasher, clear: &[String], out: &mut Vec<u8>) {
    let mut walk = Walk { rest: json.as_bytes(), objects: Vec::new(), is_name: false, clear_depth: None };
    while let Some(token) = walk.next() {
        match token {
            Token::Other(bytes) => out.extend_from_slice(bytes),
            Token::Name(quoted) => {
                if walk.objects.len() == 1 && walk.clear_depth.is_none() && is_clear(quoted, clear) {
                    walk.clear_depth = Some(1);
                }
                out.extend_from_slice(quoted);
            }
            Token::Text(quoted) if walk.clear_depth.is_some() => out.extend_from_slice(quoted),
            Token::Text(quoted) => {
                out.push(b'"');
                match quoted.get(1..quoted.len().saturating_sub(1)) {
                    Some(inner) if !inner.contains(&b'\\') => hasher.append(inner, out),
                    _ => hasher.append(serde_json::from_slice::<String>(quoted).unwrap_or_default().as_bytes(), out),
                }
                out.push(b'"');
            }
        }
    }
}

fn is_clear(quoted: &[u8], clear: &[String]) -> bool {
    !clear.is_empty() && serde_json::from_slice::<String>(quoted).is_ok_and(|name| clear.contains(&name))
}

enum Token<'a> {
    Name(&'a [u8]),
    Text(&'a [u8]),
    Other(&'a [u8]),
}

/// Steps through JSON that is known to be valid.
struct Walk<'a> {
    rest: &'a [u8],
    /// For each open container, whether it is an object.
    objects: Vec<bool>,
    is_name: bool,
    /// The depth of the object whose member is being copied in clear.
    clear_depth: Option<usize>,
}

impl<'a> Walk<'a> {
    fn next(&mut self) -> Option<Token<'a>> {
        let first = *self.rest.first()?;
        if first == b'"' {
            let quoted = self.take(string_len(self.rest));
            let is_name = std::mem::replace(&mut self.is_name, false);
            return Some(if is_name { Token::Name(quoted) } else { Token::Text(quoted) });
        }
        match first {
            b'{' | b'[' => {
                self.objects.push(first == b'{');
                self.is_name = first == b'{';
            }
            b'}' | b']' => {
                self.objects.pop();
                self.is_name = false;
                self.end_clear(self.objects.len() + 1);
            }
            b',' => {
                self.is_name = self.objects.last().copied().unwrap_or(false);
                self.end_clear(self.objects.len());
            }
            _ => {
                let len = self.rest.iter().position(|b| matches!(b, b'"' | b'{' | b'[' | b'}' | b']' | b','));
                return Some(Token::Other(self.take(len.unwrap_or(self.rest.len()))));
            }
        }
        Some(Token::Other(self.take(1)))
    }

    fn end_clear(&mut self, depth: usize) {
        if self.clear_depth == Some(depth) {
            self.clear_depth = None;
        }
    }

    fn take(&mut self, len: usize) -> &'a [u8] {
        let (taken, rest) = self.rest.split_at(len.min(self.rest.len()));
        self.rest = rest;
        taken
    }
}

/// The length of the quoted text at the start, quotes included.
fn string_len(bytes: &[u8]) -> usize {
    let mut at = 1;
    while let Some(found) = bytes.get(at..).and_then(|rest| memchr::memchr2(b'"', b'\\', rest)) {
        at += found;
        if bytes.get(at) == Some(&b'"') {
            return at + 1;
        }
        at += 2;
    }
    bytes.len()
}
