//! How the code must read. What a compiler cannot say about the shape of the code is said here, from the first day on.
mod engines;
mod graph;
mod kernel;
mod size;
mod source;
#[cfg(test)]
mod tests;
mod words;

use crate::Outcome;
use source::Source;
use std::path::Path;

/// One thing that is not as it should be. The text says what to do.
#[derive(Debug, PartialEq, Eq)]
struct Finding {
    /// `path:line`, from the root.
    at: String,
    what: String,
}

impl Finding {
    fn new(at: impl Into<String>, what: impl Into<String>) -> Self {
        Self { at: at.into(), what: what.into() }
    }
}

/// Reads the whole tree and prints figures. Errors: all findings, one a line.
pub fn all(root: &Path) -> Outcome {
    let sources = source::read_tree(root)?;
    let mut findings = Vec::new();
    findings.extend(size::check(&sources));
    findings.extend(words::check(&sources));
    findings.extend(kernel::check(&sources));
    findings.extend(engines::check(root, &sources)?);
    findings.extend(graph::check(root)?);
    println!("{}", size::figures(&sources));
    if findings.is_empty() {
        return Ok(());
    }
    findings.sort_by(|a, b| a.at.cmp(&b.at));
    let lines: Vec<String> = findings.iter().map(|f| format!("{}: {}", f.at, f.what)).collect();
    Err(format!("{}\ntidy: {} findings", lines.join("\n"), findings.len()))
}
