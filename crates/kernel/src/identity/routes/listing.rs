//! Listings, a page at a time.
use crate::sys::Call;
use kw_engine::Keys;
use kw_schema::Request;
use kw_store::Page;
use kw_types::Fault;
use serde::Serialize;
use std::collections::BTreeMap;

/// Which part of a listing is wanted.
#[derive(Request)]
pub(super) struct List {
    /// Only what comes after this key.
    after: String,
    /// At most so many; all if absent.
    limit: u32,
}

impl List {
    /// The page, within what the caller's policies allow.
    pub fn page(&self, call: &Call<'_>) -> Page<'_> {
        let asked = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let limit = match (asked, call.list_limit.unwrap_or(0)) {
            (0, allowed) => allowed,
            (asked, 0) => asked,
            (asked, allowed) => asked.min(allowed),
        };
        Page::new(&self.after, limit)
    }
}

/// Keys with a fact for each.
pub(super) fn keys_with<T: Serialize>(keys: Vec<String>, info: &BTreeMap<String, T>) -> Result<Keys, Fault> {
    let info = serde_json::value::to_raw_value(info)
        .map_err(|e| Fault::internal(format_args!("a listing does not serialise: {:?}", e.classify())))?;
    Ok(Keys { keys, key_info: Some(info) })
}
