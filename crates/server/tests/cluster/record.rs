//! The history of a run, cut into epochs: what is made in one is used in it alone, so each can be judged by itself, soon.
use kw_sim::history::{Event, History, Operation, Outcome, Tick};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// How long things are used. Checkers compare everything with everything.
const EPOCH: Duration = Duration::from_secs(10);

/// How many requests came to which end.
#[derive(Default)]
pub struct Tally {
    pub ok: AtomicU64,
    pub refused: AtomicU64,
    pub unknown: AtomicU64,
    /// Nobody took the connection, so nothing can have happened: these are not in the history.
    pub unsent: AtomicU64,
}

pub struct Record {
    began: Instant,
    next_id: AtomicU64,
    epochs: Mutex<Vec<History>>,
    pub tally: Tally,
    /// For each node, when its newest success began.
    newest_ok: Vec<AtomicU64>,
}

impl Record {
    pub fn new(nodes: usize) -> Self {
        let newest_ok = (0..nodes).map(|_| AtomicU64::new(0)).collect();
        let (epochs, tally) = (Mutex::default(), Tally::default());
        Self { began: Instant::now(), next_id: AtomicU64::new(1), epochs, tally, newest_ok }
    }

    /// Nanoseconds since the beginning.
    pub fn tick(&self) -> Tick {
        u64::try_from(self.began.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    pub fn epoch(&self) -> usize {
        usize::try_from(self.began.elapsed().as_secs() / EPOCH.as_secs()).unwrap_or(usize::MAX)
    }

    /// How many epochs a run of this length can have, with the time that it needs to end.
    pub fn epochs_max(length: Duration) -> usize {
        usize::try_from((length.as_secs() + 120) / EPOCH.as_secs()).unwrap_or(usize::MAX)
    }

    pub fn next_id(&self) -> u64 {
        self.next_id.fetch_add(1, Ordering::Relaxed)
    }

    pub fn note(&self, epoch: usize, operation: Operation) {
        let count = match &operation.outcome {
            Outcome::Ok(_) => &self.tally.ok,
            Outcome::Refused { .. } => &self.tally.refused,
            Outcome::Unknown { .. } => &self.tally.unknown,
        };
        count.fetch_add(1, Ordering::Relaxed);
        if let (true, Some(newest)) = (operation.is_ok(), self.newest_ok.get(operation.node as usize - 1)) {
            newest.fetch_max(operation.begin, Ordering::Relaxed);
        }
        self.push(epoch, Event::Operation(operation));
    }

    pub fn note_fault(&self, node: u32, what: &str) {
        self.push(self.epoch(), Event::Fault { at: self.tick(), node, what: what.to_owned() });
    }

    fn push(&self, epoch: usize, event: Event) {
        let mut epochs = self.epochs.lock().unwrap();
        if epochs.len() <= epoch {
            epochs.resize(epoch + 1, History::default());
        }
        epochs[epoch].events.push(event);
    }

    /// Whether each node has done something that began after this.
    pub fn all_served_since(&self, tick: Tick) -> bool {
        self.newest_ok.iter().all(|newest| newest.load(Ordering::Relaxed) > tick)
    }

    /// Nodes of which this is not so.
    pub fn silent_since(&self, tick: Tick) -> Vec<usize> {
        let silent = |(i, newest): (usize, &AtomicU64)| (newest.load(Ordering::Relaxed) <= tick).then_some(i + 1);
        self.newest_ok.iter().enumerate().filter_map(silent).collect()
    }

    pub fn histories(&self) -> Vec<History> {
        self.epochs.lock().unwrap().clone()
    }
}

/// The wall clock, which all nodes of the machine share.
pub fn wall_nanos() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}
