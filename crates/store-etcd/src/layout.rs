//! Where in etcd what is kept: everything under one path, so that one watch sees it all.
use bytes::Bytes;
use kw_store::{Key, prefix_end};

/// The keys of one store.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    /// Begins and ends with `/`.
    pub path: String,
    /// What the keys of rows begin with.
    rows: Bytes,
}

impl Layout {
    pub fn new(path: &str) -> Self {
        let inner = path.trim_matches('/');
        let path = if inner.is_empty() { "/".to_owned() } else { format!("/{inner}/") };
        Self { rows: format!("{path}row/").into(), path }
    }

    /// Format and identity of the store.
    pub fn format(&self) -> Bytes {
        format!("{}format", self.path).into()
    }

    /// Written by every commit: its revision is that of the newest one.
    pub fn head(&self) -> Bytes {
        format!("{}head", self.path).into()
    }

    /// What the keys of [`crate::fence`] begin with.
    pub fn fences(&self) -> Bytes {
        format!("{}fence/", self.path).into()
    }

    pub fn row(&self, key: &[u8]) -> Bytes {
        [&self.rows, key].concat().into()
    }

    /// The key of a row without what it begins with; `None` for what is no row.
    pub fn key_of(&self, stored: &Bytes) -> Option<Key> {
        stored.starts_with(&self.rows).then(|| stored.slice(self.rows.len()..))
    }

    /// The range of all rows with `start <= key < end`, where an empty `end` is no bound.
    pub fn range(&self, start: &[u8], end: &[u8]) -> (Bytes, Bytes) {
        let end = if end.is_empty() { prefix_end(&self.rows).into() } else { self.row(end) };
        (self.row(start), end)
    }

    /// The range of everything that is ours.
    pub fn everything(&self) -> (Bytes, Bytes) {
        (self.path.clone().into(), prefix_end(self.path.as_bytes()).into())
    }
}
