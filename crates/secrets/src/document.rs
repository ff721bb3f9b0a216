//! Requests whose body is the thing to store, whatever fields it has (`kv` version 1, `cubbyhole`).
use kw_engine::{Coerce, Fault, Field, Input, Kind, Raw, RawObject, Request};
use kw_schema::Place;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// A path, and everything that was sent with it.
pub(crate) struct Document {
    pub path: String,
    /// The JSON object as it was sent; `None` if it has no members or there was no body.
    pub body: Option<Box<RawValue>>,
}

impl Document {
    /// The object, for a path that can hold one. Errors: 400.
    pub fn checked(self) -> Result<(String, Box<RawValue>), Fault> {
        leaf(&self.path)?;
        let body = self.body.ok_or_else(|| Fault::bad_request("missing data fields"))?;
        Ok((self.path, body))
    }
}

impl Request for Document {
    const DOC: &'static str = "Stores the fields of the body, in place of what was there.";

    fn fields(out: &mut Vec<Field>) {
        out.extend([
            field("path", Place::Path, Kind::Text, false, "Where it is stored, below the mount."),
            field("body", Place::Body, Kind::Json, true, "Any object."),
        ]);
    }

    fn parse(input: &Input<'_>) -> Result<Self, Fault> {
        let body = match input.params.body() {
            Some(raw) if has_no_members(raw) => None,
            Some(raw) => Some(RawObject::coerce(&Raw::Json(raw)).map_err(Fault::bad_request)?.0),
            None if input.params.is_empty() => None,
            None => Some(object_of_form(input)?),
        };
        Ok(Self { path: input.capture("path")?, body })
    }
}

/// Refuses the path of a folder, which can hold nothing itself. Errors: 400.
pub(crate) fn leaf(path: &str) -> Result<&str, Fault> {
    if path.is_empty() || path.ends_with('/') {
        return Err(Fault::bad_request("cannot write to a path ending in '/'"));
    }
    Ok(path)
}

fn field(name: &'static str, place: Place, kind: Kind, secret: bool, doc: &'static str) -> Field {
    Field { name, place, kind, required: true, default: None, secret, doc }
}

fn has_no_members(raw: &RawValue) -> bool {
    raw.get().bytes().filter(|b| !b.is_ascii_whitespace()).take(3).eq(*b"{}")
}

/// A form is stored as an object of texts.
fn object_of_form(input: &Input<'_>) -> Result<Box<RawValue>, Fault> {
    let fields: Map<String, Value> = input.params.iter().map(|(name, raw)| (name.to_owned(), raw.to_value())).collect();
    serde_json::value::to_raw_value(&fields).map_err(|e| Fault::internal(format_args!("form: {:?}", e.classify())))
}
