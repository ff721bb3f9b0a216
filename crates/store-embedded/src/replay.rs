//! Reading the log at the start: everything that was acknowledged is there, or there is an error that says where not.
//!
//! The last record may be torn, if nothing whole follows it and it was never acknowledged: then it is cut. Anything else that
//! does not check is damage.
use crate::OpenError;
use crate::desk::Sealed;
use crate::overlay::{Rows, put};
use crate::record;
use crate::segment::{self, Found, HEADER_LEN, Segment};
use kw_store::Revision;
use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;

/// The log as found, ready to be written on.
pub(crate) struct Log {
    /// The segment to go on with, and where.
    pub segment: Segment,
    pub offset: u64,
    /// The rows of this segment that are not in the base table.
    pub rows: Rows,
    /// What came before this segment.
    pub sealed: Option<Sealed>,
    pub spares: VecDeque<Segment>,
    /// Segments that were folded long ago, but could not be removed then.
    strays: Vec<Segment>,
    pub last: Revision,
    pub next_number: u64,
    /// The number of records read.
    pub records: u64,
    /// The end of the log is a record that was never finished.
    torn: bool,
    /// Where the last record is, and its length, in bytes.
    last_record: Option<(u64, u64)>,
}

/// Reads all of it and changes nothing. `applied` is how far the base table goes, `acknowledged` how far anybody was told.
pub(crate) fn read(dir: &Path, id: &[u8; 16], applied: Revision, acknowledged: Revision) -> Result<Log, OpenError> {
    let (strays, mut segments) = open_all(dir, id)?;
    strays.iter().try_for_each(|stray| check_stray(stray, applied))?;
    let mut reader = Reader { applied, last: None, last_record: None, records: 0 };
    let mut before: Vec<Segment> = Vec::new();
    let mut sealed_rows = Rows::new();
    let Some(mut segment) = segments.pop_front() else {
        return Err(OpenError::corrupt(dir, 0, "the log is missing"));
    };
    let mut rows = Rows::new();
    let (mut offset, mut torn) = reader.read_segment(&segment, &mut rows)?;
    while let Some(next) = segments.front() {
        if !matches!(next.look(HEADER_LEN).map_err(failed(next))?, Found::Record { .. }) {
            break;
        }
        let Some(next) = segments.pop_front() else { break };
        before.push(std::mem::replace(&mut segment, next));
        sealed_rows.append(&mut rows);
        (offset, torn) = reader.read_segment(&segment, &mut rows)?;
    }
    for (candidate, from) in [(Some(&segment), offset), (segments.front(), HEADER_LEN)] {
        let Some(candidate) = candidate else { continue };
        if let Some((_, first)) = candidate.find_record(from).map_err(failed(candidate))? {
            let text =
                format!("a record of the log is damaged, since whole ones (from revision {}) follow it", first.0);
            return Err(OpenError::corrupt(segment.path(), offset, text));
        }
    }
    let last = reader.last.unwrap_or(applied);
    if last < acknowledged.max(applied) {
        let text = format!(
            "the log ends here with revision {}, but revision {} has been acknowledged",
            last.0,
            acknowledged.max(applied).0
        );
        return Err(OpenError::corrupt(segment.path(), offset, text));
    }
    let next_number = segments.back().map_or(segment.number, |s| s.number) + 1;
    let sealed = (!before.is_empty()).then(|| Sealed {
        last: sealed_last(&sealed_rows, applied),
        segments: before,
        rows: Arc::new(sealed_rows),
    });
    Ok(Log {
        segment,
        offset,
        rows,
        sealed,
        spares: segments,
        strays,
        last,
        next_number,
        records: reader.records,
        torn,
        last_record: reader.last_record,
    })
}

impl Log {
    /// Cuts the record that was never finished, and fills up files that are too short.
    ///
    /// A whole last record that was not acknowledged may be known to the page cache only: its sync was cut short or failed.
    /// From now on it can be read, so it is written and synced again.
    pub fn mend(&mut self, acknowledged: Revision) -> Result<(), OpenError> {
        for stray in self.strays.drain(..) {
            if let Err(e) = stray.remove() {
                tracing::warn!(error = %e, "a segment of the log that is not needed any more could not be removed");
            }
        }
        if let Some((offset, len)) = self.last_record
            && self.last > acknowledged
        {
            self.segment.write_again(offset, len).map_err(failed(&self.segment))?;
        }
        let file_len = self.segment.file_len().map_err(failed(&self.segment))?;
        if self.torn || file_len < self.segment.len {
            tracing::warn!(
                file = %self.segment.path().display(),
                offset = self.offset,
                "the log ends in a record that was never finished nor acknowledged; it is cut off"
            );
            self.segment.clear_from(self.offset).map_err(failed(&self.segment))?;
        }
        for spare in &self.spares {
            if spare.file_len().map_err(failed(spare))? < spare.len {
                spare.clear_from(HEADER_LEN).map_err(failed(spare))?;
            }
        }
        Ok(())
    }
}

/// How far a fold of these rows brings the base table. Never back.
fn sealed_last(rows: &Rows, applied: Revision) -> Revision {
    rows.values().map(|e| e.revision).max().unwrap_or(applied).max(applied)
}

/// The log, and before it what is left of segments between which others are missing. If more is missing than was folded, the
/// records tell.
fn open_all(dir: &Path, id: &[u8; 16]) -> Result<(Vec<Segment>, VecDeque<Segment>), OpenError> {
    let files = segment::list(dir).map_err(OpenError::io(format!("listing {}", dir.display())))?;
    let (mut strays, mut segments): (Vec<Segment>, VecDeque<Segment>) = (Vec::new(), VecDeque::new());
    for (number, path) in files {
        if segments.back().is_some_and(|before| before.number + 1 != number) {
            strays.extend(segments.drain(..));
        }
        segments.push_back(Segment::open(path, number, id)?);
    }
    Ok((strays, segments))
}

/// A segment is without its successor only if it was folded, and only its removal failed.
fn check_stray(stray: &Segment, applied: Revision) -> Result<(), OpenError> {
    let mut reader = Reader { applied, last: None, last_record: None, records: 0 };
    let (offset, torn) = reader.read_segment(stray, &mut Rows::new())?;
    if torn || reader.last.is_none_or(|last| last > applied) {
        let text = format!("the segment of the log after this one, number {}, is missing", stray.number + 1);
        return Err(OpenError::corrupt(stray.path(), offset, text));
    }
    Ok(())
}

struct Reader {
    applied: Revision,
    /// The revision of the last batch read.
    last: Option<Revision>,
    last_record: Option<(u64, u64)>,
    records: u64,
}

impl Reader {
    /// Reads records until there is none. Returns where that is, and whether a part of a record is there.
    fn read_segment(&mut self, segment: &Segment, rows: &mut Rows) -> Result<(u64, bool), OpenError> {
        let mut offset = HEADER_LEN;
        self.last_record = None;
        loop {
            let (head, payload) = match segment.look(offset).map_err(failed(segment))? {
                Found::Record { head, payload } => (head, payload),
                Found::Torn => return Ok((offset, true)),
                Found::Nothing => return Ok((offset, false)),
            };
            let gap = match self.last {
                Some(last) => head.first.0 != last.0 + 1,
                None => head.first.0 > self.applied.0 + 1,
            };
            if gap {
                let known = self.last.unwrap_or(self.applied);
                let text = format!("records of the log are missing: revision {} comes after {}", head.first.0, known.0);
                return Err(OpenError::corrupt(segment.path(), offset, text));
            }
            let applied = self.applied;
            let read = record::each_write(payload, head.first, head.batches, |revision, write| {
                if revision > applied {
                    put(rows, revision, write);
                }
            });
            if read.is_none() {
                return Err(OpenError::corrupt(segment.path(), offset, "a record of the log is malformed"));
            }
            self.last = Some(head.last());
            self.last_record = Some((offset, head.record_len()));
            self.records += 1;
            offset += head.record_len();
        }
    }
}

fn failed(segment: &Segment) -> impl FnOnce(std::io::Error) -> OpenError {
    OpenError::io(format!("reading {}", segment.path().display()))
}
