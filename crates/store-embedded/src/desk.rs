//! What the committer and the folder hand each other: full segments one way, prepared ones the other.
use crate::overlay::Rows;
use crate::segment::Segment;
use kw_store::{Revision, StoreError};
use parking_lot::{Condvar, Mutex};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

/// Rows to be folded, and the segments that are free once they are.
pub(crate) struct Sealed {
    pub segments: Vec<Segment>,
    pub rows: Arc<Rows>,
    pub last: Revision,
}

/// How the folder is to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// After folding everything.
    Orderly,
    /// As soon as possible; the log keeps what is not folded.
    AtOnce,
}

/// The folder's next piece of work.
pub(crate) enum Work {
    Prepare,
    Fold(Sealed),
    End,
}

pub(crate) struct Desk {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    spares: VecDeque<Segment>,
    sealed: Option<Sealed>,
    /// Being folded at this moment.
    folding: bool,
    /// The last attempt to prepare a segment failed. Folding may give back a used one, so that comes first then.
    unprepared: bool,
    /// Why the folder does not get on. It tries again whenever somebody asks, and every second.
    trouble: Option<StoreError>,
    ending: Option<Ending>,
}

impl Desk {
    pub fn new(spares: VecDeque<Segment>, sealed: Option<Sealed>) -> Self {
        let state = State { spares, sealed, folding: false, unprepared: false, trouble: None, ending: None };
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }

    /// For the committer: waits until what was sealed before is folded and a spare is there. Errors: what keeps the folder
    /// from it, after it has just tried again.
    pub fn next_segment(&self) -> Result<Segment, StoreError> {
        let mut state = self.state.lock();
        state.trouble = None;
        self.changed.notify_all();
        loop {
            if state.sealed.is_none()
                && !state.folding
                && let Some(spare) = state.spares.pop_front()
            {
                return Ok(spare);
            }
            if let Some(trouble) = &state.trouble {
                return Err(trouble.clone());
            }
            self.changed.wait(&mut state);
        }
    }

    /// For the committer, before the end: waits until nothing is being folded. Errors as [`Desk::next_segment`].
    pub fn settle(&self) -> Result<(), StoreError> {
        let mut state = self.state.lock();
        state.trouble = None;
        self.changed.notify_all();
        while state.sealed.is_some() || state.folding {
            if let Some(trouble) = &state.trouble {
                return Err(trouble.clone());
            }
            self.changed.wait(&mut state);
        }
        Ok(())
    }

    /// For the committer: hands over what is to be folded.
    pub fn seal(&self, sealed: Sealed) {
        self.state.lock().sealed = Some(sealed);
        self.changed.notify_all();
    }

    pub fn end(&self, ending: Ending) {
        self.state.lock().ending = Some(ending);
        self.changed.notify_all();
    }

    /// For the folder: waits for work. A segment for the committer comes before folding, which takes longer.
    pub fn work(&self) -> Work {
        let mut state = self.state.lock();
        loop {
            if state.ending == Some(Ending::AtOnce) {
                return Work::End;
            }
            let fold_first = state.unprepared && state.sealed.is_some();
            if state.spares.is_empty() && state.ending.is_none() && !fold_first {
                return Work::Prepare;
            }
            if let Some(sealed) = state.sealed.take() {
                state.folding = true;
                return Work::Fold(sealed);
            }
            if state.ending.is_some() {
                return Work::End;
            }
            self.changed.wait(&mut state);
        }
    }

    /// What keeps the folder from its work at this moment.
    pub fn trouble(&self) -> Option<StoreError> {
        self.state.lock().trouble.clone()
    }

    /// How many segments are ready.
    pub fn spares(&self) -> usize {
        self.state.lock().spares.len()
    }

    /// For the folder: a segment is ready.
    pub fn add_spare(&self, segment: Segment) {
        let mut state = self.state.lock();
        state.spares.push_back(segment);
        state.unprepared = false;
        state.trouble = None;
        self.changed.notify_all();
    }

    /// For the folder: no segment could be prepared. Waits, unless there is something to fold first.
    pub fn unprepared(&self, trouble: StoreError) {
        let mut state = self.state.lock();
        state.unprepared = true;
        if state.sealed.is_none() {
            drop(state);
            self.wait_out(trouble);
        }
    }

    /// For the folder: the sealed rows are in the base table.
    pub fn folded(&self) {
        let mut state = self.state.lock();
        state.folding = false;
        state.trouble = None;
        drop(state);
        self.changed.notify_all();
    }

    /// For the folder: tells what is wrong and waits until somebody wants it tried again, or a while. `false`: give up.
    pub fn wait_out(&self, trouble: StoreError) -> bool {
        let mut state = self.state.lock();
        state.trouble = Some(trouble);
        self.changed.notify_all();
        if state.ending.is_none() {
            self.changed.wait_for(&mut state, Duration::from_secs(1));
        }
        state.ending.is_none()
    }
}
