//! Vault's configuration language: HCL version 1 and its JSON twin, read into one tree with line numbers.
//!
//! Policies and server configuration are both written in it. There is no evaluation: `${..}` and `{{..}}` in strings stay
//! text. Where the original parser takes a doubtful form (a key whose value is missing at the end of the file, an attribute
//! set twice) this one refuses, and says where.
mod ast;
mod error;
mod json;
mod lexer;
mod parser;
mod print;
mod quoted;

pub use ast::{Block, Body, Form, Item, Value};
pub use error::Error;

/// The longest text that is read, in bytes.
pub const TEXT_LEN_MAX: usize = 1024 * 1024;

/// How deep objects and lists may lie in each other.
pub const DEPTH_MAX: usize = 64;

/// Reads a text: as JSON if its first character other than white space is `{`, as HCL otherwise.
///
/// Errors: what is wrong with its line and column; also for a text over [`TEXT_LEN_MAX`] or nested deeper than [`DEPTH_MAX`].
pub fn parse(text: &str) -> Result<Body, Error> {
    if text.len() > TEXT_LEN_MAX {
        return Err(Error::new(1, 1, "the text is longer than 1 MiB".to_owned()));
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.trim_start().starts_with('{') { json::parse(text) } else { parser::parse(text) }
}

/// Lays a text out in the usual way: two spaces a level, one blank line between blocks, `=` signs below each other.
/// Comments are kept. A JSON text comes back as HCL.
pub fn fmt(text: &str) -> Result<String, Error> {
    Ok(print(&parse(text)?))
}

/// The text of a tree, as [`fmt`] lays it out. Reading it again gives the same tree.
pub fn print(body: &Body) -> String {
    print::body(body)
}

#[cfg(test)]
mod tests;
