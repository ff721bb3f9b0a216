//! The parameters of a request, and how their values compare with those that a rule names.
use kw_types::Ttl;
use serde_json::{Map, Value};

/// The parameters of a request: body, query and form, as the client sent them. Asked only where a rule speaks of parameters.
pub trait Params {
    /// Calls `f` for every parameter. A name that was sent twice comes twice.
    fn each(&self, f: &mut dyn FnMut(&str, &Value));

    /// Whether the handler reads this parameter as a list, also when it is sent as a text with commas. If so, every element
    /// must be among the allowed values; if not, only an equal list is.
    fn is_list(&self, name: &str) -> bool {
        let _ = name;
        false
    }
}

/// No parameters.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoParams;

impl Params for NoParams {
    fn each(&self, _f: &mut dyn FnMut(&str, &Value)) {}
}

impl Params for [(String, Value)] {
    fn each(&self, f: &mut dyn FnMut(&str, &Value)) {
        self.iter().for_each(|(name, value)| f(name, value));
    }
}

impl Params for &[(String, Value)] {
    fn each(&self, f: &mut dyn FnMut(&str, &Value)) {
        self.iter().for_each(|(name, value)| f(name, value));
    }
}

impl Params for Vec<(String, Value)> {
    fn each(&self, f: &mut dyn FnMut(&str, &Value)) {
        self.iter().for_each(|(name, value)| f(name, value));
    }
}

impl Params for Map<String, Value> {
    fn each(&self, f: &mut dyn FnMut(&str, &Value)) {
        self.iter().for_each(|(name, value)| f(name, value));
    }
}

/// How deep texts that are JSON again are looked into.
const UNWRAP_MAX: usize = 4;

/// Whether a denied value hides in `value`. It does so too in another case, with space around it, as one of several in a
/// list, in a text with commas, or in a list written as JSON text: whatever a handler may yet read as that value.
pub(crate) fn is_denied(value: &Value, denied: &[Value]) -> bool {
    denied.is_empty() || denied.iter().any(|rule| hides(rule, value, UNWRAP_MAX))
}

fn hides(rule: &Value, value: &Value, unwraps: usize) -> bool {
    if same(rule, value) {
        return true;
    }
    match value {
        Value::Array(list) => list.iter().any(|element| hides(rule, element, unwraps)),
        Value::Object(members) => members.values().any(|member| hides(rule, member, unwraps)),
        Value::String(text) => {
            let mut spellings = std::iter::once(text.as_str()).chain(text.split(','));
            if spellings.any(|spelling| reads_as(rule, spelling)) {
                return true;
            }
            let looks_like_json = text.trim_start().starts_with(['[', '{', '"']);
            let inner = if looks_like_json && unwraps > 0 { serde_json::from_str::<Value>(text).ok() } else { None };
            inner.is_some_and(|inner| hides(rule, &inner, unwraps - 1))
        }
        scalar => scalar_text(scalar).is_some_and(|text| reads_as(rule, &text)),
    }
}

/// Whether a handler may read `text` as the value of the rule: in another case, with space around it, as another spelling of
/// the same boolean, number or duration.
fn reads_as(rule: &Value, text: &str) -> bool {
    let Some(rule) = scalar_text(rule) else { return false };
    let (rule, text) = (rule.trim().to_lowercase(), text.trim().to_lowercase());
    let alike = |a: Option<u64>, b: Option<u64>| a.is_some() && a == b;
    let number = |text: &str| text.parse::<f64>().ok().map(f64::to_bits);
    let duration = |text: &str| Ttl::parse(text).ok().filter(|_| !text.is_empty()).map(Ttl::seconds);
    rule == "*"
        || glob(&rule, &text)
        || alike(number(&rule), number(&text))
        || alike(duration(&rule), duration(&text))
        || (matches!(rule.as_str(), "true" | "false") && boolean(&text) == rule.parse().ok())
}

/// The spellings that Go's `strconv.ParseBool` takes, in lower case; numbers are true unless zero.
fn boolean(text: &str) -> Option<bool> {
    match text {
        "t" | "true" => Some(true),
        "f" | "false" => Some(false),
        number => number.parse::<f64>().ok().map(|n| n != 0.0),
    }
}

/// Whether `value` is among the allowed values, compared as Vault does: with case, and as a whole unless it `is_list`.
pub(crate) fn is_allowed(value: &Value, allowed: &[Value], is_list: bool) -> bool {
    if allowed.is_empty() || allowed.iter().any(|rule| same(rule, value)) {
        return true;
    }
    let one = |value: &Value| allowed.iter().any(|rule| fits(rule, value));
    match value {
        Value::String(text) if is_list => text.split(',').all(|piece| one(&Value::String(piece.trim().to_owned()))),
        Value::Array(list) if is_list => !list.is_empty() && list.iter().all(one),
        other => one(other),
    }
}

fn fits(rule: &Value, value: &Value) -> bool {
    match (rule, value) {
        (_, Value::Array(_) | Value::Object(_) | Value::Null) => same(rule, value),
        (Value::String(rule), value) => scalar_text(value).is_some_and(|text| glob(rule, &text)),
        _ => same(rule, value) || (scalar_text(rule).is_some() && scalar_text(rule) == scalar_text(value)),
    }
}

/// JSON equality, where 1 and 1.0 are one number.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        _ => a == b,
    }
}

fn scalar_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(value) => Some(value.to_string()),
        _ => None,
    }
}

/// Vault's simple globs: a `*` at the beginning, at the end, or both. A lone `*` is only itself.
fn glob(pattern: &str, text: &str) -> bool {
    if pattern.len() < 2 {
        return pattern == text;
    }
    match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
        (Some(tail), Some(_)) => text.contains(tail.strip_suffix('*').unwrap_or(tail)),
        (Some(tail), None) => text.ends_with(tail),
        (None, Some(head)) => text.starts_with(head),
        (None, None) => pattern == text,
    }
}
