//! The JSON twin of the language.
use crate::ast::{Body, Form, Item, Value};
use crate::{DEPTH_MAX, Error};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::collections::HashSet;
use std::fmt;

/// Reads a text that is one JSON object.
pub(crate) fn parse(text: &str) -> Result<Body, Error> {
    let root: &RawValue = serde_json::from_str(text).map_err(|e| fault(&e, 1))?;
    match value(&Lines::new(text), root, 0)? {
        Value::Object(body) => Ok(body),
        _ => Err(Error::new(1, 1, "expected a JSON object".to_owned())),
    }
}

/// Tells the line of a value: values are slices of the text, so their addresses say where they stand.
struct Lines {
    start: usize,
    breaks: Vec<usize>,
}

impl Lines {
    fn new(text: &str) -> Self {
        let breaks = text.bytes().enumerate().filter(|(_, b)| *b == b'\n').map(|(at, _)| at).collect();
        Self { start: text.as_ptr() as usize, breaks }
    }

    fn of(&self, raw: &RawValue) -> u32 {
        let offset = (raw.get().as_ptr() as usize).saturating_sub(self.start);
        u32::try_from(self.breaks.partition_point(|at| *at < offset)).unwrap_or(u32::MAX - 1) + 1
    }
}

/// The members of an object in their order, each value still as text. A map would lose the order and hide doubles.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Members<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry::<String, &'de RawValue>()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Collect)
    }
}

fn value(lines: &Lines, raw: &RawValue, depth: usize) -> Result<Value, Error> {
    let line = lines.of(raw);
    if depth > DEPTH_MAX {
        return Err(Error::new(line, 1, format!("nested deeper than {DEPTH_MAX} levels")));
    }
    let source = raw.get();
    if source.starts_with('{') {
        let Members(members) = serde_json::from_str(source).map_err(|e| fault(&e, line))?;
        return object(lines, members, depth).map(Value::Object);
    }
    if source.starts_with('[') {
        let list: Vec<&RawValue> = serde_json::from_str(source).map_err(|e| fault(&e, line))?;
        return list.into_iter().map(|v| value(lines, v, depth + 1)).collect::<Result<_, _>>().map(Value::List);
    }
    Ok(match serde_json::from_str(source).map_err(|e| fault(&e, line))? {
        serde_json::Value::Bool(b) => Value::Bool(b),
        serde_json::Value::String(s) => Value::String(s),
        serde_json::Value::Number(n) => n.as_i64().map_or(Value::Float(n.as_f64().unwrap_or(f64::MAX)), Value::Int),
        _ => Value::Null,
    })
}

fn object(lines: &Lines, members: Vec<(String, &RawValue)>, depth: usize) -> Result<Body, Error> {
    let mut seen = HashSet::new();
    let mut items = Vec::with_capacity(members.len());
    for (key, raw) in members {
        let line = lines.of(raw);
        if !seen.insert(key.clone()) {
            return Err(Error::new(line, 1, format!("{key:?} is set twice: keep one of them")));
        }
        let value = value(lines, raw, depth + 1)?;
        let item = Item { key, labels: vec![], value, form: Form::Attribute, line, comments: vec![], trailing: None };
        items.push(item);
    }
    Ok(Body { items, comments: Vec::new() })
}

fn fault(error: &serde_json::Error, first_line: u32) -> Error {
    let line = u32::try_from(error.line()).unwrap_or(u32::MAX).saturating_sub(1).saturating_add(first_line);
    let column = u32::try_from(error.column()).unwrap_or(u32::MAX);
    // The library's texts end in its own account of the place.
    let text = error.to_string();
    let text = text.split(" at line ").next().unwrap_or("this is not JSON").to_owned();
    Error::new(line, column, format!("this is not JSON: {text}"))
}
