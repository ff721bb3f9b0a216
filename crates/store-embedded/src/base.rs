//! The base table: everything that has been folded out of the log, in redb.
use crate::OpenError;
use crate::blocks::{Blocks, Condition, WhenFull};
use crate::file::DiskFile;
use crate::overlay::{Entry, Rows};
use bytes::{Buf, Bytes};
use kw_store::{Key, Revision, Row, StoreError};
use redb::{CursorError, Database, ReadOnlyTable, ReadableDatabase, Table, TableDefinition};
use std::collections::btree_map;
use std::iter::Peekable;
use std::ops::Bound;
use std::path::Path;
use std::sync::Arc;

pub(crate) const NAME: &str = "base";
const ROWS: TableDefinition<&[u8], &[u8]> = TableDefinition::new("rows");
const META: TableDefinition<&str, u64> = TableDefinition::new("meta");
const APPLIED: &str = "applied";
/// A value begins with its revision (8 bytes) and the CRC-32C of key, revision and value (4 bytes).
const ROW_HEAD_LEN: usize = 12;

type RowsTable<'a> = Table<'a, &'static [u8], &'static [u8]>;

/// The table, for the one thread that writes it.
pub(crate) struct Base {
    db: Database,
    condition: Arc<Condition>,
}

/// The table as it was after a fold; as good as a snapshot for as long as it lives.
pub(crate) struct BaseView {
    table: ReadOnlyTable<&'static [u8], &'static [u8]>,
    condition: Arc<Condition>,
}

/// What a listing is to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Rows,
    /// Keys alone; values are not copied and are empty.
    Keys,
}

impl Base {
    /// Makes an empty one.
    pub fn create(dir: &Path, cache_bytes: usize) -> Result<Self, OpenError> {
        let path = dir.join(NAME);
        let file = DiskFile::create(path.clone()).map_err(OpenError::io(format!("creating {}", path.display())))?;
        let base = Self::on(file, cache_bytes)?;
        base.fold(&Rows::new(), Revision(0)).map_err(OpenError::Store)?;
        Ok(base)
    }

    pub fn open(dir: &Path, cache_bytes: usize) -> Result<Self, OpenError> {
        let path = dir.join(NAME);
        let file = DiskFile::open(path.clone()).map_err(|e| match e.kind() {
            std::io::ErrorKind::NotFound => OpenError::corrupt(&path, 0, "this file is missing"),
            _ => OpenError::io(format!("opening {}", path.display()))(e),
        })?;
        if file.len().map_err(file.failed("reading"))? == 0 {
            return Err(OpenError::corrupt(&path, 0, "this file is empty"));
        }
        Self::on(file, cache_bytes)
    }

    fn on(file: DiskFile, cache_bytes: usize) -> Result<Self, OpenError> {
        file.expect_no_order();
        let path = file.path().to_owned();
        let condition = Arc::new(Condition::default());
        let blocks = Blocks::new(file, condition.clone());
        let db = Database::builder().set_cache_size(cache_bytes).create_with_backend(blocks).map_err(|e| {
            let text = condition.damage.get().cloned().unwrap_or_else(|| format!("{}: {e}", path.display()));
            OpenError::Store(StoreError::Corrupt(text))
        })?;
        Ok(Self { db, condition })
    }

    /// What is known of the file beside what redb knows.
    pub fn condition(&self) -> Arc<Condition> {
        self.condition.clone()
    }

    /// From now on a full disk makes writes wait and try again, where it would fail them otherwise.
    pub fn when_full(&self, wait: WhenFull) {
        let _ = self.condition.when_full.set(wait);
    }

    /// The revision up to which everything is in the table.
    pub fn applied(&self) -> Result<Revision, StoreError> {
        let read = || -> Result<Option<u64>, redb::Error> {
            let table = self.db.begin_read()?.open_table(META)?;
            Ok(table.get(APPLIED)?.map(|v| v.value()))
        };
        match read().map_err(|e| self.condition.explain(e))? {
            Some(applied) => Ok(Revision(applied)),
            None => Err(StoreError::Corrupt("base: it does not say how far it goes".to_owned())),
        }
    }

    pub fn view(&self) -> Result<Arc<BaseView>, StoreError> {
        let open = || -> Result<_, redb::Error> { Ok(self.db.begin_read()?.open_table(ROWS)?) };
        let table = open().map_err(|e| self.condition.explain(e))?;
        Ok(Arc::new(BaseView { table, condition: self.condition.clone() }))
    }

    /// Writes the rows and how far they go, as one, durably.
    pub fn fold(&self, rows: &Rows, applied: Revision) -> Result<(), StoreError> {
        let write = || -> Result<(), redb::Error> {
            let mut txn = self.db.begin_write()?;
            // The state of the allocator is saved with the commit, so that a start after a crash does not walk the file.
            txn.set_quick_repair(true);
            {
                put_all(&mut txn.open_table(ROWS)?, rows)?;
                txn.open_table(META)?.insert(APPLIED, applied.0)?;
            }
            Ok(txn.commit()?)
        };
        write().map_err(|e| self.condition.explain(e))
    }

    /// Checks every page and every row. Slow: reads the whole file. Returns the number of rows.
    pub fn verify(&mut self) -> Result<u64, StoreError> {
        let sound = self.db.check_integrity().map_err(|e| self.condition.explain(e.into()))?;
        if !sound {
            return Err(StoreError::Corrupt("base: the table needed repair".to_owned()));
        }
        let mut count = 0;
        for row in self.view()?.range(&[], &[], Part::Rows)? {
            row?;
            count += 1;
        }
        Ok(count)
    }
}

/// After so many new rows in a row, more are expected to belong beside them. To take them together begins with a copy of the
/// page: for fewer it does not pay.
const STREAK: usize = 8;

/// Writes the rows, in their order. New rows that come to lie side by side, as those of one prefix that begin with a time do,
/// go in together: one way down the tree for all of them, and full pages.
fn put_all(table: &mut RowsTable<'_>, rows: &Rows) -> Result<(), redb::Error> {
    let mut encoded = Vec::new();
    let mut rows = rows.iter().peekable();
    let mut streak = 0;
    while let Some((key, entry)) = rows.next() {
        let Some(value) = &entry.value else {
            table.remove(key.as_ref())?;
            streak = 0;
            continue;
        };
        encode_row(&mut encoded, key, entry.revision, value);
        let is_new = table.insert(key.as_ref(), encoded.as_slice())?.is_none();
        streak = if is_new { streak + 1 } else { 0 };
        if streak >= STREAK && rows.peek().is_some_and(|(_, next)| next.value.is_some()) {
            put_behind(table, key, &mut rows, &mut encoded)?;
            streak = 0;
        }
    }
    Ok(())
}

/// Takes the rows that belong between the one with this key and the next one in the table.
fn put_behind(
    table: &mut RowsTable<'_>,
    key: &Key,
    rows: &mut Peekable<btree_map::Iter<'_, Key, Entry>>,
    encoded: &mut Vec<u8>,
) -> Result<(), redb::Error> {
    let mut gap = table.lower_bound_mut(Bound::Excluded(key.as_ref()))?;
    while let Some((key, entry)) = rows.peek()
        && let Some(value) = &entry.value
    {
        encode_row(encoded, key, entry.revision, value);
        match gap.insert_before(key.as_ref(), encoded.as_slice()) {
            Ok(()) => rows.next(),
            Err(CursorError::UnorderedKey) => break,
            Err(CursorError::Storage(e)) => return Err(e.into()),
            Err(other) => return Err(other.into()),
        };
    }
    Ok(gap.close()?)
}

impl BaseView {
    pub fn get(&self, key: &[u8]) -> Result<Option<Row>, StoreError> {
        let Some(found) = self.table.get(key).map_err(|e| self.condition.explain(e.into()))? else { return Ok(None) };
        decode_row(key, found.value()).map(Some)
    }

    /// The rows with `start <= key < end`; no end if `end` is empty.
    pub fn range(
        &self,
        start: &[u8],
        end: &[u8],
        part: Part,
    ) -> Result<impl Iterator<Item = Result<(Key, Row), StoreError>> + use<>, StoreError> {
        let upper = if end.is_empty() { Bound::Unbounded } else { Bound::Excluded(end) };
        let range = self.table.range::<&[u8]>((Bound::Included(start), upper));
        let condition = self.condition.clone();
        let rows = range.map_err(|e| self.condition.explain(e.into()))?;
        Ok(rows.map(move |item| {
            let (key, value) = item.map_err(|e| condition.explain(e.into()))?;
            let row = match part {
                Part::Rows => decode_row(key.value(), value.value())?,
                Part::Keys => Row { value: Bytes::new(), revision: Revision(0) },
            };
            Ok((Key::copy_from_slice(key.value()), row))
        }))
    }
}

impl Condition {
    /// redb's error in our terms, with the place of the damage where one was found.
    fn explain(&self, error: redb::Error) -> StoreError {
        if let Some(damage) = self.damage.get() {
            return StoreError::Corrupt(damage.clone());
        }
        match error {
            redb::Error::Corrupted(what) => StoreError::Corrupt(format!("base: {what}")),
            redb::Error::Io(e) if crate::file::is_full(&e) => StoreError::NoSpace,
            redb::Error::DatabaseClosed => StoreError::Unavailable("it is closed".to_owned()),
            other => match self.poison.get() {
                // redb reads nothing more of a file that it could not write, and says only that.
                Some(why) => StoreError::Poisoned(why.clone()),
                None => StoreError::Unavailable(format!("base: {other}")),
            },
        }
    }
}

fn encode_row(out: &mut Vec<u8>, key: &[u8], revision: Revision, value: &[u8]) {
    out.clear();
    out.extend_from_slice(&revision.0.to_be_bytes());
    out.extend_from_slice(&row_sum(key, revision, value).to_be_bytes());
    out.extend_from_slice(value);
}

fn decode_row(key: &[u8], mut stored: &[u8]) -> Result<Row, StoreError> {
    let damaged = || StoreError::Corrupt("base: a row does not match its checksum".to_owned());
    if stored.len() < ROW_HEAD_LEN {
        return Err(damaged());
    }
    let revision = Revision(stored.get_u64());
    let sum = stored.get_u32();
    if sum != row_sum(key, revision, stored) {
        return Err(damaged());
    }
    Ok(Row { value: Bytes::copy_from_slice(stored), revision })
}

fn row_sum(key: &[u8], revision: Revision, value: &[u8]) -> u32 {
    let sum = crc32c::crc32c_append(crc32c::crc32c(&revision.0.to_be_bytes()), key);
    crc32c::crc32c_append(sum, value)
}

#[cfg(test)]
mod tests;
