//! Whether what was read can have been so at one moment.
use crate::Revision;
use std::cell::Cell;

/// What a reader has looked at, as far as that says whether all of it was true at once.
///
/// Each row is read at its own moment. All rows that have not changed since the reader began were so when it began; what has
/// changed since, what is not there (it may have been until just now) and listings may be of another moment than the rest.
#[derive(Debug)]
pub struct Sight {
    began: Revision,
    looks: Cell<u32>,
    is_unsettled: Cell<bool>,
    has_listed: Cell<bool>,
}

impl Sight {
    /// A reader that begins when the store is known to have come to `began`.
    pub fn new(began: Revision) -> Self {
        Self { began, looks: Cell::new(0), is_unsettled: Cell::new(false), has_listed: Cell::new(false) }
    }

    /// What the store had come to at the beginning.
    pub fn began(&self) -> Revision {
        self.began
    }

    /// A row was found with this revision; 0: it is not there.
    pub fn row(&self, revision: Revision) {
        self.looks.set(self.looks.get().saturating_add(1));
        if revision == Revision(0) || revision > self.began {
            self.is_unsettled.set(true);
        }
    }

    /// Names were listed.
    pub fn listing(&self) {
        self.looks.set(self.looks.get().saturating_add(1));
        self.has_listed.set(true);
    }

    /// Whether a refusal may come from a state that never was. One look is always of one moment.
    pub fn doubts_refusal(&self) -> bool {
        self.looks.get() > 1 && (self.is_unsettled.get() || self.has_listed.get())
    }

    /// The same for an answer. One that lists is allowed to be of several moments: a long listing would never come to its end
    /// while others write.
    pub fn doubts_answer(&self) -> bool {
        self.looks.get() > 1 && self.is_unsettled.get() && !self.has_listed.get()
    }

    pub(crate) fn clear(&self) {
        self.looks.set(0);
        self.is_unsettled.set(false);
        self.has_listed.set(false);
    }
}
