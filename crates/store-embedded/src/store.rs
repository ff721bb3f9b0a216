//! The store as its users see it; the work is done by the committer and the folder.
use crate::base::{Base, Part};
use crate::committer::{Board, Committer};
use crate::desk::Desk;
use crate::dir::{self, Format};
use crate::folder::Folder;
use crate::handoff::{Commit, Queue, Slot, answer};
use crate::known::Known;
use crate::mark::Mark;
use crate::overlay::Overlay;
use crate::reader::Reader;
use crate::record;
use crate::replay::{self, Log};
use crate::segment::{HEADER_LEN, Segment};
use crate::{OpenError, Options};
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, poll_fn, ready};
use kw_store::{Batch, Key, Revision, Row, Store, StoreError, Watcher};
use parking_lot::{Mutex, RwLock};
use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;

/// The first segment of a new store is short, so that making it takes no time.
const FIRST_SEGMENT_LEN: u64 = 256 * 1024;

/// The durable store in one directory.
pub(crate) struct EmbeddedStore {
    board: Arc<Board>,
    queue: Arc<Queue>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    ended: Arc<Ended>,
    desk: Arc<Desk>,
    reader: Reader,
    batch_len_max: usize,
}

/// Who waits for the end of the threads.
#[derive(Default)]
struct Ended {
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    over: bool,
    slots: Vec<Arc<Slot>>,
}

impl EmbeddedStore {
    pub fn open(dir: &Path, options: &Options) -> Result<Self, OpenError> {
        dir::make(dir)?;
        let lock = dir::lock(dir)?;
        let (format, base) = match dir::read_format(dir)? {
            Some(format) if format.ready => {
                let base = Base::open(dir, options.base_cache_bytes)?;
                (format, base)
            }
            unfinished => create(dir, unfinished, options)?,
        };
        let applied = base.applied().map_err(OpenError::Store)?;
        let (mark, acknowledged) = Mark::open(dir)?;
        let mut log = replay::read(dir, &format.id, applied, acknowledged)?;
        log.mend(acknowledged)?;
        if log.last > acknowledged {
            mark.set(log.last).map_err(OpenError::io("writing how far commits are acknowledged"))?;
        }
        Self::start(dir, options, lock, &format, base, mark, log)
    }

    fn start(
        dir: &Path,
        options: &Options,
        lock: File,
        format: &Format,
        base: Base,
        mark: Mark,
        log: Log,
    ) -> Result<Self, OpenError> {
        let view = base.view().map_err(OpenError::Store)?;
        let applied = base.applied().map_err(OpenError::Store)?;
        let sealed_rows = log.sealed.as_ref().map(|s| s.rows.clone());
        let overlay = Arc::new(Overlay::new(log.rows, sealed_rows, view, applied));
        let board = Arc::new(Board {
            overlay: overlay.clone(),
            revision: AtomicU64::new(log.last.0),
            watchers: RwLock::default(),
            base: base.condition(),
            orderly: AtomicBool::new(false),
        });
        let queue = Arc::new(Queue::default());
        let desk = Arc::new(Desk::new(log.spares, log.sealed));
        let ended = Arc::new(Ended::default());
        let committer = Committer {
            board: board.clone(),
            queue: queue.clone(),
            desk: desk.clone(),
            mark,
            segment: log.segment,
            offset: log.offset,
            known: Known::default(),
        };
        let folder = Folder {
            dir: dir.to_owned(),
            id: format.id,
            base,
            overlay,
            desk: desk.clone(),
            poison: board.base.poison.clone(),
            next_number: log.next_number,
            segment_len: options.segment_bytes,
        };
        let over = (ended.clone(), board.overlay.clone());
        let threads = vec![
            spawn("store-commit", move || committer.run())?,
            spawn("store-fold", move || {
                folder.run();
                over.1.close();
                // Whoever is told that the store is closed may open it again at once.
                drop(lock);
                over.0.tell();
            })?,
        ];
        let batch_len_max = usize::try_from(options.segment_bytes - HEADER_LEN).unwrap_or(usize::MAX);
        let reader = Reader::new(board.overlay.clone());
        Ok(Self { board, queue, threads: Mutex::new(threads), ended, desk, reader, batch_len_max })
    }

    fn check(&self, batch: &Batch) -> Result<(), StoreError> {
        kw_store::check_limits(batch)?;
        let len = record::HEAD_LEN + record::batch_len(&batch.writes);
        if len.next_multiple_of(record::ALIGN) > self.batch_len_max {
            return Err(StoreError::TooLarge);
        }
        Ok(())
    }
}

impl Drop for EmbeddedStore {
    /// Waits for the commit that is under way, so that the directory is free when this returns. Nothing is folded: the log
    /// keeps it.
    fn drop(&mut self) {
        self.reader.end();
        self.queue.close();
        for thread in self.threads.lock().drain(..) {
            // The threads do not panic; if one did, its message has been printed, and there is nothing to add.
            let _ = thread.join();
        }
    }
}

impl Store for EmbeddedStore {
    fn kind(&self) -> &'static str {
        "embedded"
    }

    fn peek(&self, key: &[u8]) -> Option<Result<Option<Row>, StoreError>> {
        Some(self.board.overlay.get(key))
    }

    fn get<'a>(&'a self, key: &'a [u8]) -> BoxFuture<'a, Result<Option<Row>, StoreError>> {
        ready(self.board.overlay.get(key)).boxed()
    }

    fn get_many<'a>(&'a self, keys: &'a [Key]) -> BoxFuture<'a, Result<Vec<Option<Row>>, StoreError>> {
        let overlay = &self.board.overlay;
        if let Some(found) = keys.iter().map(|key| overlay.find(key)).collect() {
            return ready(Ok(found)).boxed();
        }
        let keys = keys.to_vec();
        self.reader.read(move |overlay| keys.iter().map(|key| overlay.get(key)).collect())
    }

    fn scan<'a>(
        &'a self,
        start: &'a [u8],
        end: &'a [u8],
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<(Key, Row)>, StoreError>> {
        let (start, end) = (start.to_vec(), end.to_vec());
        self.reader.read(move |overlay| overlay.range(&start, &end, limit, Part::Rows))
    }

    fn keys<'a>(&'a self, start: &'a [u8], end: &'a [u8], limit: usize) -> BoxFuture<'a, Result<Vec<Key>, StoreError>> {
        let (start, end) = (start.to_vec(), end.to_vec());
        self.reader.read(move |overlay| {
            let rows = overlay.range(&start, &end, limit, Part::Keys)?;
            Ok(rows.into_iter().map(|(key, _)| key).collect())
        })
    }

    fn hold_any<'a>(&'a self, ranges: &'a [(Key, Key)]) -> BoxFuture<'a, Result<Vec<bool>, StoreError>> {
        let ranges = ranges.to_vec();
        self.reader.read(move |overlay| {
            let holds =
                |(start, end): &(Key, Key)| overlay.range(start, end, 1, Part::Keys).map(|rows| !rows.is_empty());
            ranges.iter().map(holds).collect()
        })
    }

    fn commit(&self, batch: Batch) -> BoxFuture<'_, Result<Revision, StoreError>> {
        match self.check(&batch) {
            Ok(()) => Commit::new(&self.queue, batch).boxed(),
            Err(e) => ready(Err(e)).boxed(),
        }
    }

    fn revision(&self) -> Revision {
        Revision(self.board.revision.load(Ordering::Acquire))
    }

    fn newest(&self) -> BoxFuture<'_, Result<Revision, StoreError>> {
        ready(Ok(self.revision())).boxed()
    }

    fn trouble(&self) -> Option<StoreError> {
        let condition = &self.board.base;
        let poisoned = condition.poison.get().map(|why| StoreError::Poisoned(why.clone()));
        let damaged = condition.damage.get().map(|place| StoreError::Corrupt(place.clone()));
        poisoned.or(damaged).or_else(|| self.desk.trouble())
    }

    fn watch(&self, prefix: Key, watcher: Arc<dyn Watcher>) {
        self.board.watchers.write().push((prefix, watcher));
    }

    fn snapshot(&self, out: &mut dyn std::io::Write) -> Result<(), StoreError> {
        self.board
            .overlay
            .each_row(|rows| kw_store::snapshot::write(out, rows.map(|item| item.map(|(key, row)| (key, row.value)))))
    }

    fn close(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        self.board.orderly.store(true, Ordering::Release);
        self.queue.close();
        let slot = self.ended.slot();
        poll_fn(move |cx| slot.poll(cx)).map(|outcome| outcome.map(|_| ())).boxed()
    }
}

impl Ended {
    fn slot(&self) -> Arc<Slot> {
        let slot = Slot::new(None);
        let mut waiting = self.waiting.lock();
        waiting.slots.push(slot.clone());
        if waiting.over {
            answer(vec![(slot.clone(), Ok(Revision(0)))]);
        }
        slot
    }

    fn tell(&self) {
        let mut waiting = self.waiting.lock();
        waiting.over = true;
        answer(waiting.slots.drain(..).map(|slot| (slot, Ok(Revision(0)))).collect());
    }
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, OpenError> {
    std::thread::Builder::new().name(name.to_owned()).spawn(work).map_err(OpenError::io(format!("starting {name}")))
}

/// Makes the files of a new store. Until the format file says "ready", whatever is there is made anew.
fn create(dir: &Path, unfinished: Option<Format>, options: &Options) -> Result<(Format, Base), OpenError> {
    let mut format = unfinished.unwrap_or_else(|| dir::new_format(options.rng.as_ref()));
    dir::write_format(dir, &format)?;
    dir::sweep(dir)?;
    let base = Base::create(dir, options.base_cache_bytes)?;
    let len = FIRST_SEGMENT_LEN.min(options.segment_bytes);
    let failed = OpenError::io(format!("creating the log in {}", dir.display()));
    Segment::prepare(dir, &format.id, 1, len, None).map_err(failed)?;
    Mark::create(dir).map_err(OpenError::io(format!("creating the files in {}", dir.display())))?;
    format.ready = true;
    dir::write_format(dir, &format)?;
    Ok((format, base))
}

/// What [`crate::verify`] found.
pub(crate) fn verify(dir: &Path) -> Result<crate::Report, OpenError> {
    let _lock = dir::lock(dir)?;
    let Some(format) = dir::read_format(dir)?.filter(|f| f.ready) else {
        return Err(OpenError::corrupt(dir, 0, "there is no store in this directory"));
    };
    let mut base = Base::open(dir, 8 << 20)?;
    let rows = base.verify().map_err(OpenError::Store)?;
    let applied = base.applied().map_err(OpenError::Store)?;
    let (_, acknowledged) = Mark::open(dir)?;
    let log = replay::read(dir, &format.id, applied, acknowledged)?;
    Ok(crate::Report { base_rows: rows, log_records: log.records, revision: log.last })
}
