//! What is wrong with the text of a policy.
use std::fmt;

/// Why a policy was not taken, with the line. It may quote names and paths of the policy, which are no secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyError {
    line: u32,
    text: String,
}

impl PolicyError {
    pub(crate) fn new(line: u32, text: impl Into<String>) -> Self {
        Self { line, text: text.into() }
    }

    /// The line, from 1.
    pub fn line(&self) -> u32 {
        self.line
    }
}

impl From<kw_hcl::Error> for PolicyError {
    fn from(error: kw_hcl::Error) -> Self {
        Self { line: error.line(), text: format!("column {}: {}", error.column(), error.text()) }
    }
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "failed to parse policy: line {}: {}", self.line, self.text)
    }
}

impl std::error::Error for PolicyError {}
