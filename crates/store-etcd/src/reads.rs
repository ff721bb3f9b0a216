//! Reading rows. All reads are linearizable: a member that lags behind asks the leader first.
use crate::dialer::{Dialer, RANGE, from_etcd, revision, to_etcd};
use crate::messages::{KeyValue, RangeRequest, RangeResponse};
use bytes::Bytes;
use kw_store::{Key, Revision, Row, StoreError};

/// How many rows are asked for at first, with values (up to 1 MiB each) and without.
const PAGE_ROWS: usize = 128;
const PAGE_KEYS: usize = 4096;

/// How large further pages shall be, in bytes: soon read, but worth a trip.
const PAGE_BYTES: usize = 2 * 1024 * 1024;

/// The newest row of this key.
pub(crate) async fn get(dialer: &Dialer, key: &[u8]) -> Result<Option<Row>, StoreError> {
    let question = RangeRequest { key: dialer.layout.row(key), ..RangeRequest::default() };
    let answer: RangeResponse = dialer.ask(RANGE, question).await?;
    Ok(answer.kvs.into_iter().next().map(row))
}

/// The rows of a range, `limit` at most, all as of one moment.
pub(crate) async fn range(dialer: &Dialer, mut pages: Pages, limit: usize) -> Result<Vec<(Key, Row)>, StoreError> {
    let mut rows = Vec::new();
    while rows.len() < limit {
        let page = pages.next(dialer, limit - rows.len()).await?;
        if page.is_empty() {
            break;
        }
        rows.extend(page);
    }
    Ok(rows)
}

/// A range that is read page by page, all of them as of the moment of the first.
pub(crate) struct Pages {
    /// What is left; `None` at the end.
    left: Option<(Bytes, Bytes)>,
    at: Revision,
    with_values: bool,
    /// How many rows the next page has.
    count: usize,
}

impl Pages {
    pub fn new(dialer: &Dialer, start: &[u8], end: &[u8], with_values: bool) -> Self {
        let is_empty = !end.is_empty() && start >= end;
        let left = (!is_empty).then(|| dialer.layout.range(start, end));
        Self { left, at: Revision(0), with_values, count: if with_values { PAGE_ROWS } else { PAGE_KEYS } }
    }

    /// The next rows, `limit` at most; none at the end.
    pub async fn next(&mut self, dialer: &Dialer, limit: usize) -> Result<Vec<(Key, Row)>, StoreError> {
        let Some((key, range_end)) = self.left.take() else { return Ok(Vec::new()) };
        let count = limit.min(self.count);
        if count == 0 {
            return Ok(Vec::new());
        }
        let question = RangeRequest {
            key,
            range_end: range_end.clone(),
            limit: i64::try_from(count).unwrap_or(i64::MAX),
            revision: to_etcd(self.at),
            keys_only: !self.with_values,
        };
        let answer: RangeResponse = dialer.ask(RANGE, question).await?;
        if self.at == Revision(0) {
            self.at = revision(answer.header);
        }
        let bytes: usize = answer.kvs.iter().map(|kv| kv.key.len() + kv.value.len()).sum();
        self.count = (PAGE_BYTES * answer.kvs.len() / bytes.max(1)).clamp(PAGE_ROWS / 8, PAGE_KEYS);
        if let (true, Some(last)) = (answer.more, answer.kvs.last()) {
            // The key right behind the last one.
            let after = [&last.key[..], b"\0"].concat();
            self.left = Some((after.into(), range_end));
        }
        let keyed = |kv: KeyValue| Some((dialer.layout.key_of(&kv.key)?, row(kv)));
        Ok(answer.kvs.into_iter().filter_map(keyed).collect())
    }
}

fn row(kv: KeyValue) -> Row {
    Row { value: kv.value, revision: from_etcd(kv.mod_revision) }
}
