//! What all rows of a store come to.
use super::copy::{after, is_mark};
use super::marks::of;
use aws_lc_rs::digest::{Context, SHA256};
use kw_store::Store;

/// How many rows are read at once.
const PAGE_ROWS: usize = 64;

/// The number of rows and the SHA-256 of them in their order: of each the length of the key, the key, the length of the value,
/// the value; lengths as big-endian `u64`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Digest {
    pub rows: u64,
    pub sha256: String,
}

/// Reads all rows from `start` on, but for the migration's own. `told` hears of each page's number of rows.
pub(super) async fn digest(store: &dyn Store, mut start: Vec<u8>, told: impl Fn(u64)) -> Result<Digest, String> {
    let (mut context, mut rows) = (Context::new(&SHA256), 0);
    loop {
        let page = store.scan(&start, &[], PAGE_ROWS).await.map_err(|e| of(store, &e))?;
        for (key, row) in page.iter().filter(|(key, _)| !is_mark(key)) {
            for part in [key, &row.value] {
                context.update(&(part.len() as u64).to_be_bytes());
                context.update(part);
            }
            rows += 1;
        }
        told(page.len() as u64);
        match page.last() {
            Some((last, _)) if page.len() == PAGE_ROWS => start = after(last),
            _ => return Ok(Digest { rows, sha256: hex::encode(context.finish()) }),
        }
    }
}

/// How many rows there are from `start` on.
pub(super) async fn count(store: &dyn Store, mut start: Vec<u8>) -> Result<u64, String> {
    const STEP: usize = 10_000;
    let mut rows = 0;
    loop {
        let page = store.keys(&start, &[], STEP).await.map_err(|e| of(store, &e))?;
        rows += page.iter().filter(|key| !is_mark(key)).count() as u64;
        match page.last() {
            Some(last) if page.len() == STEP => start = after(last),
            _ => return Ok(rows),
        }
    }
}
