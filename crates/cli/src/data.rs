//! Data from the command line: `key=value`, files and standard input.
use crate::failure::Failure;
use kw_client::Json;
use std::collections::BTreeMap;
use std::io::Read;

/// Reads the arguments of a write:
/// `key=value`; `key=@file` for a file's content; `key=-` for standard input; `@file` or `-` for a whole JSON object.
/// A leading `\` keeps a value's `@` or `-`. A key that comes again becomes a list of texts.
///
/// Errors name the argument's key or place, never a value.
pub(crate) fn object(args: &[String], input: &mut dyn Read) -> Result<BTreeMap<String, Json>, Failure> {
    let mut out = BTreeMap::new();
    for (index, arg) in args.iter().enumerate() {
        let place = format!("argument {} of the data", index + 1);
        if arg == "-" {
            merge(&mut out, &read_input(input, &place)?, &place)?;
        } else if let Some(file) = arg.strip_prefix('@') {
            merge(&mut out, &read_file(file, &place)?, &place)?;
        } else {
            let Some((key, value)) = arg.split_once('=') else {
                return Err(wrong(&place, "format must be key=value"));
            };
            let value = text(value, key, input)?;
            add(&mut out, key, Json::String(value));
        }
    }
    Ok(out)
}

/// The same where every value must be a text, as for logins.
pub(crate) fn texts(args: &[String], input: &mut dyn Read) -> Result<Vec<(String, String)>, Failure> {
    let text = |(key, value)| match value {
        Json::String(value) => Ok((key, value)),
        Json::Array(_) | Json::Object(_) => Err(wrong(&format!("the value of {key}"), "it must be one text")),
        other => Ok((key, crate::output::plain(&other))),
    };
    object(args, input)?.into_iter().map(text).collect()
}

/// All of standard input as text.
pub(crate) fn read_input(input: &mut dyn Read, place: &str) -> Result<String, Failure> {
    let mut text = String::new();
    input.read_to_string(&mut text).map_err(|e| wrong(place, &format!("cannot read standard input: {e}")))?;
    Ok(text)
}

fn read_file(file: &str, place: &str) -> Result<String, Failure> {
    std::fs::read_to_string(file).map_err(|e| wrong(place, &format!("open {file}: {e}")))
}

fn text(value: &str, key: &str, input: &mut dyn Read) -> Result<String, Failure> {
    let place = format!("the value of {key}");
    if value == "-" {
        return read_input(input, &place);
    }
    if let Some(file) = value.strip_prefix('@') {
        return read_file(file, &place);
    }
    let escaped = value.strip_prefix('\\').filter(|rest| rest.starts_with('@') || rest.starts_with('-'));
    Ok(escaped.unwrap_or(value).to_owned())
}

fn merge(out: &mut BTreeMap<String, Json>, json: &str, place: &str) -> Result<(), Failure> {
    let object: BTreeMap<String, Json> = serde_json::from_str(json)
        .map_err(|e| wrong(place, &format!("it is not a JSON object (line {})", e.line())))?;
    for (key, value) in object {
        out.insert(key, value);
    }
    Ok(())
}

fn add(out: &mut BTreeMap<String, Json>, key: &str, value: Json) {
    match out.get_mut(key) {
        None => {
            out.insert(key.to_owned(), value);
        }
        Some(Json::Array(values)) => values.push(value),
        Some(first) => *first = Json::Array(vec![std::mem::take(first), value]),
    }
}

fn wrong(place: &str, what: &str) -> Failure {
    Failure::local(format!("Failed to parse K=V data: {place}: {what}"))
}
