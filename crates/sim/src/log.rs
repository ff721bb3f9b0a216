//! A node's audit log, as somebody sees it who reads along.
use crate::history::Audited;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::PathBuf;

/// The header that tells which operation of the history a request is.
pub const HEADER: &str = "x-sim";

/// The file that the node's device appends to, and what was read of it.
pub struct Log {
    pub path: PathBuf,
    read_to: Cell<u64>,
    found: RefCell<BTreeMap<u64, Audited>>,
}

impl Log {
    pub fn new(path: PathBuf) -> Self {
        Self { path, read_to: Cell::new(0), found: RefCell::default() }
    }

    /// What the log said of an operation when it was read last.
    pub fn of(&self, operation: u64) -> Audited {
        self.found.borrow().get(&operation).copied().unwrap_or_default()
    }

    /// Reads what was appended.
    pub fn read(&self) {
        let mut text = String::new();
        let opened = File::open(&self.path).and_then(|mut file| {
            file.seek(SeekFrom::Start(self.read_to.get()))?;
            file.read_to_string(&mut text)
        });
        if opened.is_err() {
            return;
        }
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        self.read_to.set(self.read_to.get() + whole as u64);
        for line in text.get(..whole).unwrap_or_default().lines() {
            self.note(line);
        }
    }

    fn note(&self, line: &str) {
        let mark = format!(r#""{HEADER}":[""#);
        let Some((_, rest)) = line.split_once(&mark) else { return };
        let Some(operation) = rest.split('"').next().and_then(|number| number.parse().ok()) else { return };
        let mut found = self.found.borrow_mut();
        let audited: &mut Audited = found.entry(operation).or_default();
        if line.contains(r#","type":"request""#) {
            audited.request = true;
        } else {
            audited.response = true;
        }
    }
}
