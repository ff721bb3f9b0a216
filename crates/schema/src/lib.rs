//! What a route takes and gives, said once. From these descriptions come parsing, validation, OpenAPI, `api/schema.json`, the
//! command line's help, the docs and the refusal sweep over all routes.
extern crate self as kw_schema;

mod coerce;
mod describe;
mod field;
mod input;
mod route;

pub use coerce::{Coerce, KeyValues, Raw, RawObject, Words};
pub use describe::{op_json, openapi_path};
pub use field::{Field, Kind, Place};
pub use input::{Input, Params};
pub use kw_schema_derive::{Request, Response};
pub use route::{Access, Captures, Found, Op, RouteTable, Verb};

use kw_types::Fault;

/// What a handler takes; made by `#[derive(Request)]` from a struct whose docs are the user's docs.
///
/// Fields come from the path (`#[capture]`), else from query and body alike. `#[field(default = "..")]`, `#[field(name = "..")]`,
/// `#[field(required)]`, `#[body]` (the whole body) and `#[flatten]` (the fields of another request) say the rest.
pub trait Request: Sized {
    /// The struct's doc comment.
    const DOC: &'static str;
    /// Adds a description of each field.
    fn fields(out: &mut Vec<Field>);
    /// Reads the fields. Errors: 400 that names the field, and never shows the value.
    fn parse(input: &Input<'_>) -> Result<Self, Fault>;
}

/// What a handler gives: `#[derive(Serialize, Response)]`.
pub trait Response: serde::Serialize {
    /// Adds a description of each field.
    fn fields(out: &mut Vec<Field>);
}

/// A request without fields.
#[derive(Clone, Copy, Debug, Default)]
pub struct Nothing;

impl Request for Nothing {
    const DOC: &'static str = "";
    fn fields(_: &mut Vec<Field>) {}
    fn parse(_: &Input<'_>) -> Result<Self, Fault> {
        Ok(Self)
    }
}

#[cfg(test)]
mod tests;
