//! What is wrong with a text, and where.
use std::fmt;

/// A refusal with its place. The text names what was expected and never quotes the content of a string.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    line: u32,
    column: u32,
    text: String,
}

impl Error {
    /// An error at a place; both counts start at 1.
    pub fn new(line: u32, column: u32, text: String) -> Self {
        Self { line, column, text }
    }

    /// The line, from 1.
    pub fn line(&self) -> u32 {
        self.line
    }

    /// The column in characters, from 1.
    pub fn column(&self) -> u32 {
        self.column
    }

    /// What is wrong, without the place.
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: {}", self.line, self.column, self.text)
    }
}

impl std::error::Error for Error {}
