//! What names, policies and metadata of identity may be.
use kw_types::{Fault, Name};
use std::collections::BTreeMap;

/// Folds the name of an entity or group: ASCII as in [`Name`], with single spaces inside. Two names that fold to the same are
/// the same.
///
/// Errors: 400 that says what is wrong.
pub(crate) fn fold(name: &str) -> Result<String, Fault> {
    if name.len() > Name::LEN_MAX {
        return Err(Fault::bad_request("the name is longer than 512 bytes"));
    }
    let words: Result<Vec<Name>, _> = name.split(' ').map(Name::fold).collect();
    let words = words.map_err(|_| {
        Fault::bad_request("a name may hold ASCII letters, digits, -_./+:@#=, and single spaces between them")
    })?;
    Ok(words.iter().map(Name::as_str).collect::<Vec<_>>().join(" "))
}

/// Folds the name of an alias, which a directory or provider has chosen: its case does not count.
pub(crate) fn fold_alias(name: &str) -> String {
    name.to_lowercase()
}

/// The longest name of an alias, in bytes: it is part of a row's key.
const ALIAS_LEN_MAX: usize = 1024;

/// Checks the name of an alias. Errors: 400 when it is empty, too long, or holds what cannot be seen.
pub(crate) fn check_alias(name: &str) -> Result<(), Fault> {
    let unseen = |c: char| {
        c.is_control() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    if name.is_empty() || name.len() > ALIAS_LEN_MAX {
        return Err(Fault::bad_request("the name of an alias must be 1 to 1024 bytes long"));
    }
    if name.trim() != name || name.chars().any(unseen) {
        return Err(Fault::bad_request(
            "the name of an alias must not hold control characters, nor begin or end with a space",
        ));
    }
    Ok(())
}

/// Folds the names of policies as the policy store does: lower case, trimmed, sorted, each once.
///
/// Errors: 400 for `root` in whatever spelling: no entity or group grants it.
pub(crate) fn fold_policies(names: &[String]) -> Result<Vec<String>, Fault> {
    let mut out: Vec<String> = names.iter().map(|n| n.trim().to_lowercase()).filter(|n| !n.is_empty()).collect();
    out.sort();
    out.dedup();
    if out.iter().any(|n| n == kw_policy::builtin::ROOT) {
        return Err(Fault::bad_request("policies cannot contain root"));
    }
    Ok(out)
}

const PAIRS_MAX: usize = 64;
const KEY_LEN_MAX: usize = 128;
const VALUE_LEN_MAX: usize = 512;

/// Checks metadata. Errors: 400 for more than 64 pairs, for keys over 128 bytes or empty, for values over 512 bytes.
pub(crate) fn check_metadata(metadata: &BTreeMap<String, String>) -> Result<(), Fault> {
    if metadata.len() > PAIRS_MAX {
        return Err(Fault::bad_request("metadata cannot contain more than 64 key/value pairs"));
    }
    if metadata.keys().any(|k| k.is_empty() || k.len() > KEY_LEN_MAX) {
        return Err(Fault::bad_request("a key of metadata must be 1 to 128 bytes long"));
    }
    if metadata.values().any(|v| v.len() > VALUE_LEN_MAX) {
        return Err(Fault::bad_request("a value of metadata is too long (limit: 512 bytes)"));
    }
    Ok(())
}
