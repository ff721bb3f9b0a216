//! Getting an audit file's pages to the disk and out of memory, behind the writer's back.
//!
//! Nobody reads an audit file soon after it was written, and a busy server writes hundreds of megabytes a second of it. Left to
//! itself, the system keeps all that in memory, in place of what is of use, until so much waits for the disk that it makes the
//! writers wait too: and those are the threads that answer requests. So a thread of its own syncs the file each few megabytes
//! and then lets go of its pages. It also bounds what a loss of power takes of the trail.
use rustix::fs::{Advice, fadvise};
use rustix::process::setpriority_process;
use std::fs::File;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// Settled whenever so many bytes have come together.
const BYTES: usize = 4 * 1024 * 1024;

/// Of the thread; it still gets a tenth of a processor that is busy, and needs half of that.
const NICENESS: i32 = 10;

/// Counts what is appended to a file, and has it settled.
pub(crate) struct Settler {
    file: Arc<File>,
    unsettled: usize,
    /// To the thread, once there is one; it ends with its sender.
    due: Option<SyncSender<()>>,
}

impl Settler {
    pub fn new(file: Arc<File>) -> Self {
        Self { file, unsettled: 0, due: None }
    }

    /// Must be told of each append. Never waits.
    pub fn appended(&mut self, bytes: usize) {
        self.unsettled += bytes;
        if self.unsettled < BYTES {
            return;
        }
        self.unsettled = 0;
        // While the thread is still busy with what was before, it will find this too when it is done, or the next time.
        let _ = self.due.get_or_insert_with(|| start(self.file.clone())).try_send(());
    }
}

fn start(file: Arc<File>) -> SyncSender<()> {
    let (due, told) = sync_channel(1);
    let thread = std::thread::Builder::new().name("audit-settle".to_owned());
    if let Err(error) = thread.spawn(move || settle(&file, &told)) {
        tracing::warn!(%error, "the audit file's pages are left to the system: no thread could be started");
    }
    due
}

fn settle(file: &File, told: &Receiver<()>) {
    // Requests go first where processors are few. A system that does not allow it loses nothing but that.
    let _ = setpriority_process(None, NICENESS);
    while told.recv().is_ok() {
        // What cannot be synced stays in memory, where the system tries again; the lines count as written as they did before.
        if let Err(error) = file.sync_data() {
            tracing::error!(%error, "an audit file cannot be synced to its disk");
            continue;
        }
        // Advice that is not taken costs memory and nothing else.
        let _ = fadvise(file, 0, None, Advice::DontNeed);
    }
}
