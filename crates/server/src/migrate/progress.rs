//! Telling how far it is: a bar on a terminal, a line now and then elsewhere.
use indicatif::{ProgressBar, ProgressStyle};
use kw_types::{Clock, SystemClock, Time};
use std::cell::Cell;
use std::io::IsTerminal;

/// Where there is no terminal, a line is written so often, in seconds.
const LINE_SECONDS: u64 = 10;

/// One step of the work.
pub(super) struct Progress {
    what: &'static str,
    total: u64,
    done: Cell<u64>,
    /// `None` where nobody would see it move.
    bar: Option<ProgressBar>,
    told: Cell<Time>,
}

impl Progress {
    /// `done` of `total` rows are there already.
    pub fn new(what: &'static str, done: u64, total: u64) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(total).with_message(what).with_position(done);
            match ProgressStyle::with_template("{msg:9} [{wide_bar}] {pos}/{len} rows {percent}% {eta}") {
                Ok(style) => bar.with_style(style),
                Err(_) => bar,
            }
        });
        Self { what, total, done: Cell::new(done), bar, told: Cell::new(SystemClock.now()) }
    }

    pub fn add(&self, rows: u64) {
        self.done.set(self.done.get() + rows);
        match &self.bar {
            Some(bar) => bar.set_position(self.done.get()),
            None if SystemClock.now().since(self.told.get()).seconds() >= LINE_SECONDS => {
                self.told.set(SystemClock.now());
                self.say();
            }
            None => {}
        }
    }

    pub fn end(self) {
        match &self.bar {
            Some(bar) => bar.finish(),
            None => self.say(),
        }
    }

    fn say(&self) {
        eprintln!("{}: {} of {} rows", self.what, self.done.get(), self.total);
    }
}
