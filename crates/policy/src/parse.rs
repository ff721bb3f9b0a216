//! From the text of a policy to its rules.
use crate::capability::{Capabilities, Capability};
use crate::constraint::{Constraint, Values};
use crate::error::PolicyError;
use crate::pattern::Pattern;
use crate::policy::PathRule;
use crate::template::Template;
use kw_hcl::{Block, Body, Item, Value};
use kw_types::{Time, Ttl};

/// Reads all `path` blocks.
pub(crate) fn rules(text: &str) -> Result<Vec<PathRule>, PolicyError> {
    let body = kw_hcl::parse(text)?;
    for item in &body.items {
        match (item.key.as_str(), &item.value) {
            ("path", _) | ("name", Value::String(_)) => {}
            ("name", _) => return Err(PolicyError::new(item.line, "name must be a string")),
            (key, _) => return Err(PolicyError::new(item.line, format!("unknown key {key:?}: expected path"))),
        }
    }
    body.blocks("path", 1)?.iter().map(rule).collect()
}

fn rule(block: &Block<'_>) -> Result<PathRule, PolicyError> {
    // A block without a label is a rule for the path "path": odd, but it is how Vault reads it.
    let text = block.labels.first().copied().unwrap_or("path");
    let wrong = |reason: &str| PolicyError::new(block.line, format!("path {text:?}: {reason}"));
    let path = Template::parse(text).map_err(wrong)?;
    Pattern::parse(&path.sample()).map_err(wrong)?;
    check_keys(text, block.body)?;
    let expires = match block.body.get("expiration") {
        None => None,
        Some(item) => Some(time(item)?),
    };
    Ok(PathRule { path, constraint: constraint(block.body)?, expires })
}

fn check_keys(path: &str, body: &Body) -> Result<(), PolicyError> {
    for (at, item) in body.items.iter().enumerate() {
        let refuse = |reason: String| Err(PolicyError::new(item.line, format!("path {path:?}: {reason}")));
        match item.key.as_str() {
            "comment"
            | "policy"
            | "capabilities"
            | "allowed_parameters"
            | "denied_parameters"
            | "required_parameters"
            | "min_wrapping_ttl"
            | "max_wrapping_ttl"
            | "pagination_limit"
            | "expiration" => {}
            "control_group" | "mfa_methods" | "list_scan_response_keys_filter_path" => {
                return refuse(format!("{:?} is not enforced by this server: remove it", item.key));
            }
            key => return refuse(format!("unknown key {key:?}")),
        }
        if !item.labels.is_empty() {
            return refuse(format!("{:?} takes no label", item.key));
        }
        if body.items.iter().take(at).any(|other| other.key == item.key) {
            return refuse(format!("{:?} is set twice: keep one of them", item.key));
        }
    }
    Ok(())
}

fn constraint(body: &Body) -> Result<Constraint, PolicyError> {
    let ttl_of = |key| body.get(key).map_or(Ok(Ttl::ZERO), ttl);
    let out = Constraint {
        capabilities: capabilities(body)?,
        wrap_min: ttl_of("min_wrapping_ttl")?,
        wrap_max: ttl_of("max_wrapping_ttl")?,
        allowed: body.get("allowed_parameters").map_or(Ok(Values::new()), values)?,
        denied: body.get("denied_parameters").map_or(Ok(Values::new()), values)?,
        required: body.get("required_parameters").map_or(Ok(Vec::new()), strings)?,
        list_limit: body.get("pagination_limit").map_or(Ok(0), count)?,
    };
    let bounded = !out.wrap_min.is_zero() && !out.wrap_max.is_zero();
    if let Some(item) = body.get("max_wrapping_ttl")
        && bounded
        && out.wrap_max < out.wrap_min
    {
        return Err(PolicyError::new(item.line, "max_wrapping_ttl cannot be less than min_wrapping_ttl"));
    }
    let required = out.required.iter().map(|name| name.to_lowercase()).collect();
    Ok(Constraint { required, ..out })
}

fn capabilities(body: &Body) -> Result<Capabilities, PolicyError> {
    use Capability::{Create, Delete, Deny, List, Read, Sudo, Update};
    let mut found = Capabilities::default();
    if let Some(item) = body.get("capabilities") {
        for word in strings(item)? {
            let capability = Capability::parse(&word)
                .ok_or_else(|| PolicyError::new(item.line, format!("invalid capability {word:?}")))?;
            found = found.union(Capabilities::of(&[capability]));
        }
    }
    let Some(item) = body.get("policy") else { return Ok(found) };
    let old: &[Capability] = match &item.value {
        Value::String(word) => match word.as_str() {
            "" => &[],
            "deny" => &[Deny],
            "read" => &[Read, List],
            "write" => &[Create, Read, Update, Delete, List],
            "sudo" => &[Create, Read, Update, Delete, List, Sudo],
            _ => return Err(PolicyError::new(item.line, format!("invalid policy {word:?}: use capabilities"))),
        },
        _ => return Err(must_be(item, "one of \"deny\", \"read\", \"write\", \"sudo\"")),
    };
    Ok(found.union(Capabilities::of(old)))
}

/// `{ "name" = [values] }`, names in lower case.
fn values(item: &Item) -> Result<Values, PolicyError> {
    let Value::Object(body) = &item.value else { return Err(must_be(item, "an object of lists")) };
    let mut out = Values::new();
    for member in &body.items {
        let Value::List(list) = &member.value else {
            return Err(must_be(member, "a list; an empty one stands for any value"));
        };
        // Names that differ in case alone are one parameter.
        let known = out.entry(member.key.to_lowercase());
        match known {
            std::collections::btree_map::Entry::Occupied(_) => {
                return Err(PolicyError::new(member.line, format!("parameter {:?} is named twice", member.key)));
            }
            std::collections::btree_map::Entry::Vacant(slot) => {
                slot.insert(list.iter().map(Value::to_json).collect());
            }
        }
    }
    Ok(out)
}

fn strings(item: &Item) -> Result<Vec<String>, PolicyError> {
    let Value::List(list) = &item.value else { return Err(must_be(item, "a list of strings")) };
    let text = |value: &Value| match value {
        Value::String(s) => Ok(s.clone()),
        _ => Err(must_be(item, "a list of strings")),
    };
    list.iter().map(text).collect()
}

fn ttl(item: &Item) -> Result<Ttl, PolicyError> {
    let (ttl, means_none) = match &item.value {
        Value::Int(n) => (u64::try_from(*n).map(Ttl::from_seconds).map_err(|_| "must not be negative"), *n == 0),
        Value::Float(n) => (Ttl::from_number(*n), *n == 0.0),
        Value::String(s) => (Ttl::parse(s), !s.contains(|c: char| matches!(c, '1'..='9'))),
        _ => return Err(must_be(item, "a number of seconds or a duration such as \"90s\"")),
    };
    let ttl = ttl.map_err(|reason| PolicyError::new(item.line, format!("error parsing {}: {reason}", item.key)))?;
    // What is cut to zero would switch the bound off.
    if ttl.is_zero() && !means_none {
        return Err(must_be(item, "a whole second or more, or 0 for no bound"));
    }
    Ok(ttl)
}

fn count(item: &Item) -> Result<usize, PolicyError> {
    let number = match &item.value {
        Value::Int(n) => usize::try_from(*n).ok(),
        Value::String(s) => s.parse().ok(),
        _ => None,
    };
    number.ok_or_else(|| must_be(item, "a whole number"))
}

fn time(item: &Item) -> Result<Time, PolicyError> {
    let time = match &item.value {
        Value::Int(n) => Some(Time::from_seconds(*n)),
        Value::String(s) => Time::parse(s),
        _ => None,
    };
    time.ok_or_else(|| must_be(item, "a time such as \"2030-01-31T00:00:00Z\""))
}

fn must_be(item: &Item, what: &str) -> PolicyError {
    PolicyError::new(item.line, format!("{:?} must be {what}, not {}", item.key, item.value.kind()))
}
