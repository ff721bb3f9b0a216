//! Vault's lenient reading of values: what a client may send for a field of a type.
use crate::Kind;
use kw_types::{Name, Secret, Time, Ttl};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// A value as it was sent.
#[derive(Clone, Debug)]
pub enum Raw<'a> {
    /// From the path, the query or a form.
    Text(Cow<'a, str>),
    /// From a JSON body.
    Json(&'a RawValue),
}

impl Raw<'_> {
    pub fn is_null(&self) -> bool {
        matches!(self, Raw::Json(raw) if raw.get() == "null")
    }

    /// The value as JSON.
    pub fn to_value(&self) -> Value {
        match self {
            Raw::Text(text) => Value::String(text.clone().into_owned()),
            Raw::Json(raw) => serde_json::from_str(raw.get()).unwrap_or(Value::Null),
        }
    }

    /// A number or bool is taken as its text too, as Vault does.
    fn scalar(&self) -> Option<Cow<'_, str>> {
        match self {
            Raw::Text(text) => Some(Cow::Borrowed(text)),
            Raw::Json(raw) => scalar_text(raw),
        }
    }
}

fn scalar_text(raw: &RawValue) -> Option<Cow<'_, str>> {
    let text = raw.get();
    match text.as_bytes().first()? {
        b'"' => serde_json::from_str::<String>(text).ok().map(Cow::Owned),
        b'{' | b'[' | b'n' => None,
        _ => Some(Cow::Borrowed(text)),
    }
}

/// A type that a field may have. Errors say what is wrong, without the value.
pub trait Coerce: Sized {
    const KIND: Kind;
    const SECRET: bool = false;
    fn coerce(raw: &Raw<'_>) -> Result<Self, Cow<'static, str>>;
}

impl Coerce for String {
    const KIND: Kind = Kind::Text;
    fn coerce(raw: &Raw<'_>) -> Result<Self, Cow<'static, str>> {
        raw.scalar().map(Cow::into_owned).ok_or(Cow::Borrowed("must be a text"))
    }
}

impl Coerce for Secret<String> {
    const KIND: Kind = Kind::Text;
    const SECRET: bool = true;
    fn coerce(raw: &Raw<'_>) -> Result<Self, Cow<'static, str>> {
        String::coerce(raw).map(Secret::new)
    }
}

impl Coerce for Name {
    const KIND: Kind = Kind::Text;
    fn coerce(raw: &Raw<'_>) -> Result<Self, Cow<'static, str>> {
        Name::fold(&String::coerce(raw)?).map_err(Cow::Borrowed)
    }
}

impl Coerce for bool {
    const KIND: Kind = Kind::Bool;
    fn coerce(raw: &Raw<'_>) -> Result<Self, Cow<'static, str>> {
        match raw.scalar().as_deref() {
            Some("true" | "True" | "TRUE" | "t" | "T" | "1") => Ok(true),
            Some("false" | "False" | "FALSE" | "f" | "F" | "0" | "") => Ok(false),
            _ => Err(Cow::Borrowed("must be true or false")),
        }
    }
}

macro_rules! integer {
    ($($t:ty),*) => {$(
        impl Coerce for $t {
            const KIND: Kind = Kind::Integer;
            fn coerce(raw: &Raw<'_>) -> Result<Self, Cow<'static, str>> {
                let text = raw.scalar().ok_or(Cow::Borrowed("must be a whole number"))?;
                let text = text.trim();
                if text.is_empty() {
                    return Ok(0);
                }
                // 5.0 and 5e0 are whole numbers in JSON; a part of one is not.
                text.parse().or_else(|_| text.strip_suffix(".0").unwrap_or("x").parse())
                    .map_err(|_| Cow::Borrowed(concat!("must be a whole number from ", stringify!($t), "'s range")))
            }
        }
    )*};
}
integer!(i64, u64, i32, u32);

impl Coerce for Ttl {
    const KIND: Kind = Kind::Duration;
    fn coerce(raw: &Raw<'_>) -> Result<Self, Cow<'static, str>> {
        let text = raw.scalar().ok_or(Cow::Borrowed("must be a duration"))?;
        if let (Raw::Json(_), Ok(number)) = (raw, text.parse::<f64>()) {
            return Ttl::from_number(number).map_err(Cow::Borrowed);
        }
        Ttl::parse(&text).map_err(Cow::Borrowed)
    }
}

impl Coerce for Time {
    const KIND: Kind = Kind::Time;
    fn coerce(raw: &Raw<'_>) -> Result<Self, Cow<'static, str>> {
        let text = raw.scalar().ok_or(Cow::Borrowed("must be a time"))?;
        if text.is_empty() {
            return Ok(Time::ZERO);
        }
        Time::parse(&text).ok_or(Cow::Borrowed("must be a time as of RFC 3339"))
    }
}

impl<T: Coerce> Coerce for Option<T> {
    const KIND: Kind = T::KIND;
    const SECRET: bool = T::SECRET;
    fn coerce(raw: &Raw<'_>) -> Result<Self, Cow<'static, str>> {
        if raw.is_null() { Ok(None) } else { T::coerce(raw).map(Some) }
    }
}

/// A list of texts; one text is split at commas and each part trimmed.
impl Coerce for Vec<String> {
    const KIND: Kind = Kind::List;
    fn coerce(raw: &Raw<'_>) -> Result<Self, Cow<'static, str>> {
        if let Some(text) = raw.scalar() {
            return Ok(text.split(',').map(str::trim).filter(|t| !t.is_empty()).map(str::to_owned).collect());
        }
        let texts = Words::coerce(raw)?.0;
        Ok(texts.into_iter().map(|t| t.trim().to_owned()).filter(|t| !t.is_empty()).collect())
    }
}

/// A list of texts that is not split at commas: one text is a list of one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Words(pub Vec<String>);

impl Coerce for Words {
    const KIND: Kind = Kind::List;
    fn coerce(raw: &Raw<'_>) -> Result<Self, Cow<'static, str>> {
        if let Some(text) = raw.scalar() {
            return Ok(Self(if text.is_empty() { Vec::new() } else { vec![text.into_owned()] }));
        }
        let Raw::Json(raw) = raw else { return Ok(Self::default()) };
        let items: Vec<&RawValue> =
            serde_json::from_str(raw.get()).map_err(|_| Cow::Borrowed("must be a list of texts"))?;
        let texts = items.into_iter().map(|i| scalar_text(i).map(Cow::into_owned));
        texts.collect::<Option<_>>().map(Self).ok_or(Cow::Borrowed("must be a list of texts"))
    }
}

/// An object of texts; `key=value` texts are taken too, one or a list of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KeyValues(pub BTreeMap<String, String>);

impl Coerce for KeyValues {
    const KIND: Kind = Kind::Map;
    fn coerce(raw: &Raw<'_>) -> Result<Self, Cow<'static, str>> {
        const WRONG: Cow<'static, str> = Cow::Borrowed("must be an object of texts, or key=value texts");
        if let Raw::Json(json) = raw
            && json.get().starts_with('{')
        {
            let map: BTreeMap<String, &RawValue> = serde_json::from_str(json.get()).map_err(|_| WRONG)?;
            let pairs = map.into_iter().map(|(k, v)| Some((k, scalar_text(v)?.into_owned())));
            return pairs.collect::<Option<_>>().map(Self).ok_or(WRONG);
        }
        let text = raw.scalar();
        if let Some(text) = text.as_deref().filter(|t| t.starts_with('{')) {
            let raw: Box<RawValue> = serde_json::from_str(text).map_err(|_| WRONG)?;
            return Self::coerce(&Raw::Json(&raw));
        }
        let pairs = Words::coerce(raw)?.0;
        let pairs = pairs.iter().map(|p| p.split_once('=').map(|(k, v)| (k.trim().to_owned(), v.to_owned())));
        pairs.collect::<Option<_>>().map(Self).ok_or(WRONG)
    }
}

impl Coerce for Value {
    const KIND: Kind = Kind::Json;
    fn coerce(raw: &Raw<'_>) -> Result<Self, Cow<'static, str>> {
        Ok(raw.to_value())
    }
}

/// A JSON object, kept as the text that was sent but for the space between tokens: digits and order stay.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RawObject(pub Box<RawValue>);

impl RawObject {
    pub fn text(&self) -> &str {
        self.0.get()
    }
}

impl Default for RawObject {
    fn default() -> Self {
        Self(RawValue::from_string("{}".to_owned()).unwrap_or_default())
    }
}

impl Coerce for RawObject {
    const KIND: Kind = Kind::Json;
    fn coerce(raw: &Raw<'_>) -> Result<Self, Cow<'static, str>> {
        match raw {
            Raw::Json(raw) if raw.get().starts_with('{') => {
                RawValue::from_string(compact(raw.get())).map(Self).map_err(|_| Cow::Borrowed("must be a JSON object"))
            }
            _ => Err(Cow::Borrowed("must be a JSON object")),
        }
    }
}

/// Valid JSON without the space between its tokens.
fn compact(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    let (mut in_text, mut escaped) = (false, false);
    for c in json.chars() {
        if !in_text && c.is_ascii_whitespace() {
            continue;
        }
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = in_text,
            '"' => in_text = !in_text,
            _ => {}
        }
        out.push(c);
    }
    out
}
