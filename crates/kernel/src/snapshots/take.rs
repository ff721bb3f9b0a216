//! One snapshot, from the store to a file that has been rehearsed.
use super::archive::{Label, Meta};
use super::folder::{self, Folder};
use super::plan::{Plan, Taken, Target, surplus};
use super::{blocking, failed, rehearsal, remote};
use crate::kernel::Kernel;
use aws_lc_rs::digest::{Context, SHA256};
use kw_store::Store;
use kw_types::{Fault, RngExt, Time};
use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How much is handed to the disk at once, in bytes.
const BUFFER_LEN: usize = 256 * 1024;

/// Takes, rehearses and delivers a snapshot, then removes what is older than the plan wants. `kept` are those on a remote
/// server; gives what is kept there now.
///
/// Errors: what went wrong, with file or peer; older snapshots are all still there then.
pub(super) async fn take(kernel: &Kernel, plan: &Plan, kept: &[Taken]) -> Result<(Taken, Vec<Taken>), Fault> {
    let now = kernel.now();
    let folder = folder_of(kernel, plan);
    let done = within(kernel, plan, &folder, now, kept).await;
    if let Target::Http { .. } = plan.target {
        let path = folder.path.clone();
        blocking(move || fs::remove_dir_all(&path).map_err(failed(format!("removing {}", path.display())))).await?;
    }
    done
}

/// A snapshot that is sent away is first written to a directory of its own.
fn folder_of(kernel: &Kernel, plan: &Plan) -> Folder {
    let path = match plan.target {
        Target::Local { .. } => PathBuf::from(&plan.path_prefix),
        Target::Http { .. } => scratch_path(&std::env::temp_dir(), kernel),
    };
    Folder { path, prefix: plan.file_prefix.clone() }
}

pub(super) fn scratch_path(folder: &Path, kernel: &Kernel) -> PathBuf {
    folder.join(format!(".keywright-{}", hex::encode(kernel.rng.bytes::<8>())))
}

async fn within(
    kernel: &Kernel,
    plan: &Plan,
    folder: &Folder,
    now: Time,
    kept: &[Taken],
) -> Result<(Taken, Vec<Taken>), Fault> {
    let (path, bytes) = write(kernel, plan, folder, now).await?;
    let rows = match rehearsal::rehearse(kernel, &path).await {
        Ok(rows) => rows,
        Err(fault) => {
            folder.set_aside(&path)?;
            return Err(fault);
        }
    };
    let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default().to_owned();
    let url = match &plan.target {
        Target::Local { .. } => path.display().to_string(),
        Target::Http { .. } => remote::put(plan, &name, &path).await?,
    };
    let taken = Taken { name, url, taken: now, bytes, rows, rehearsed: kernel.now() };
    let kept = make_room(plan, folder, &taken, kept, kernel.now()).await?;
    Ok((taken, kept))
}

/// Writes the file, whole and durable. Gives its path and length.
async fn write(kernel: &Kernel, plan: &Plan, folder: &Folder, now: Time) -> Result<(PathBuf, u64), Fault> {
    let (store, rng) = (kernel.store.clone(), kernel.rng.as_ref());
    let (index, tag, id) = (store.revision().0, rng.bytes::<4>(), hex::encode(rng.bytes::<4>()));
    let at = folder.clone();
    let state = blocking(move || {
        at.prepare()?;
        State::write(store.as_ref(), &at, now)
    })
    .await?;
    let size = usize::try_from(state.len).map_err(Fault::internal)?;
    let meta = Meta { version: 1, id: format!("keywright-{index}-{id}"), index, term: 1, size };
    let label = Label::new(&kernel.barrier, &meta, &state.sha256)?;
    let space = match plan.target {
        Target::Local { max_space } => max_space,
        Target::Http { .. } => 0,
    };
    let at = folder.clone();
    blocking(move || pack(state, &label, &at, &at.name(now, tag), now, space)).await
}

/// The rows in a file without a name of its own; it goes with its path, which is removed at the end.
struct State {
    part: Part,
    file: File,
    len: u64,
    sha256: [u8; 32],
}

/// A file that is removed if it does not get its name.
struct Part(PathBuf);

impl Drop for Part {
    fn drop(&mut self) {
        // What cannot be removed now is removed before the next attempt.
        let _best_effort = fs::remove_file(&self.0);
    }
}

impl State {
    fn write(store: &dyn Store, folder: &Folder, now: Time) -> Result<Self, Fault> {
        let (path, file) = folder.create_part(&folder.name(now, [0; 4]))?;
        let part = Part(path);
        let mut out =
            Hashing { out: BufWriter::with_capacity(BUFFER_LEN, file), context: Context::new(&SHA256), len: 0 };
        store.snapshot(&mut out)?;
        let mut file = out.out.into_inner().map_err(|e| failed("writing the rows")(e.into_error()))?;
        file.rewind().map_err(failed("writing the rows"))?;
        let hash = out.context.finish();
        let sha256 = hash.as_ref().try_into().map_err(Fault::internal)?;
        Ok(Self { part, file, len: out.len, sha256 })
    }
}

struct Hashing<W> {
    out: W,
    context: Context,
    len: u64,
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.context.update(bytes.get(..written).unwrap_or_default());
        self.len += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

fn pack(
    state: State,
    label: &Label,
    folder: &Folder,
    name: &str,
    now: Time,
    space_max: u64,
) -> Result<(PathBuf, u64), Fault> {
    if space_max > 0 {
        let used: u64 = folder.snapshots()?.iter().map(|found| found.bytes).sum();
        if used.saturating_add(state.len) > space_max {
            return Err(Fault::unavailable("local_max_space does not suffice: remove snapshots, or keep fewer"));
        }
    }
    let (path, file) = folder.create_part(name)?;
    let part = Part(path);
    let wrong = || failed(format!("writing {}", part.0.display()));
    let mtime = u64::try_from(now.seconds()).unwrap_or_default();
    let out = BufWriter::with_capacity(BUFFER_LEN, &file);
    label.write(out, BufReader::with_capacity(BUFFER_LEN, state.file), mtime).map_err(wrong())?;
    drop(state.part);
    file.sync_all().map_err(wrong())?;
    let bytes = file.metadata().map_err(wrong())?.len();
    let path = folder.path.join(name);
    fs::rename(&part.0, &path).map_err(wrong())?;
    folder::sync(&folder.path)?;
    Ok((path, bytes))
}

/// Removes older ones by count and age. Gives those that are kept on a remote server.
async fn make_room(
    plan: &Plan,
    folder: &Folder,
    taken: &Taken,
    kept: &[Taken],
    now: Time,
) -> Result<Vec<Taken>, Fault> {
    match plan.target {
        Target::Local { .. } => {
            let (plan, folder, newest) = (plan.clone(), folder.clone(), PathBuf::from(&taken.url));
            blocking(move || remove_surplus(&plan, &folder, &newest, now)).await?;
            Ok(Vec::new())
        }
        Target::Http { .. } => {
            let mut all: Vec<Taken> = std::iter::once(taken).chain(kept).cloned().collect();
            let times: Vec<Time> = all.iter().map(|t| t.taken).collect();
            for at in surplus(plan, &times, now).into_iter().rev() {
                let old = all.remove(at);
                remote::delete(plan, &old.name).await?;
            }
            Ok(all)
        }
    }
}

fn remove_surplus(plan: &Plan, folder: &Folder, newest: &Path, now: Time) -> Result<(), Fault> {
    let mut found = folder.snapshots()?;
    // The one that was rehearsed comes first, whatever the clock says.
    found.sort_by_key(|f| f.path != newest);
    let times: Vec<Time> = found.iter().map(|f| f.taken).collect();
    for at in surplus(plan, &times, now) {
        if let Some(old) = found.get(at) {
            folder::remove(&old.path)?;
        }
    }
    folder.remove_failed()
}

/// The store that rows come from and go to, for both sides of it.
pub(super) type Shared = Arc<dyn Store>;
