//! A disk in trouble, for the tests of this crate: what is done to the files of one directory is counted and can be made to
//! fail, and what a loss of power may take is remembered.
use crate::file::Step;
use parking_lot::Mutex;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

mod power;

/// What a disk writes as a whole or not at all, in bytes.
const SECTOR: usize = 512;

/// What can be made to fail by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Op {
    Create,
    Write,
    Sync,
    Other,
}

/// How the disk behaves once the moment has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// One operation fails; nothing of it was done.
    Once(ErrorKind),
    /// One operation fails; if it is a write of several sectors, the first half of them is written before.
    Short(ErrorKind),
    /// Whatever takes room fails, until [`clear`].
    Full,
    /// Everything fails from then on, as for a process that is killed at that moment.
    Dead,
}

/// From the `at`-th operation on files in `within` on (the first is 0), the disk is in trouble.
struct Moment {
    within: PathBuf,
    at: u64,
    mode: Mode,
    seen: u64,
    /// The file whose next write fails, since its last one was done by half.
    cut: Option<PathBuf>,
    /// What was not synced, where the power is to be lost.
    unsynced: Option<power::Unsynced>,
}

struct Planned {
    within: PathBuf,
    name: &'static str,
    op: Op,
    kind: ErrorKind,
}

static PLANNED: Mutex<Vec<Planned>> = Mutex::new(Vec::new());
static MOMENTS: Mutex<Vec<Moment>> = Mutex::new(Vec::new());

/// From now on `op` fails on files in `within` whose names begin with `name`, until [`clear`].
pub(crate) fn plan(within: &Path, name: &'static str, op: Op, kind: ErrorKind) {
    PLANNED.lock().push(Planned { within: within.to_owned(), name, op, kind });
}

/// The `at`-th operation from now on meets a disk in trouble. With `power`, [`lose_power`] can be called then.
pub(crate) fn meet(within: &Path, at: u64, mode: Mode, power: bool) {
    let unsynced = power.then(|| power::Unsynced::new(within));
    MOMENTS.lock().push(Moment { within: within.to_owned(), at, mode, seen: 0, cut: None, unsynced });
}

/// Ends all trouble. Returns how many operations [`meet`] has seen.
pub(crate) fn clear(within: &Path) -> u64 {
    PLANNED.lock().retain(|p| p.within != within);
    let mut moments = MOMENTS.lock();
    let seen = moments.iter().find(|m| m.within == within).map_or(0, |m| m.seen);
    moments.retain(|m| m.within != within);
    seen
}

/// Ends all trouble, and takes back some of what was not synced, by chance.
pub(crate) fn lose_power(within: &Path, seed: u64) {
    let unsynced = MOMENTS.lock().iter_mut().find(|m| m.within == within).and_then(|m| m.unsynced.take());
    clear(within);
    if let Some(unsynced) = unsynced {
        unsynced.lose(seed);
    }
}

/// Called before each operation; an error is what the operation answers.
pub(crate) fn before(path: &Path, step: &Step<'_>) -> io::Result<usize> {
    let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
    let hit = |p: &&Planned| p.op == op_of(step) && path.starts_with(&p.within) && name.starts_with(p.name);
    if let Some(planned) = PLANNED.lock().iter().find(hit) {
        return Err(planned.kind.into());
    }
    let mut moments = MOMENTS.lock();
    let Some(moment) = moments.iter_mut().find(|m| path.starts_with(&m.within)) else { return Ok(usize::MAX) };
    let seen = moment.seen;
    moment.seen += 1;
    if let (Mode::Short(kind), Some(cut)) = (moment.mode, &moment.cut)
        && cut == path
        && matches!(step, Step::Write { .. })
    {
        moment.cut = None;
        return Err(kind.into());
    }
    let strikes = match moment.mode {
        Mode::Once(_) | Mode::Short(_) => seen == moment.at,
        Mode::Full => seen >= moment.at && takes_room(step),
        Mode::Dead => seen >= moment.at,
    };
    if !strikes {
        if let Some(unsynced) = &mut moment.unsynced {
            unsynced.note(path, step);
        }
        return Ok(usize::MAX);
    }
    match (moment.mode, step) {
        (Mode::Short(_), Step::Write { data, .. }) if data.len() >= 2 * SECTOR => {
            moment.cut = Some(path.to_owned());
            Ok(data.len() / 2 / SECTOR * SECTOR)
        }
        (Mode::Once(kind) | Mode::Short(kind), _) => Err(kind.into()),
        (Mode::Full, _) => Err(ErrorKind::StorageFull.into()),
        (Mode::Dead, _) => Err(io::Error::other("dead")),
    }
}

fn takes_room(step: &Step<'_>) -> bool {
    matches!(step, Step::Create | Step::Write { .. } | Step::SetLen { .. })
}

fn op_of(step: &Step<'_>) -> Op {
    match step {
        Step::Create => Op::Create,
        Step::Write { .. } | Step::SetLen { .. } => Op::Write,
        Step::Sync { .. } | Step::SyncDir => Op::Sync,
        Step::Open | Step::Read | Step::Rename { .. } | Step::Remove => Op::Other,
    }
}
