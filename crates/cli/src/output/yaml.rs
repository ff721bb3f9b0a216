//! YAML that every reader takes for the same thing.
//!
//! Readers of YAML 1.1 (PyYAML, Go's libraries) see a truth value in `yes`, a date in `2026-11-21` and a number in `12:30`; a secret
//! must come back as the text that it is. So a text stands without quotes only where no reader can take it for anything else.
use serde_json::Value;
use std::fmt::Write;

/// A document. Maps keep the order of the value.
pub(super) fn document(value: &Value) -> String {
    let mut out = String::new();
    match value {
        Value::Array(items) if !items.is_empty() => sequence(&mut out, items, 0),
        Value::Object(map) if !map.is_empty() => mapping(&mut out, map, 0),
        scalar => {
            out.push_str(&inline(scalar, 0));
            out.push('\n');
        }
    }
    out
}

fn mapping(out: &mut String, map: &serde_json::Map<String, Value>, depth: usize) {
    for (at, (key, value)) in map.iter().enumerate() {
        // The first key of a map in a list stands beside its dash.
        if at > 0 || out.is_empty() || out.ends_with('\n') {
            indent(out, depth);
        }
        // A key is one line, whatever it holds.
        out.push_str(&quoted_unless_plain(key));
        out.push(':');
        match value {
            Value::Array(items) if !items.is_empty() => {
                out.push('\n');
                sequence(out, items, depth);
            }
            Value::Object(inner) if !inner.is_empty() => {
                out.push('\n');
                mapping(out, inner, depth + 1);
            }
            scalar => {
                // Writing into a String does not fail.
                let _ = writeln!(out, " {}", inline(scalar, depth + 1));
            }
        }
    }
}

fn sequence(out: &mut String, items: &[Value], depth: usize) {
    for (at, item) in items.iter().enumerate() {
        if at > 0 || out.is_empty() || out.ends_with('\n') {
            indent(out, depth);
        }
        out.push_str("- ");
        match item {
            Value::Array(inner) if !inner.is_empty() => sequence(out, inner, depth + 1),
            Value::Object(map) if !map.is_empty() => mapping(out, map, depth + 1),
            scalar => {
                let _ = writeln!(out, "{}", inline(scalar, depth + 1));
            }
        }
    }
}

fn indent(out: &mut String, depth: usize) {
    out.extend(std::iter::repeat_n("  ", depth));
}

/// What stands on the line of its key or dash; texts of several lines go on below it, `depth` deep.
fn inline(value: &Value, depth: usize) -> String {
    match value {
        Value::String(text) if is_block(text) => block(text, depth),
        Value::String(text) => quoted_unless_plain(text),
        Value::Array(_) => "[]".to_owned(),
        Value::Object(_) => "{}".to_owned(),
        other => other.to_string(),
    }
}

/// Whether a text is lines that people want to see as lines, such as a certificate.
fn is_block(text: &str) -> bool {
    let is_line = |line: &str| !line.ends_with([' ', '\r']) && line.chars().all(|c| c == '\t' || is_printable(c));
    text.contains('\n')
        && text.starts_with(|c: char| !c.is_whitespace())
        && !text.ends_with("\n\n")
        && text.split('\n').all(is_line)
}

fn block(text: &str, depth: usize) -> String {
    let (body, mut out) = match text.strip_suffix('\n') {
        Some(body) => (body, "|".to_owned()),
        None => (text, "|-".to_owned()),
    };
    for line in body.split('\n') {
        out.push('\n');
        if !line.is_empty() {
            indent(&mut out, depth.max(1));
            out.push_str(line);
        }
    }
    out
}

fn quoted_unless_plain(text: &str) -> String {
    if is_plain(text) {
        return text.to_owned();
    }
    let mut out = "\"".to_owned();
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if is_printable(c) => out.push(c),
            c if u32::from(c) <= 0xffff => _ = write!(out, "\\u{:04X}", u32::from(c)),
            c => _ = write!(out, "\\U{:08X}", u32::from(c)),
        }
    }
    out.push('"');
    out
}

/// Whether a text needs no quotes: it begins like a word, holds nothing that YAML has a use for, and is none of YAML's own words.
fn is_plain(text: &str) -> bool {
    const WORDS: [&str; 9] = ["y", "n", "yes", "no", "on", "off", "true", "false", "null"];
    let begins = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/' || c == '_');
    let ends = text.ends_with(|c: char| c.is_ascii_graphic() && c != ':');
    let goes_on = text.chars().all(|c| c.is_ascii_alphanumeric() || " _./:@+=-".contains(c));
    begins && ends && goes_on && !text.contains(": ") && !WORDS.contains(&text.to_ascii_lowercase().as_str())
}

/// YAML's printable characters, without those that some reader takes for a line's end.
fn is_printable(c: char) -> bool {
    matches!(c, ' '..='~' | '\u{a0}'..='\u{2027}' | '\u{202a}'..='\u{d7ff}' | '\u{e000}'..='\u{fefe}' | '\u{ff00}'..='\u{fffd}')
        || c >= '\u{10000}'
}

#[cfg(test)]
mod tests;
