//! The parameters of a request, before a handler's type gives them meaning.
use crate::coerce::{Coerce, Raw};
use kw_types::{Fault, FaultKind};
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

/// Query and body parameters by name. A name occurs once: twice in a body, or in both, is refused.
#[derive(Debug, Default)]
pub struct Params<'a> {
    named: Vec<(Cow<'a, str>, Raw<'a>)>,
    body: Option<&'a RawValue>,
}

impl<'a> Params<'a> {
    /// Reads a JSON object (RFC 8259): valid UTF-8, no duplicate names at any depth, at most 128 deep. An empty body has no
    /// parameters. Errors: 400, which tells the place and never the content.
    pub fn from_json(body: &'a [u8]) -> Result<Self, Fault> {
        // Go's client sends `null` where it has nothing to say.
        if body.is_empty() || body == b"null" {
            return Ok(Self::default());
        }
        let text = std::str::from_utf8(body)
            .map_err(|_| Fault::bad_request("failed to parse JSON input: the body is not valid UTF-8"))?;
        let raw: &RawValue = serde_json::from_str(text).map_err(json_fault)?;
        serde_json::from_str::<Strict>(text).map_err(json_fault)?;
        let Members(named) = serde_json::from_str(text).map_err(json_fault)?;
        Ok(Self { named, body: Some(raw) })
    }

    /// Adds `application/x-www-form-urlencoded` pairs, as a query or a form body has them. A repeated name is refused.
    pub fn add_pairs(&mut self, text: &'a str) -> Result<(), Fault> {
        for pair in text.split('&').filter(|p| !p.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (name, value) = (form_decode(name)?, form_decode(value)?);
            if self.named.iter().any(|(n, _)| *n == name) {
                return Err(Fault::bad_request("a parameter is given twice; send it once"));
            }
            self.named.push((name, Raw::Text(value)));
        }
        Ok(())
    }

    /// Takes a parameter out, as the edge does with `list`.
    pub fn remove(&mut self, name: &str) -> Option<Raw<'a>> {
        let at = self.named.iter().position(|(n, _)| n == name)?;
        Some(self.named.remove(at).1)
    }

    pub fn get(&self, name: &str) -> Option<&Raw<'a>> {
        self.named.iter().find(|(n, _)| n == name).map(|(_, raw)| raw)
    }

    pub fn is_empty(&self) -> bool {
        self.named.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &Raw<'a>)> {
        self.named.iter().map(|(name, raw)| (name.as_ref(), raw))
    }

    /// The whole body as it was sent, if it was JSON.
    pub fn body(&self) -> Option<&'a RawValue> {
        self.body
    }
}

/// Everything a request gives to a handler: captures of the path, and parameters.
#[derive(Debug)]
pub struct Input<'a> {
    pub captures: crate::Captures,
    pub params: Params<'a>,
}

impl Input<'_> {
    /// A capture of the path, as the type wants it.
    pub fn capture<T: Coerce>(&self, name: &'static str) -> Result<T, Fault> {
        let text = self.captures.get(name).unwrap_or_default();
        T::coerce(&Raw::Text(Cow::Borrowed(text))).map_err(|why| wrong(name, why))
    }

    /// A parameter, as the type wants it; JSON `null` counts as not given.
    pub fn param<T: Coerce>(&self, name: &'static str) -> Result<Option<T>, Fault> {
        match self.params.get(name) {
            None => Ok(None),
            Some(raw) if raw.is_null() => Ok(None),
            Some(raw) => T::coerce(raw).map(Some).map_err(|why| wrong(name, why)),
        }
    }

    /// A parameter that must be given.
    pub fn required<T: Coerce>(&self, name: &'static str) -> Result<T, Fault> {
        self.param(name)?.ok_or_else(|| Fault::bad_request(format!("missing {name}")))
    }

    /// A parameter, or what the text of its default stands for.
    pub fn param_or<T: Coerce>(&self, name: &'static str, default: &'static str) -> Result<T, Fault> {
        match self.param(name)? {
            Some(value) => Ok(value),
            None => T::coerce(&Raw::Text(Cow::Borrowed(default))).map_err(|why| wrong(name, why)),
        }
    }
}

fn wrong(name: &str, why: Cow<'static, str>) -> Fault {
    Fault::bad_request(format!("error converting input for field {name:?}: {why}"))
}

fn json_fault(error: serde_json::Error) -> Fault {
    let why = error.to_string();
    // serde_json shows content only for type errors ("invalid type: string \"...\""); syntax errors tell the place alone.
    let why = match error.classify() {
        serde_json::error::Category::Syntax | serde_json::error::Category::Eof => why,
        _ if why.starts_with(DUPLICATE) => format!("{DUPLICATE} at line {} column {}", error.line(), error.column()),
        _ => "the body must be a JSON object".to_owned(),
    };
    Fault::new(FaultKind::BadRequest, format!("failed to parse JSON input: {why}"))
}

fn form_decode(text: &str) -> Result<Cow<'_, str>, Fault> {
    if !text.contains(['%', '+']) {
        return Ok(Cow::Borrowed(text));
    }
    let bad = || Fault::bad_request("a query or form parameter is not valid UTF-8 in percent encoding");
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let hex = |b: Option<u8>| b.and_then(|b| char::from(b).to_digit(16));
        out.push(match byte {
            b'+' => b' ',
            b'%' => {
                let (Some(high), Some(low)) = (hex(bytes.next()), hex(bytes.next())) else { return Err(bad()) };
                u8::try_from(high << 4 | low).map_err(|_| bad())?
            }
            other => other,
        });
    }
    String::from_utf8(out).map(Cow::Owned).map_err(|_| bad())
}

const DUPLICATE: &str = "an object has the same name twice";

/// The members of the top-level object, as they were sent.
struct Members<'a>(Vec<(Cow<'a, str>, Raw<'a>)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct V;
        impl<'de> Visitor<'de> for V {
            type Value = Members<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut named = Vec::new();
                while let Some((name, raw)) = map.next_entry::<Text<'de>, &'de RawValue>()? {
                    named.push((name.0, Raw::Json(raw)));
                }
                Ok(Members(named))
            }
        }
        deserializer.deserialize_map(V)
    }
}

/// A text, borrowed where it has no escapes.
#[derive(Deserialize, PartialEq, Eq, Hash)]
#[serde(transparent)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// Walks any JSON and keeps nothing; fails on a name that occurs twice and on a number that no float can hold.
struct Strict;

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor)
    }
}

struct StrictVisitor;

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Strict;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Strict, A::Error> {
        let mut few: Vec<Cow<'de, str>> = Vec::new();
        let mut many: HashSet<Cow<'de, str>> = HashSet::new();
        while let Some(Text(name)) = map.next_key()? {
            let fresh = if few.len() < 16 {
                !few.contains(&name)
            } else {
                many.extend(few.iter().take(if many.is_empty() { 16 } else { 0 }).cloned());
                !many.contains(&name)
            };
            if !fresh {
                return Err(serde::de::Error::custom(DUPLICATE));
            }
            if few.len() < 16 {
                few.push(name);
            } else {
                many.insert(name);
            }
            map.next_value::<Strict>()?;
        }
        Ok(Strict)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Strict, A::Error> {
        while seq.next_element::<Strict>()?.is_some() {}
        Ok(Strict)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Strict, E> {
        Ok(Strict)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Strict, E> {
        Ok(Strict)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Strict, E> {
        Ok(Strict)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Strict, E> {
        Ok(Strict)
    }

    fn visit_str<E>(self, _: &str) -> Result<Strict, E> {
        Ok(Strict)
    }

    fn visit_unit<E>(self) -> Result<Strict, E> {
        Ok(Strict)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Strict, D::Error> {
        deserializer.deserialize_ignored_any(IgnoredAny).map(|_| Strict)
    }
}
