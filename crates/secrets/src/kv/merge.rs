//! JSON merge patches (RFC 7396) on JSON texts, so that the digits of numbers stay as they were sent.
use kw_engine::Fault;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// The members of an object. Names are owned only where they hold escapes.
type Members<'a> = BTreeMap<Name<'a>, &'a RawValue>;

#[derive(serde::Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(transparent)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

/// What becomes of `target` by `patch`, both JSON. A patch that is no object replaces the target whole.
/// Errors: 500 if one of them is not JSON.
pub(super) fn merge_patch(target: &str, patch: &RawValue) -> Result<Box<RawValue>, Fault> {
    let wrong = |e: serde_json::Error| Fault::internal(format_args!("merge patch: {:?}", e.classify()));
    merged(target, patch).map_err(wrong)
}

fn merged(target: &str, patch: &RawValue) -> Result<Box<RawValue>, serde_json::Error> {
    if !patch.get().starts_with('{') {
        return Ok(patch.to_owned());
    }
    let target: Members<'_> = if target.starts_with('{') { serde_json::from_str(target)? } else { Members::new() };
    let mut out: BTreeMap<&str, Cow<'_, RawValue>> =
        target.iter().map(|(name, value)| (name.0.as_ref(), Cow::Borrowed(*value))).collect();
    let patch: Members<'_> = serde_json::from_str(patch.get())?;
    for (Name(name), change) in &patch {
        if change.get() == "null" {
            out.remove(name.as_ref());
            continue;
        }
        let old = out.get(name.as_ref()).map_or("null", |value| value.get());
        let new = merged(old, change)?;
        out.insert(name, Cow::Owned(new));
    }
    serde_json::value::to_raw_value(&out)
}
