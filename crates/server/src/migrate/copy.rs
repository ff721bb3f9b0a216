//! Making the destination the same as the source, page by page and in the order of keys.
//!
//! Every page is compared with what the destination has in that range, and only the difference is written. In a first run that
//! is everything; in a second one, after the source has changed, it is what changed.
use super::marks::of;
use bytes::Bytes;
use futures_util::stream::{self, Stream, StreamExt};
use kw_kernel::MIGRATION_ROW;
use kw_store::{Batch, Key, Row, Store, Write};
use std::collections::BTreeMap;

/// How many rows are read at once. Each may be of 1 MiB, and so many pages are in memory as are written at once.
const PAGE_ROWS: usize = 64;

/// How much is written in one commit: below what any backend takes.
const BATCH_BYTES: usize = 256 * 1024;

/// A page that is copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Done {
    /// All rows up to this key are the same in both stores.
    pub last: Key,
    /// Rows of the source in the page.
    pub rows: u64,
}

/// Copies all rows from `start` on, `parallel` pages at a time. Pages are told in their order. Ends at the first error.
pub(super) fn copy<'a>(
    source: &'a dyn Store,
    destination: &'a dyn Store,
    start: Vec<u8>,
    parallel: usize,
) -> impl Stream<Item = Result<Done, String>> + 'a {
    let pages = stream::unfold(Some(start), move |start| async move {
        match page(source, start?).await {
            Ok((page, next)) => Some((Ok(page), next)),
            Err(error) => Some((Err(error), None)),
        }
    });
    pages.map(move |page| async move { write(destination, page?).await }).buffered(parallel)
}

/// A range of keys and what the source has there.
struct Page {
    start: Vec<u8>,
    /// Empty: to the end of all keys.
    end: Vec<u8>,
    rows: BTreeMap<Key, Bytes>,
}

async fn page(source: &dyn Store, start: Vec<u8>) -> Result<(Page, Option<Vec<u8>>), String> {
    let found = source.scan(&start, &[], PAGE_ROWS).await.map_err(|e| of(source, &e))?;
    let next = match found.last() {
        Some((last, _)) if found.len() == PAGE_ROWS => Some(after(last)),
        _ => None,
    };
    let rows = found.into_iter().filter(|(key, _)| !is_mark(key)).map(|(key, row)| (key, row.value)).collect();
    Ok((Page { start, end: next.clone().unwrap_or_default(), rows }, next))
}

/// Writes what differs. The destination's own rows are read page by page too: there may be any number of them.
async fn write(destination: &dyn Store, page: Page) -> Result<Done, String> {
    let Page { mut start, end, mut rows } = page;
    let done =
        Done { last: rows.last_key_value().map(|(key, _)| key.clone()).unwrap_or_default(), rows: rows.len() as u64 };
    let mut surplus = Vec::new();
    loop {
        let found = destination.scan(&start, &end, PAGE_ROWS).await.map_err(|e| of(destination, &e))?;
        let is_last = found.len() < PAGE_ROWS;
        if let Some((last, _)) = found.last() {
            start = after(last);
        }
        for (key, Row { value, .. }) in found.into_iter().filter(|(key, _)| !is_mark(key)) {
            match rows.get(&key) {
                Some(wanted) if *wanted == value => drop(rows.remove(&key)),
                Some(_) => {}
                None => surplus.push(Write { key, value: None }),
            }
        }
        if is_last {
            break;
        }
    }
    let missing = rows.into_iter().map(|(key, value)| Write { key, value: Some(value) });
    let (mut batch, mut bytes) = (Batch::default(), 0);
    for change in surplus.into_iter().chain(missing) {
        let size = change.key.len() + change.value.as_ref().map_or(0, Bytes::len);
        if !batch.writes.is_empty() && (bytes + size > BATCH_BYTES || batch.writes.len() >= PAGE_ROWS) {
            destination.commit(std::mem::take(&mut batch)).await.map_err(|e| of(destination, &e))?;
            bytes = 0;
        }
        bytes += size;
        batch.writes.push(change);
    }
    if !batch.writes.is_empty() {
        destination.commit(batch).await.map_err(|e| of(destination, &e))?;
    }
    Ok(done)
}

/// The first key that can come after this one.
pub(super) fn after(key: &[u8]) -> Vec<u8> {
    [key, b"\0"].concat()
}

/// Whether the row belongs to the migration itself and not to what is migrated.
pub(super) fn is_mark(key: &[u8]) -> bool {
    key == MIGRATION_ROW.as_bytes()
}
