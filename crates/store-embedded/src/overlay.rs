//! What the log holds and the base table does not yet: newest rows first, then those of the segment that is being folded,
//! then the base table.
use crate::base::{BaseView, Part};
use bytes::Bytes;
use kw_store::{Key, Revision, Row, StoreError, Write};
use parking_lot::RwLock;
use std::collections::BTreeMap;
use std::iter::Peekable;
use std::sync::Arc;

/// The newest state of a key; `None` is a deletion.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub revision: Revision,
    pub value: Option<Bytes>,
}

impl Entry {
    fn row(&self) -> Option<Row> {
        self.value.as_ref().map(|value| Row { value: value.clone(), revision: self.revision })
    }
}

pub(crate) type Rows = BTreeMap<Key, Entry>;

/// Adds a write of this revision.
pub(crate) fn put(rows: &mut Rows, revision: Revision, write: Write) {
    rows.insert(write.key, Entry { revision, value: write.value });
}

/// The three layers. The lock is held for look-ups in memory only, never across a read or write of a file.
pub(crate) struct Overlay {
    layers: RwLock<Layers>,
}

struct Layers {
    active: Rows,
    sealed: Option<Arc<Rows>>,
    /// Gone after the store was closed.
    base: Option<Arc<BaseView>>,
    /// What is in none of the maps has not changed since this revision.
    floor: Revision,
}

type Item = Result<(Key, Entry), StoreError>;

impl Overlay {
    pub fn new(active: Rows, sealed: Option<Arc<Rows>>, base: Arc<BaseView>, floor: Revision) -> Self {
        Self { layers: RwLock::new(Layers { active, sealed, base: Some(base), floor }) }
    }

    pub fn get(&self, key: &[u8]) -> Result<Option<Row>, StoreError> {
        let base = {
            let layers = self.layers.read();
            if let Some(entry) = layers.find(key) {
                return Ok(entry.row());
            }
            layers.base.clone()
        };
        base.ok_or_else(closed)?.get(key)
    }

    /// What is known of the key without the table: `Some(None)` is a deletion.
    pub fn find(&self, key: &[u8]) -> Option<Option<Row>> {
        self.layers.read().find(key).map(Entry::row)
    }

    /// Whether the key is still as it was seen (0: not there) by a transaction that began at `began`. The table is asked
    /// only if it was folded since then.
    pub fn is_as_seen(&self, key: &[u8], seen: Revision, began: Revision) -> Result<bool, StoreError> {
        let base = {
            let layers = self.layers.read();
            if let Some(entry) = layers.find(key) {
                let now = if entry.value.is_some() { entry.revision } else { Revision(0) };
                return Ok(now == seen);
            }
            if began >= layers.floor {
                return Ok(seen <= layers.floor);
            }
            layers.base.clone()
        };
        let row = base.ok_or_else(closed)?.get(key)?;
        Ok(row.map_or(Revision(0), |r| r.revision) == seen)
    }

    /// The rows with `start <= key < end`, `limit` at most, all as of one moment.
    pub fn range(&self, start: &[u8], end: &[u8], limit: usize, part: Part) -> Result<Vec<(Key, Row)>, StoreError> {
        if limit == 0 || (!end.is_empty() && start >= end) {
            return Ok(Vec::new());
        }
        let (active, sealed, base) = {
            let layers = self.layers.read();
            (collect(&layers.active, start, end, limit), layers.sealed.clone(), layers.base.clone())
        };
        let base = base.ok_or_else(closed)?;
        live(active.into_iter(), sealed.as_deref(), &base, (start, end), part)?.take(limit).collect()
    }

    /// Hands every row to `each`, all as of one moment. Memory: a copy of the newest layer's index.
    pub fn each_row(
        &self,
        write: impl FnOnce(&mut dyn Iterator<Item = Result<(Key, Row), StoreError>>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let (active, sealed, base) = {
            let layers = self.layers.read();
            (layers.active.clone(), layers.sealed.clone(), layers.base.clone())
        };
        let base = base.ok_or_else(closed)?;
        let active = active.into_iter().map(Ok);
        write(&mut live(active, sealed.as_deref(), &base, (&[], &[]), Part::Rows)?)
    }

    /// Makes durable writes visible.
    pub fn publish(&self, writes: Vec<(Revision, Write)>) {
        let mut layers = self.layers.write();
        for (revision, write) in writes {
            put(&mut layers.active, revision, write);
        }
    }

    /// Sets the active layer aside for folding and begins a new one. The one set aside before must have been dropped.
    pub fn seal(&self) -> Arc<Rows> {
        let mut layers = self.layers.write();
        let sealed = Arc::new(std::mem::take(&mut layers.active));
        layers.sealed = Some(sealed.clone());
        sealed
    }

    /// The sealed layer is in the base table now, up to and with `applied`.
    pub fn folded(&self, base: Arc<BaseView>, applied: Revision) {
        let (_old_rows, _old_base) = {
            let mut layers = self.layers.write();
            layers.floor = applied;
            (layers.sealed.take(), layers.base.replace(base))
        };
    }

    /// From now on there is nothing to read.
    pub fn close(&self) {
        let mut layers = self.layers.write();
        layers.base = None;
        layers.sealed = None;
        layers.active = Rows::new();
    }
}

impl Layers {
    fn find(&self, key: &[u8]) -> Option<&Entry> {
        self.active.get(key).or_else(|| self.sealed.as_ref()?.get(key))
    }
}

fn closed() -> StoreError {
    StoreError::Unavailable("it is closed".to_owned())
}

/// As much of the active layer as a listing of `limit` rows can need: that many rows, and all deletions among them.
fn collect(active: &Rows, start: &[u8], end: &[u8], limit: usize) -> Vec<Item> {
    let mut rows = 0;
    let mut out = Vec::new();
    for (key, entry) in within(active, start, end) {
        out.push(Ok((key.clone(), entry.clone())));
        rows += usize::from(entry.value.is_some());
        if rows >= limit {
            break;
        }
    }
    out
}

fn within<'a>(rows: &'a Rows, start: &[u8], end: &'a [u8]) -> impl Iterator<Item = (&'a Key, &'a Entry)> {
    rows.range(Key::copy_from_slice(start)..).take_while(move |(k, _)| end.is_empty() || k.as_ref() < end)
}

/// The rows of the three layers in order, the upper ones hiding the lower ones, without the deleted.
fn live<'a>(
    active: impl Iterator<Item = Item> + 'a,
    sealed: Option<&'a Rows>,
    base: &BaseView,
    (start, end): (&'a [u8], &'a [u8]),
    part: Part,
) -> Result<impl Iterator<Item = Result<(Key, Row), StoreError>> + 'a, StoreError> {
    let sealed = sealed.into_iter().flat_map(move |rows| within(rows, start, end));
    let sealed = sealed.map(|(k, e)| Ok((k.clone(), e.clone())));
    let base = base.range(start, end, part)?;
    let base = base.map(|r| r.map(|(k, row)| (k, Entry { revision: row.revision, value: Some(row.value) })));
    let merged = Merge {
        upper: active.peekable(),
        lower: Merge { upper: sealed.peekable(), lower: base.peekable() }.peekable(),
    };
    Ok(merged.filter_map(|item| match item {
        Ok((key, entry)) => entry.row().map(|row| Ok((key, row))),
        Err(e) => Some(Err(e)),
    }))
}

/// Two layers in one order; where both have a key, the upper one counts.
struct Merge<U: Iterator<Item = Item>, L: Iterator<Item = Item>> {
    upper: Peekable<U>,
    lower: Peekable<L>,
}

impl<U: Iterator<Item = Item>, L: Iterator<Item = Item>> Iterator for Merge<U, L> {
    type Item = Item;

    fn next(&mut self) -> Option<Item> {
        let order = match (self.upper.peek(), self.lower.peek()) {
            (Some(Ok((upper, _))), Some(Ok((lower, _)))) => upper.cmp(lower),
            // An error comes out at once, whichever side it is on.
            (Some(Err(_)), _) | (Some(_), None) => std::cmp::Ordering::Less,
            (_, Some(_)) | (None, None) => std::cmp::Ordering::Greater,
        };
        match order {
            std::cmp::Ordering::Less => self.upper.next(),
            std::cmp::Ordering::Greater => self.lower.next(),
            std::cmp::Ordering::Equal => {
                self.lower.next();
                self.upper.next()
            }
        }
    }
}
