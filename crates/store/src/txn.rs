//! Reading and writing as one.
use crate::view::fetch;
use crate::{Batch, Key, Revision, Row, RowCipher, Sight, Store, StoreError, View, Write};
use bytes::Bytes;
use hashbrown::HashMap;
use kw_types::Fault;
use serde::Serialize;
use std::cell::RefCell;
use std::collections::BTreeMap;

/// A transaction on the whole store; the kernel makes and commits it. Dropped without [`TxnCore::commit`], it did nothing.
pub struct TxnCore<'a> {
    store: &'a dyn Store,
    cipher: &'a dyn RowCipher,
    sight: Sight,
    state: RefCell<State>,
}

#[derive(Default)]
struct State {
    seen: HashMap<Key, Revision>,
    /// Plaintexts; `None` deletes.
    writes: BTreeMap<Key, Option<Bytes>>,
    /// A row was read twice, and had changed meanwhile.
    is_torn: bool,
}

impl<'a> TxnCore<'a> {
    pub fn new(store: &'a dyn Store, cipher: &'a dyn RowCipher) -> Self {
        Self { store, cipher, sight: Sight::new(store.revision()), state: RefCell::default() }
    }

    /// Write access to the rows under `prefix`.
    pub fn scoped<'t>(&'t self, prefix: &'t str) -> Txn<'t> {
        Txn { core: self, prefix }
    }

    /// Whether anything would be written.
    pub fn is_empty(&self) -> bool {
        self.state.borrow().writes.is_empty()
    }

    /// Forgets all that was written and seen so far, as for a handler that failed but whose request goes on.
    pub fn reset(&self) {
        *self.state.borrow_mut() = State::default();
        self.sight.clear();
    }

    /// Whether what was read was all true at one moment; to be asked before a refusal that follows from it is given out. Asks
    /// the store only where several rows were read, and one of them is not there or is newer than the transaction. Nothing is
    /// written, whatever the transaction would have.
    ///
    /// Errors: [`StoreError::Conflict`] when it may not have been; then look again.
    pub async fn check(&self) -> Result<(), StoreError> {
        self.check_if(self.sight.doubts_refusal()).await
    }

    async fn check_if(&self, is_doubtful: bool) -> Result<(), StoreError> {
        let seen: Vec<_> = {
            let state = self.state.borrow();
            if state.is_torn {
                return Err(StoreError::Conflict);
            }
            state.seen.iter().map(|(key, revision)| (key.clone(), *revision)).collect()
        };
        if !is_doubtful || seen.is_empty() {
            return Ok(());
        }
        match self.store.commit(Batch { began: self.sight.began(), seen, writes: Vec::new() }).await {
            Ok(_) => Ok(()),
            // Nobody writes any more, so nothing has changed either.
            Err(StoreError::Poisoned(_)) if !self.store.is_shared() => Ok(()),
            Err(StoreError::Unknown(why)) => Err(StoreError::Unavailable(why)),
            Err(error) => Err(error),
        }
    }

    /// Encrypts and commits. Without writes the store is asked only where what was read may not have been true at once; but an
    /// answer that lists may be of several moments.
    pub async fn commit(self) -> Result<Revision, StoreError> {
        if self.is_empty() {
            self.check_if(self.sight.doubts_answer()).await?;
            return Ok(self.sight.began());
        }
        let state = self.state.into_inner();
        let mut writes = Vec::with_capacity(state.writes.len());
        for (key, value) in state.writes {
            let value = match value {
                // An index row says all by being there; there is nothing to encrypt.
                Some(plain) if plain.is_empty() => Some(plain),
                Some(plain) => Some(self.cipher.seal(&key, &plain)?),
                None => None,
            };
            writes.push(Write { key, value });
        }
        let batch = Batch { began: self.sight.began(), seen: state.seen.into_iter().collect(), writes };
        self.store.commit(batch).await
    }

    pub(crate) fn store(&self) -> &'a dyn Store {
        self.store
    }

    pub(crate) async fn get(&self, key: Vec<u8>) -> Result<Option<(Bytes, Revision)>, StoreError> {
        if let Some(written) = self.state.borrow().writes.get(key.as_slice()) {
            return Ok(written.clone().map(|plain| (plain, Revision(0))));
        }
        let key = Key::from(key);
        let Some(row) = self.see(&key).await? else { return Ok(None) };
        let plain = if row.value.is_empty() { row.value } else { self.cipher.open(&key, &row.value)? };
        Ok(Some((plain, row.revision)))
    }

    pub(crate) async fn revision_of(&self, key: Vec<u8>) -> Result<Option<Revision>, StoreError> {
        if let Some(written) = self.state.borrow().writes.get(key.as_slice()) {
            return Ok(written.as_ref().map(|_| Revision(0)));
        }
        Ok(self.see(&Key::from(key)).await?.map(|row| row.revision))
    }

    async fn see(&self, key: &Key) -> Result<Option<Row>, StoreError> {
        let row = fetch(self.store, key).await?;
        let revision = row.as_ref().map_or(Revision(0), |r| r.revision);
        self.sight.row(revision);
        let state = &mut *self.state.borrow_mut();
        // The first sight counts: if a second one finds another revision, the commit will find it too.
        state.is_torn |= *state.seen.entry(key.clone()).or_insert(revision) != revision;
        Ok(row)
    }

    pub(crate) async fn keys(&self, start: &[u8], end: &[u8], limit: usize) -> Result<Vec<Key>, StoreError> {
        self.sight.listing();
        let deletions = self.state.borrow().writes.values().filter(|v| v.is_none()).count();
        let stored = self.store.keys(start, end, limit.saturating_add(deletions)).await?;
        let state = self.state.borrow();
        let mut merged: std::collections::BTreeSet<Key> = stored.into_iter().collect();
        let range = Key::copy_from_slice(start)..;
        for (key, value) in state.writes.range(range).take_while(|(k, _)| end.is_empty() || k.as_ref() < end) {
            if value.is_some() {
                merged.insert(key.clone());
            } else {
                merged.remove(key);
            }
        }
        Ok(merged.into_iter().take(limit).collect())
    }

    fn write(&self, key: Vec<u8>, value: Option<Bytes>) {
        self.state.borrow_mut().writes.insert(key.into(), value);
    }
}

/// What most rows are not longer than, as JSON, in bytes.
const ROW_LEN: usize = 1024;

/// Write access to the rows under one prefix, as part of a transaction that the kernel commits when the handler returns `Ok`.
///
/// What is read through [`Txn::view`] is checked at commit: if another request changed it meanwhile, the handler runs again.
/// Listings are not checked; a handler that decides on one must also read a row that every writer of that folder writes.
#[derive(Clone, Copy)]
pub struct Txn<'a> {
    core: &'a TxnCore<'a>,
    prefix: &'a str,
}

impl<'a> Txn<'a> {
    /// Read access within the transaction.
    pub fn view(&self) -> View<'a> {
        View::of_txn(self.core, self.prefix)
    }

    /// The same transaction under another prefix; for the kernel.
    pub fn rescoped<'b>(&'b self, prefix: &'b str) -> Txn<'b> {
        Txn { core: self.core, prefix }
    }

    /// Writes a row as JSON.
    pub fn put<T: Serialize + ?Sized>(&self, name: &str, value: &T) -> Result<(), Fault> {
        let mut plain = Vec::with_capacity(ROW_LEN);
        serde_json::to_writer(&mut plain, value)
            .map_err(|e| Fault::internal(format_args!("row {name:?} does not serialise: {:?}", e.classify())))?;
        self.put_bytes(name, plain);
        Ok(())
    }

    /// Writes a row as it is. An empty one is an index row: it is stored unencrypted, since only its key says something.
    pub fn put_bytes(&self, name: &str, plain: impl Into<Bytes>) {
        self.core.write(self.key(name), Some(plain.into()));
    }

    /// Deletes a row; no error if it is not there.
    pub fn delete(&self, name: &str) {
        self.core.write(self.key(name), None);
    }

    /// Makes the commit depend on a row's being as it is now (or not being there), without caring what it holds.
    pub async fn pin(&self, name: &str) -> Result<bool, Fault> {
        self.view().exists(name).await
    }

    fn key(&self, name: &str) -> Vec<u8> {
        [self.prefix.as_bytes(), name.as_bytes()].concat()
    }
}
