//! The description of one field.
use serde::Serialize;

/// Where a field of a request is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// A part of the path.
    Path,
    /// The query or the JSON body, alike.
    Param,
    /// The JSON body as a whole.
    Body,
    /// A field of an answer.
    Answer,
}

/// The type of a field, as far as clients need it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Text,
    Bool,
    Integer,
    /// Seconds, or a text such as `1h30m`.
    Duration,
    /// RFC 3339.
    Time,
    /// A list of texts, or one text with commas.
    List,
    /// An object of texts, or `key=value` texts.
    Map,
    /// Any JSON.
    Json,
}

/// One field of a request or an answer.
#[derive(Clone, Debug, Serialize)]
pub struct Field {
    pub name: &'static str,
    pub place: Place,
    pub kind: Kind,
    pub required: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default: Option<&'static str>,
    /// The value must not be shown.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub secret: bool,
    pub doc: &'static str,
}
