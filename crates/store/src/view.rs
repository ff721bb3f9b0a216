//! Reading, scoped to a prefix and decrypted.
use crate::txn::TxnCore;
use crate::{Key, Memo, Revision, Row, RowCipher, Sight, Store, prefix_end};
use bytes::Bytes;
use kw_types::Fault;
use serde::de::DeserializeOwned;
use std::sync::Arc;

/// How much of a listing is wanted.
#[derive(Clone, Copy, Debug, Default)]
pub struct Page<'a> {
    after: &'a str,
    before: &'a str,
    limit: usize,
}

impl<'a> Page<'a> {
    /// Names after this one (empty: from the beginning), at most `limit` of them (0: all).
    pub fn new(after: &'a str, limit: usize) -> Self {
        Self { after, before: "", limit }
    }

    /// Only names before this one. Worth saying where it is known: a store may have to look through all that was deleted up to
    /// the first name that it finds.
    #[must_use]
    pub fn before(self, name: &'a str) -> Self {
        Self { before: name, ..self }
    }

    /// Where a listing under this key ends.
    fn end(&self, base: &[u8]) -> Vec<u8> {
        if self.before.is_empty() { prefix_end(base) } else { [base, self.before.as_bytes()].concat() }
    }
}

/// Read access to the rows under one prefix. Cheap to copy; get one from the kernel or from [`crate::Txn::view`].
///
/// Inside a transaction a view sees the transaction's own writes, and what it reads is checked at commit.
#[derive(Clone, Copy)]
pub struct View<'a> {
    source: Source<'a>,
    prefix: &'a str,
}

#[derive(Clone, Copy)]
enum Source<'a> {
    Store { store: &'a dyn Store, cipher: &'a dyn RowCipher, sight: Option<&'a Sight> },
    Txn(&'a TxnCore<'a>),
}

impl<'a> View<'a> {
    /// A view straight on the store.
    pub fn new(store: &'a dyn Store, cipher: &'a dyn RowCipher, prefix: &'a str) -> Self {
        Self { source: Source::Store { store, cipher, sight: None }, prefix }
    }

    /// The same, where what is read is noted in `sight`: it tells afterwards whether all of it was true at once. Within a
    /// transaction that is noted anyway.
    #[must_use]
    pub fn noted_in(mut self, sight: &'a Sight) -> Self {
        if let Source::Store { sight: place, .. } = &mut self.source {
            *place = Some(sight);
        }
        self
    }

    pub(crate) fn of_txn(core: &'a TxnCore<'a>, prefix: &'a str) -> Self {
        Self { source: Source::Txn(core), prefix }
    }

    /// The same source under another prefix. Only the kernel can use this to leave a mount: engines never see a prefix.
    pub fn rescoped<'b>(&'b self, prefix: &'b str) -> View<'b> {
        View { source: self.source, prefix }
    }

    /// The plaintext of a row.
    pub async fn get_bytes(&self, name: &str) -> Result<Option<Bytes>, Fault> {
        Ok(self.get_row(name).await?.map(|(plain, _)| plain))
    }

    /// The plaintext of a row, with the revision that wrote it (0 inside a transaction that wrote it itself).
    pub async fn get_row(&self, name: &str) -> Result<Option<(Bytes, Revision)>, Fault> {
        let (store, cipher, sight) = match self.source {
            Source::Txn(core) => return Ok(core.get(self.key(name)).await?),
            Source::Store { store, cipher, sight } => (store, cipher, sight),
        };
        let found = match self.peek(store, name, |key, row| open(cipher, key, row)) {
            Some(at_hand) => at_hand?,
            None => {
                let key = self.key(name);
                store.get(&key).await?.map(|row| open(cipher, &key, row))
            }
        };
        let found = found.transpose()?;
        note(sight, found.as_ref().map(|(_, revision)| *revision));
        Ok(found)
    }

    /// The revision of a row without opening it; for caches of parsed rows.
    pub async fn revision_of(&self, name: &str) -> Result<Option<Revision>, Fault> {
        match self.source {
            Source::Txn(core) => Ok(core.revision_of(self.key(name)).await?),
            Source::Store { store, sight, .. } => {
                let revision = match self.peek(store, name, |_, row| row.revision) {
                    Some(at_hand) => at_hand?,
                    None => store.get(&self.key(name)).await?.map(|row| row.revision),
                };
                note(sight, revision);
                Ok(revision)
            }
        }
    }

    /// What is made of a row that the store has at hand. Its key is made on the stack: this is how nearly all rows are read.
    fn peek<T>(
        &self,
        store: &dyn Store,
        name: &str,
        make: impl FnOnce(&[u8], Row) -> T,
    ) -> Option<Result<Option<T>, crate::StoreError>> {
        let mut buffer = [0; KEY_LEN];
        let long_key;
        let key = match join(self.prefix, name, &mut buffer) {
            Some(key) => key,
            None => {
                long_key = self.key(name);
                long_key.as_slice()
            }
        };
        Some(store.peek(key)?.map(|row| row.map(|row| make(key, row))))
    }

    /// Has these rows brought to where reading them does not wait, all in one go: for work on many of them. Nothing is seen by it, and
    /// what cannot be had is left to the reads themselves.
    pub async fn prefetch(&self, names: impl Iterator<Item = &str>) {
        let store = match self.source {
            Source::Txn(core) => core.store(),
            Source::Store { store, .. } => store,
        };
        let keys: Vec<Key> = names.map(|name| self.key(name).into()).collect();
        let _ = store.get_many(&keys).await;
    }

    /// A row that holds JSON. Errors: 500 when the row does not parse, since nobody but us wrote it.
    pub async fn get<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, Fault> {
        let Some(plain) = self.get_bytes(name).await? else { return Ok(None) };
        parse(name, &plain).map(Some)
    }

    /// The same, parsed once for each revision of the row and kept in `memo` until it changes or the server is sealed.
    pub async fn shared<T: DeserializeOwned>(&self, memo: &Memo<T>, name: &str) -> Result<Option<Arc<T>>, Fault> {
        self.shared_as(memo, name, |plain| parse(name, plain)).await
    }

    /// The same for a row that does not hold JSON.
    pub async fn shared_as<T>(
        &self,
        memo: &Memo<T>,
        name: &str,
        make: impl FnOnce(&[u8]) -> Result<T, Fault>,
    ) -> Result<Option<Arc<T>>, Fault> {
        let found = memo.find(&self.key(name));
        if found.is_kept() {
            let Some(revision) = self.revision_of(name).await? else { return Ok(None) };
            if let Some(kept) = found.of(revision) {
                return Ok(Some(kept));
            }
        }
        let Some((plain, revision)) = self.get_row(name).await? else { return Ok(None) };
        let made = Arc::new(make(&plain)?);
        memo.keep(self.key(name), &found, (revision, plain.len()), made.clone());
        Ok(Some(made))
    }

    /// Whether there is such a row.
    pub async fn exists(&self, name: &str) -> Result<bool, Fault> {
        Ok(self.revision_of(name).await?.is_some())
    }

    /// The names of all rows that begin with `folder`, less that beginning, whatever slashes they hold.
    pub async fn names(&self, folder: &str, page: Page<'_>) -> Result<Vec<String>, Fault> {
        let base = self.key(folder);
        let mut start = after_key(&base, page.after, "\0");
        let end = page.end(&base);
        let wanted = if page.limit == 0 { usize::MAX } else { page.limit };
        let mut out = Vec::new();
        while out.len() < wanted {
            let step = (wanted - out.len()).min(1000);
            let found = self.keys(&start, &end, step).await?;
            let done = found.len() < step;
            out.extend(found.iter().map(|k| tail(k, base.len())));
            match found.last() {
                Some(last) if !done => start = [last.as_ref(), b"\0"].concat(),
                _ => break,
            }
        }
        Ok(out)
    }

    /// Which of these folders (with their trailing slash) hold anything.
    pub async fn occupied(&self, folders: &[String]) -> Result<Vec<bool>, Fault> {
        let range = |folder: &String| {
            let start = self.key(folder);
            let end = prefix_end(&start);
            (start.into(), end.into())
        };
        let ranges: Vec<(Key, Key)> = folders.iter().map(range).collect();
        if let Source::Store { store, sight, .. } = self.source {
            sight.into_iter().for_each(Sight::listing);
            return Ok(store.hold_any(&ranges).await?);
        }
        let mut out = Vec::with_capacity(ranges.len());
        for (start, end) in &ranges {
            out.push(!self.keys(start, end, 1).await?.is_empty());
        }
        Ok(out)
    }

    /// The immediate children of `folder` (which is empty or ends in a slash), as Vault lists them: names, and folders with
    /// a trailing slash, in order. Costs one look-up a child, not one a descendant.
    pub async fn children(&self, folder: &str, page: Page<'_>) -> Result<Vec<String>, Fault> {
        let base = self.key(folder);
        let end = page.end(&base);
        let beyond = if page.after.ends_with('/') { "\u{10ffff}" } else { "\0" };
        let mut start = after_key(&base, page.after, beyond);
        let wanted = if page.limit == 0 { usize::MAX } else { page.limit };
        let mut out: Vec<String> = Vec::new();
        while out.len() < wanted {
            let found = self.keys(&start, &end, 256.min((wanted - out.len()).saturating_add(1))).await?;
            let Some(last) = found.last() else { break };
            start = [last.as_ref(), b"\0"].concat();
            for key in &found {
                let name = tail(key, base.len());
                let Some((child, _)) = name.split_once('/') else {
                    out.push(name);
                    continue;
                };
                let child = format!("{child}/");
                // All that lies deeper in this folder is skipped by seeking past it.
                start = prefix_end(&[base.as_slice(), child.as_bytes()].concat());
                if out.last() != Some(&child) {
                    out.push(child);
                    break;
                }
            }
        }
        out.truncate(wanted);
        Ok(out)
    }

    /// The rows under `folder`, decrypted, at most `limit`, with names after `after`.
    pub async fn rows(&self, folder: &str, page: Page<'_>) -> Result<Vec<(String, Bytes)>, Fault> {
        let names = self.names(folder, page).await?;
        let mut out = Vec::with_capacity(names.len());
        for name in names {
            if let Some(plain) = self.get_bytes(&format!("{folder}{name}")).await? {
                out.push((name, plain));
            }
        }
        Ok(out)
    }

    async fn keys(&self, start: &[u8], end: &[u8], limit: usize) -> Result<Vec<Key>, Fault> {
        Ok(match self.source {
            Source::Store { store, sight, .. } => {
                if let Some(sight) = sight {
                    sight.listing();
                }
                store.keys(start, end, limit).await?
            }
            Source::Txn(core) => core.keys(start, end, limit).await?,
        })
    }

    fn key(&self, name: &str) -> Vec<u8> {
        let mut key = Vec::with_capacity(self.prefix.len() + name.len());
        key.extend_from_slice(self.prefix.as_bytes());
        key.extend_from_slice(name.as_bytes());
        key
    }
}

/// What most keys are not longer than.
const KEY_LEN: usize = 128;

/// Notes a row that was looked at.
fn note(sight: Option<&Sight>, revision: Option<Revision>) {
    if let Some(sight) = sight {
        sight.row(revision.unwrap_or_default());
    }
}

/// Both texts in the buffer, if they have room in it.
fn join<'b>(prefix: &str, name: &str, buffer: &'b mut [u8; KEY_LEN]) -> Option<&'b [u8]> {
    let (head, tail) = buffer.get_mut(..prefix.len() + name.len())?.split_at_mut_checked(prefix.len())?;
    head.copy_from_slice(prefix.as_bytes());
    tail.copy_from_slice(name.as_bytes());
    buffer.get(..prefix.len() + name.len())
}

/// The plaintext of a row. An index row is stored empty and unencrypted, see `Txn::put_bytes`.
fn open(cipher: &dyn RowCipher, key: &[u8], row: Row) -> Result<(Bytes, Revision), Fault> {
    let plain = if row.value.is_empty() { row.value } else { cipher.open(key, &row.value)? };
    Ok((plain, row.revision))
}

/// Reads one row, without a future where the store has it at hand.
pub(crate) async fn fetch(store: &dyn Store, key: &[u8]) -> Result<Option<Row>, crate::StoreError> {
    match store.peek(key) {
        Some(at_hand) => at_hand,
        None => store.get(key).await,
    }
}

pub(crate) fn parse<T: DeserializeOwned>(name: &str, plain: &[u8]) -> Result<T, Fault> {
    serde_json::from_slice(plain).map_err(|e| {
        Fault::internal(format_args!("row {name:?} does not parse: {:?} at column {}", e.classify(), e.column()))
    })
}

fn after_key(base: &[u8], after: &str, beyond: &str) -> Vec<u8> {
    if after.is_empty() { base.to_vec() } else { [base, after.as_bytes(), beyond.as_bytes()].concat() }
}

fn tail(key: &[u8], skip: usize) -> String {
    String::from_utf8_lossy(key.get(skip..).unwrap_or_default()).into_owned()
}
