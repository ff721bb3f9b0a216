//! The functions of templates.
use super::{Scope, Value, text_of};
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kw_engine::{RngExt, Time};

/// A function that a template may call. Vault documents them with its user name templates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Function {
    /// `printf FORMAT VALUE...` with `%s`, `%d`, `%v` and `%%`.
    Printf,
    /// A random UUID.
    Uuid,
    /// `random N`: N characters of `[0-9A-Za-z]`.
    Random,
    /// `truncate N TEXT`: at most N bytes of the text.
    Truncate,
    /// `truncate_sha256 N TEXT`: as `truncate`, but what is cut off leaves eight characters of its hash.
    TruncateSha256,
    Lowercase,
    Uppercase,
    /// `replace OLD NEW TEXT`.
    Replace,
    /// In hexadecimal.
    Sha256,
    Base64,
    /// Seconds since 1970.
    UnixTime,
    UnixTimeMillis,
    /// `timestamp LAYOUT`: the time in UTC, where the layout shows Go's reference time, `2006-01-02T15:04:05Z`.
    Timestamp,
}

/// The longest random text, in characters.
const RANDOM_MAX: usize = 512;

impl Function {
    /// The function of a name, with the fewest and most arguments that it takes.
    pub(super) fn find(name: &str) -> Option<(Self, usize, usize)> {
        Some(match name {
            "printf" => (Self::Printf, 1, 16),
            "uuid" => (Self::Uuid, 0, 0),
            "random" => (Self::Random, 1, 1),
            "truncate" => (Self::Truncate, 2, 2),
            "truncate_sha256" => (Self::TruncateSha256, 2, 2),
            "lowercase" => (Self::Lowercase, 1, 1),
            "uppercase" => (Self::Uppercase, 1, 1),
            "replace" => (Self::Replace, 3, 3),
            "sha256" => (Self::Sha256, 1, 1),
            "base64" => (Self::Base64, 1, 1),
            "unix_time" => (Self::UnixTime, 0, 0),
            "unix_time_millis" => (Self::UnixTimeMillis, 0, 0),
            "timestamp" => (Self::Timestamp, 1, 1),
            _ => return None,
        })
    }

    /// Errors: an argument that the function cannot take. Their number was checked when the template was read.
    pub(super) fn call(self, args: Vec<Value>, scope: &Scope<'_>) -> Result<Value, String> {
        let mut args = args.into_iter();
        let text = match self {
            Self::Printf => printf(&text(args.next())?, args)?,
            Self::Uuid => scope.rng.uuid(),
            Self::Random => {
                let len = count(args.next(), "random")?;
                if len > RANDOM_MAX {
                    return Err(format!("random gives at most {RANDOM_MAX} characters"));
                }
                scope.rng.base62(len)
            }
            Self::Truncate => {
                let len = count(args.next(), "truncate")?;
                let text = text(args.next())?;
                text.get(..floor(&text, len)).unwrap_or_default().to_owned()
            }
            Self::TruncateSha256 => {
                let len = count(args.next(), "truncate_sha256")?;
                truncate_sha256(len, &text(args.next())?)?
            }
            Self::Lowercase => text(args.next())?.to_lowercase(),
            Self::Uppercase => text(args.next())?.to_uppercase(),
            Self::Replace => {
                let (old, new) = (text(args.next())?, text(args.next())?);
                text(args.next())?.replace(&old, &new)
            }
            Self::Sha256 => hex::encode(digest(&SHA256, text(args.next())?.as_bytes())),
            Self::Base64 => STANDARD.encode(text(args.next())?),
            Self::UnixTime => scope.now.seconds().to_string(),
            Self::UnixTimeMillis => scope.now.millis().to_string(),
            Self::Timestamp => timestamp(&text(args.next())?, scope.now)?,
        };
        Ok(Value::Text(text))
    }
}

fn text(value: Option<Value>) -> Result<String, String> {
    match value {
        Some(Value::Text(text)) => Ok(text),
        Some(Value::Number(_)) => Err("a function was given a number where it takes a text".to_owned()),
        None => Err("a function was given too little".to_owned()),
    }
}

fn count(value: Option<Value>, name: &str) -> Result<usize, String> {
    match value {
        Some(Value::Number(number)) if number > 0 => usize::try_from(number).ok(),
        _ => None,
    }
    .ok_or_else(|| format!("{name} takes a number above zero first"))
}

fn printf(format: &str, mut values: impl Iterator<Item = Value>) -> Result<String, String> {
    let mut out = String::new();
    let mut chars = format.chars();
    while let Some(c) = chars.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        let verb = chars.next();
        if verb == Some('%') {
            out.push('%');
            continue;
        }
        let fits = |value: &Value| match verb {
            Some('s') => matches!(value, Value::Text(_)),
            Some('d') => matches!(value, Value::Number(_)),
            verb => verb == Some('v'),
        };
        let value = values.next().ok_or("printf has more verbs than values")?;
        if !fits(&value) {
            return Err("printf takes %s for texts, %d for numbers and %v for both, without flags".to_owned());
        }
        out.push_str(&text_of(value));
    }
    if values.next().is_some() { Err("printf has more values than verbs".to_owned()) } else { Ok(out) }
}

fn truncate_sha256(len: usize, text: &str) -> Result<String, String> {
    const HASH_LEN: usize = 8;
    if len <= HASH_LEN {
        return Err("truncate_sha256 takes a number above 8 first, since the hash has 8 characters".to_owned());
    }
    if text.len() <= len {
        return Ok(text.to_owned());
    }
    let (kept, cut) = text.split_at_checked(floor(text, len - HASH_LEN)).unwrap_or((text, ""));
    let hash = hex::encode(digest(&SHA256, cut.as_bytes()));
    Ok(format!("{kept}{}", hash.get(..HASH_LEN).unwrap_or_default()))
}

/// The largest index up to `len` that is no part of a character.
fn floor(text: &str, len: usize) -> usize {
    (0..=len.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

fn timestamp(layout: &str, now: Time) -> Result<String, String> {
    // Where each part of Go's reference time lies in `2026-01-31T23:59:59`.
    const PARTS: [(&str, std::ops::Range<usize>); 7] = [
        ("2006", 0..4),
        ("06", 2..4),
        ("01", 5..7),
        ("02", 8..10),
        ("15", 11..13),
        ("04", 14..16),
        ("05", 17..19),
    ];
    let shown = Time::from_seconds(now.seconds()).rfc3339();
    let mut out = String::new();
    let mut rest = layout;
    while let Some(c) = rest.chars().next() {
        let part = PARTS.iter().find_map(|(token, range)| Some((rest.strip_prefix(token)?, range)));
        if let Some((after, range)) = part {
            out.push_str(shown.get(range.clone()).unwrap_or_default());
            rest = after;
        } else if c.is_ascii_digit() || (c.is_alphabetic() && !matches!(c, 'T' | 'Z')) {
            return Err("timestamp takes a layout of 2006, 06, 01, 02, 15, 04, 05, T, Z and signs".to_owned());
        } else {
            out.push(c);
            rest = rest.get(c.len_utf8()..).unwrap_or_default();
        }
    }
    Ok(out)
}
