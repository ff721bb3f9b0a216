//! The thread behind the committer: folds full segments into the base table and keeps the next segment ready.
use crate::base::Base;
use crate::desk::{Desk, Sealed, Work};
use crate::file::is_full;
use crate::overlay::Overlay;
use crate::segment::Segment;
use kw_store::{Revision, StoreError};
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

/// More than the one that is needed next, so that a used segment need not be made anew.
const SPARES_KEPT: usize = 2;

pub(crate) struct Folder {
    pub dir: PathBuf,
    pub id: [u8; 16],
    pub base: Base,
    pub overlay: Arc<Overlay>,
    pub desk: Arc<Desk>,
    pub poison: Arc<OnceLock<String>>,
    pub next_number: u64,
    /// The length of a segment, in bytes.
    pub segment_len: u64,
}

impl Folder {
    /// Works until told to end.
    pub fn run(mut self) {
        let desk = self.desk.clone();
        self.base.when_full(Box::new(move || desk.wait_out(StoreError::NoSpace)));
        loop {
            match self.desk.work() {
                Work::Prepare => self.prepare(None),
                Work::Fold(sealed) => self.fold(sealed),
                Work::End => return,
            }
        }
    }

    fn prepare(&mut self, used: Option<Segment>) {
        match Segment::prepare(&self.dir, &self.id, self.next_number, self.segment_len, used) {
            Ok(segment) => {
                self.next_number += 1;
                self.desk.add_spare(segment);
            }
            Err(e) if is_full(&e) => self.desk.unprepared(StoreError::NoSpace),
            Err(e) => {
                let text = format!("preparing a segment of the log: {e}");
                tracing::error!(error = %e, "no segment of the log could be prepared");
                self.desk.unprepared(StoreError::Unavailable(text));
            }
        }
    }

    fn fold(&mut self, sealed: Sealed) {
        let Sealed { segments, rows, last } = sealed;
        if let Err(e) = self.base.fold(&rows, last).and_then(|()| self.show(last)) {
            // The log still holds everything, so nothing is lost; but what the base file holds now is not known.
            let text = format!("folding the log into the base table: {e}");
            let _ = self.poison.set(text.clone());
            tracing::error!(error = %e, "the store takes no more writes: the log could not be folded into the base table");
            while self.desk.wait_out(StoreError::Poisoned(text.clone())) {}
            return self.desk.folded();
        }
        drop(rows);
        self.desk.folded();
        for segment in segments {
            self.release(segment);
        }
    }

    fn show(&self, last: Revision) -> Result<(), StoreError> {
        self.overlay.folded(self.base.view()?, last);
        Ok(())
    }

    /// A segment of the usual length is used again, any other is removed.
    fn release(&mut self, segment: Segment) {
        if segment.len == self.segment_len && self.desk.spares() < SPARES_KEPT {
            return self.prepare(Some(segment));
        }
        if let Err(e) = segment.remove() {
            tracing::warn!(error = %e, "a segment of the log that is not needed any more could not be removed");
        }
    }
}
