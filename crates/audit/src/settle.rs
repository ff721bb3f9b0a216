//! Getting an audit file's pages to the disk and out of memory, behind the writer's back.
//!
//! Nobody reads an audit file soon after it was written, and a busy server writes hundreds of megabytes a second of it. Left to
//! itself, the system keeps all that in memory, in place of what is of use, until so much waits for the disk that it makes the
//! writers wait too: and those are the threads that answer requests. So a thread of its own has the pages written that came
//! together and lets go of those that are. In small steps, for the same memory is taken for the next pages then, and it is in the
//! processor's cache. It also syncs the file now and then, which bounds what a loss of power takes of the trail, and has the file
//! system find room for what comes next, so that an append need not.
use rustix::fs::{Advice, FallocateFlags, fadvise, fallocate};
use rustix::process::setpriority_process;
use std::fs::File;
use std::num::NonZeroU64;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// Sent to the disk whenever so many bytes have come together.
const STEP: usize = 512 * 1024;

/// Synced whenever so many bytes have come together. A sync costs as much as writing half a megabyte, since the file system's
/// journal is written too.
const SYNCED: u64 = 16 * 1024 * 1024;

/// Room that is asked for ahead of the file's end, whenever less than half of it is left.
const AHEAD: u64 = 16 * 1024 * 1024;

/// Pages are let go of as a whole.
const PAGE: u64 = 4096;

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
        if self.unsettled < STEP {
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
    let (mut synced, mut reserved) = (0, 0);
    while told.recv().is_ok() {
        let Ok(len) = file.metadata().map(|known| known.len()) else { continue };
        if len < synced {
            // Somebody has cut the file, as some log rotations do; its room went with that.
            (synced, reserved) = (0, 0);
        }
        if reserved < len + AHEAD / 2 {
            // What cannot be had now is looked for again at each append, as without this. The file does not look longer for it.
            let _ = fallocate(file, FallocateFlags::KEEP_SIZE, len, AHEAD);
            reserved = len + AHEAD;
        }
        // What cannot be synced stays in memory, where the system tries again; the lines count as written as they did before.
        let is_synced = len >= synced + SYNCED
            && file
                .sync_data()
                .inspect_err(|error| tracing::error!(%error, "an audit file cannot be synced to its disk"))
                .is_ok();
        // The system begins to write what is not written yet, and lets go of what is. Advice that is not taken costs memory and
        // nothing else.
        let whole = len - len % PAGE;
        if let Some(bytes) = NonZeroU64::new(whole.saturating_sub(synced)) {
            let _ = fadvise(file, synced, Some(bytes), Advice::DontNeed);
        }
        if is_synced {
            synced = whole;
        }
    }
}
