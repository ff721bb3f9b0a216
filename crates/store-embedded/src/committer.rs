//! The one thread that commits: what queued up during the last fsync goes into the next one.
use crate::blocks::Condition;
use crate::desk::{Desk, Ending, Sealed};
use crate::file::is_full;
use crate::handoff::{Outcome, Pending, Queue, Slot, answer};
use crate::known::Known;
use crate::mark::Mark;
use crate::overlay::Overlay;
use crate::record::{self, Builder};
use crate::segment::{HEADER_LEN, Segment};
use bytes::Bytes;
use hashbrown::HashMap;
use kw_store::{Batch, Key, Revision, StoreError, Watcher, Write};
use parking_lot::RwLock;
use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// A record is closed when it has this length, in bytes, unless a single batch is longer.
const RECORD_LEN_MAX: usize = 1024 * 1024;

/// What the committer shares with those who read.
pub(crate) struct Board {
    pub overlay: Arc<Overlay>,
    /// The newest revision that is durable, visible and told to all watchers.
    pub revision: AtomicU64,
    pub watchers: RwLock<Vec<(Key, Arc<dyn Watcher>)>>,
    /// Why no more is written, and what else is known of the table.
    pub base: Arc<Condition>,
    /// Whether everything is to be folded at the end.
    pub orderly: AtomicBool,
}

pub(crate) struct Committer {
    pub board: Arc<Board>,
    pub queue: Arc<Queue>,
    pub desk: Arc<Desk>,
    pub mark: Mark,
    pub segment: Segment,
    /// Where the next record goes.
    pub offset: u64,
    pub known: Known,
}

/// The batches that become durable with one fsync.
struct Group {
    first: Revision,
    record: Builder,
    slots: Vec<Arc<Slot>>,
    /// The keys written by this group, with their revisions.
    written: HashMap<Key, Revision>,
    done: Vec<(Arc<Slot>, Outcome)>,
}

impl Committer {
    /// Works until the queue is closed and empty.
    pub fn run(mut self) {
        let mut backlog = VecDeque::new();
        while self.queue.take(&mut backlog) {
            self.round(&mut backlog);
        }
        self.end();
    }

    fn round(&mut self, backlog: &mut VecDeque<Pending>) {
        let newest = self.board.revision.load(Ordering::Acquire);
        let room: usize = backlog.iter().map(|pending| record::batch_len(&pending.batch.writes)).sum();
        let mut group = Group {
            first: Revision(newest + 1),
            record: Builder::with_room(room.min(RECORD_LEN_MAX)),
            slots: Vec::new(),
            written: HashMap::new(),
            done: Vec::new(),
        };
        while let Some(pending) = backlog.pop_front() {
            let len = group.record.len_with(record::batch_len(&pending.batch.writes));
            if group.record.batches() > 0 && len > RECORD_LEN_MAX {
                backlog.push_front(pending);
                break;
            }
            self.admit(pending, &mut group);
        }
        let outcome = if group.record.batches() == 0 { Ok(()) } else { self.commit(group.record, group.first) };
        for (slot, revision) in group.slots.into_iter().zip(group.first.0..) {
            group.done.push((slot, outcome.clone().map(|()| Revision(revision))));
        }
        answer(group.done);
    }

    /// Checks what the batch has seen, and takes it into the group.
    fn admit(&mut self, pending: Pending, group: &mut Group) {
        let Pending { batch, slot } = pending;
        match self.check(&batch, group) {
            Err(e) => group.done.push((slot, Err(e))),
            Ok(()) if batch.writes.is_empty() => group.done.push((slot, Ok(Revision(group.first.0 - 1)))),
            Ok(()) => {
                let revision = Revision(group.first.0 + group.slots.len() as u64);
                group.record.push(&batch.writes);
                for write in &batch.writes {
                    self.known.forget(&write.key);
                }
                group.written.extend(batch.writes.into_iter().map(|w| {
                    // A deleted key is seen as revision 0 by whoever comes after; nobody can have seen it yet, though.
                    (w.key, if w.value.is_some() { revision } else { Revision(0) })
                }));
                group.slots.push(slot);
            }
        }
    }

    fn check(&mut self, batch: &Batch, group: &Group) -> Result<(), StoreError> {
        if let Some(why) = self.board.base.poison.get() {
            return Err(StoreError::Poisoned(why.clone()));
        }
        for (key, seen) in &batch.seen {
            if self.known.is(key, *seen) {
                continue;
            }
            let written = group.written.get(key);
            let is_as_seen = match written {
                Some(revision) => revision == seen,
                None => self.board.overlay.is_as_seen(key, *seen, batch.began)?,
            };
            if !is_as_seen {
                return Err(StoreError::Conflict);
            }
            if written.is_none() {
                self.known.learn(key.clone(), *seen);
            }
        }
        Ok(())
    }

    /// Makes the group durable, then visible. The order matters: durable, acknowledged on disk, visible, told to watchers,
    /// new revision. A transaction that begins at the new revision must not find an older row in any cache.
    fn commit(&mut self, record: Builder, first: Revision) -> Result<(), StoreError> {
        let len = record.len_with(0) as u64;
        if self.offset + len > self.segment.len {
            self.rotate(Revision(first.0 - 1))?;
        }
        let batches = record.batches();
        let record = record.finish(self.segment.number, first);
        match self.segment.write(self.offset, &record) {
            Ok(()) => {}
            // The segment was filled ahead, so this is a file system that writes elsewhere. The next record goes to this place.
            Err(e) if is_full(&e) => return Err(StoreError::NoSpace),
            Err(e) => return Err(self.poison("writing the log", &e)),
        }
        self.segment.sync().map_err(|e| self.poison("syncing the log", &e))?;
        self.offset += len;
        let last = Revision(first.0 + u64::from(batches) - 1);
        match self.mark.set(last) {
            Ok(()) => {}
            // The record is durable. The mark lags behind, as it does after a loss of power, until there is room again.
            Err(e) if is_full(&e) => {
                tracing::warn!(error = %e, "how far commits are acknowledged could not be written")
            }
            Err(e) => return Err(self.poison("writing how far commits are acknowledged", &e)),
        }
        self.show(&record, first, batches)?;
        self.board.revision.store(last.0, Ordering::Release);
        Ok(())
    }

    /// Makes the writes of a durable record visible and tells the watchers.
    fn show(&self, record: &Bytes, first: Revision, batches: u32) -> Result<(), StoreError> {
        let mut writes: Vec<(Revision, Write)> = Vec::new();
        record::each_write(record::payload_of(record), first, batches, |revision, write| {
            writes.push((revision, write))
        })
        .ok_or_else(|| StoreError::Unknown("the record does not read as it was written".to_owned()))?;
        let keys: Vec<(Revision, Key)> = writes.iter().map(|(revision, w)| (*revision, w.key.clone())).collect();
        self.board.overlay.publish(writes);
        let watchers = self.board.watchers.read();
        for of_batch in keys.chunk_by(|(a, _), (b, _)| a == b) {
            let Some((revision, _)) = of_batch.first() else { continue };
            for (prefix, watcher) in watchers.iter() {
                let changed = of_batch.iter().map(|(_, key)| key).filter(|key| key.starts_with(prefix));
                let changed: Vec<Key> = changed.cloned().collect();
                if !changed.is_empty() {
                    watcher.changed(&changed, *revision);
                }
            }
        }
        Ok(())
    }

    /// Goes on to the next segment and has the full one folded.
    fn rotate(&mut self, last: Revision) -> Result<(), StoreError> {
        let next = self.desk.next_segment()?;
        let full = std::mem::replace(&mut self.segment, next);
        self.offset = HEADER_LEN;
        self.desk.seal(Sealed { segments: vec![full], rows: self.board.overlay.seal(), last });
        Ok(())
    }

    /// After this, nothing is written by this process: what the kernel did with the pages is not known.
    fn poison(&self, what: &str, error: &io::Error) -> StoreError {
        let text = format!("{what} ({}): {error}", self.segment.path().display());
        tracing::error!(error = %text, "the store takes no more writes; check the disk, then restart");
        let _ = self.board.base.poison.set(text.clone());
        StoreError::Poisoned(text)
    }

    fn end(self) {
        let orderly = self.board.orderly.load(Ordering::Acquire) && self.board.base.poison.get().is_none();
        if orderly && self.desk.settle().is_ok() {
            let last = Revision(self.board.revision.load(Ordering::Acquire));
            let rows = self.board.overlay.seal();
            if !rows.is_empty() {
                self.desk.seal(Sealed { segments: Vec::new(), rows, last });
            }
            if let Err(e) = self.mark.sync() {
                tracing::warn!(error = %e, "how far commits are acknowledged could not be synced");
            }
            return self.desk.end(Ending::Orderly);
        }
        self.desk.end(Ending::AtOnce);
    }
}
