//! The three streams of a program.
use std::io::{Read, Write};

/// Where a command reads and writes.
pub struct Terminal<'a> {
    /// Standard input.
    pub input: &'a mut dyn Read,
    /// Standard output: answers.
    pub output: &'a mut dyn Write,
    /// Standard error: warnings and errors.
    pub errors: &'a mut dyn Write,
    /// Whether a person sits there, who can be asked for a password.
    pub interactive: bool,
}
