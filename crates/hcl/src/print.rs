//! From the tree back to text.
use crate::ast::{Body, Form, Item, Value};
use crate::lexer::{is_letter, is_word};
use std::fmt::Write;

/// The longest list that stays on one line, in bytes.
const LIST_LEN_MAX: usize = 80;

/// The whole text of a file.
pub(crate) fn body(body: &Body) -> String {
    let mut out = String::new();
    items(body, 0, &mut out);
    out
}

fn items(body: &Body, level: usize, out: &mut String) {
    let texts: Vec<String> = body.items.iter().map(|item| text_of(item, level)).collect();
    let widths = key_widths(&body.items, &texts);
    let mut apart = false;
    for (at, ((item, text), width)) in body.items.iter().zip(&texts).zip(widths).enumerate() {
        let tall = item.form == Form::Block || text.contains('\n');
        if at > 0 && (tall || apart) {
            out.push('\n');
        }
        apart = tall;
        for comment in &item.comments {
            comment_line(comment, level, out);
        }
        indent(level, out);
        out.push_str(&name(&item.key));
        for label in &item.labels {
            out.push(' ');
            out.push_str(&quote(label));
        }
        if item.form == Form::Attribute {
            let pad = width.saturating_sub(name(&item.key).chars().count());
            out.extend(std::iter::repeat_n(' ', pad));
            out.push_str(" =");
        }
        out.push(' ');
        out.push_str(text);
        if let Some(comment) = &item.trailing {
            out.push(' ');
            out.push_str(comment);
        }
        out.push('\n');
    }
    if !body.comments.is_empty() && apart {
        out.push('\n');
    }
    for comment in &body.comments {
        comment_line(comment, level, out);
    }
}

/// For each item the width of its key column: attributes of one line that follow each other share one.
fn key_widths(items: &[Item], texts: &[String]) -> Vec<usize> {
    let mut widths = vec![0; items.len()];
    let mut run: Vec<usize> = Vec::new();
    let mut close = |run: &mut Vec<usize>| {
        let width = run.iter().filter_map(|at| items.get(*at)).map(|i| name(&i.key).chars().count()).max();
        for at in run.drain(..) {
            if let Some(slot) = widths.get_mut(at) {
                *slot = width.unwrap_or(0);
            }
        }
    };
    for (at, (item, text)) in items.iter().zip(texts).enumerate() {
        let flat = item.form == Form::Attribute && !text.contains('\n');
        if !flat || !item.comments.is_empty() {
            close(&mut run);
        }
        if flat {
            run.push(at);
        }
    }
    close(&mut run);
    widths
}

fn text_of(item: &Item, level: usize) -> String {
    let mut out = String::new();
    value(&item.value, level, &mut out);
    out
}

fn value(value: &Value, level: usize, out: &mut String) {
    match value {
        // HCL knows no null; an empty string is how its own JSON reader takes one.
        Value::Null => out.push_str("\"\""),
        Value::Bool(b) => out.push_str(if *b { "true" } else { "false" }),
        Value::Int(n) => push(out, format_args!("{n}")),
        Value::Float(n) => push(out, format_args!("{n:?}")),
        Value::String(s) => out.push_str(&quote(s)),
        Value::List(values) => list(values, level, out),
        Value::Object(body) if body.items.is_empty() && body.comments.is_empty() => out.push_str("{}"),
        Value::Object(body) => {
            out.push_str("{\n");
            items(body, level + 1, out);
            indent(level, out);
            out.push('}');
        }
    }
}

fn list(values: &[Value], level: usize, out: &mut String) {
    let texts: Vec<String> = values
        .iter()
        .map(|v| {
            let mut text = String::new();
            value(v, level + 1, &mut text);
            text
        })
        .collect();
    let flat = texts.join(", ");
    if flat.len() <= LIST_LEN_MAX && !flat.contains('\n') {
        push(out, format_args!("[{flat}]"));
        return;
    }
    out.push_str("[\n");
    for text in texts {
        indent(level + 1, out);
        push(out, format_args!("{text},\n"));
    }
    indent(level, out);
    out.push(']');
}

fn comment_line(comment: &str, level: usize, out: &mut String) {
    indent(level, out);
    out.push_str(comment);
    out.push('\n');
}

fn indent(level: usize, out: &mut String) {
    out.extend(std::iter::repeat_n("  ", level));
}

/// A key: bare where it can be read back so.
fn name(key: &str) -> String {
    let bare = key.chars().next().is_some_and(is_letter) && key.chars().all(is_word);
    if bare && key != "true" && key != "false" { key.to_owned() } else { quote(key) }
}

fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if let Some(verbatim) = interpolation(rest) {
            out.push_str(verbatim);
            rest = rest.strip_prefix(verbatim).unwrap_or("");
            continue;
        }
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '$' if rest.starts_with("${") => out.push_str("\\u0024"),
            c if c.is_control() => push(&mut out, format_args!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
        rest = rest.strip_prefix(c).unwrap_or("");
    }
    out.push('"');
    out
}

/// A balanced `${..}` at the start that reads back as it is.
fn interpolation(text: &str) -> Option<&str> {
    let inside = text.strip_prefix("${")?;
    let mut depth = 1_usize;
    for (at, c) in inside.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            c if c.is_control() => return None,
            _ => {}
        }
        if depth == 0 {
            return text.get(..at + 3);
        }
    }
    None
}

fn push(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    let _ = out.write_fmt(text);
}
