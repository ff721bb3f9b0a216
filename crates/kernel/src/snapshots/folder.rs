//! The files of a plan in their directory.
//!
//! `<prefix>-<time>-<8 hex digits>.snap`; with `.part` while it is written, `.failed` when it could not be restored. No other file
//! is ever touched.
use super::failed;
use kw_types::{Fault, Time};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

const ENDING: &str = ".snap";
const PART: &str = ".snap.part";
const FAILED: &str = ".snap.failed";

/// The directory of a plan, and what its files begin with.
#[derive(Clone, Debug)]
pub(super) struct Folder {
    pub path: PathBuf,
    pub prefix: String,
}

/// A snapshot that is there as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub path: PathBuf,
    pub taken: Time,
    pub bytes: u64,
}

impl Folder {
    /// The name of a snapshot of this time; `tag` tells two of the same second apart.
    pub fn name(&self, taken: Time, tag: [u8; 4]) -> String {
        let stamp: String = taken.rfc3339().chars().take(19).filter(|c| !matches!(c, '-' | ':')).collect();
        format!("{}-{stamp}Z-{}{ENDING}", self.prefix, hex::encode(tag))
    }

    /// Makes the directory if need be, and removes what an attempt that died has left. Nobody else is at it: there is a claim.
    pub fn prepare(&self) -> Result<(), Fault> {
        let at = self.path.display();
        DirBuilder::new().recursive(true).mode(0o700).create(&self.path).map_err(failed(format!("making {at}")))?;
        for (path, _) in self.list(PART).map_err(failed(format!("reading {at}")))? {
            fs::remove_file(&path).map_err(failed(format!("removing {}", path.display())))?;
        }
        Ok(())
    }

    /// A new file for its owner alone, under a name that says that it is not whole.
    pub fn create_part(&self, name: &str) -> Result<(PathBuf, File), Fault> {
        let path = self.path.join(format!("{}{PART}", name.trim_end_matches(ENDING)));
        let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path);
        let file = file.map_err(failed(format!("making {}", path.display())))?;
        Ok((path, file))
    }

    /// The snapshots that are there, the newest first.
    pub fn snapshots(&self) -> Result<Vec<Found>, Fault> {
        let found = self.list(ENDING).map_err(failed(format!("reading {}", self.path.display())))?;
        let mut all = Vec::new();
        for (path, taken) in found {
            let bytes = path.metadata().map_err(failed(format!("reading {}", path.display())))?.len();
            all.push(Found { path, taken, bytes });
        }
        all.sort_by(|a, b| b.path.cmp(&a.path));
        Ok(all)
    }

    /// Sets a file aside that is no good.
    pub fn set_aside(&self, path: &Path) -> Result<(), Fault> {
        let to = path.with_extension(FAILED.trim_start_matches('.'));
        fs::rename(path, &to).map_err(failed(format!("renaming {}", path.display())))
    }

    /// Removes what was set aside, once there is a good one.
    pub fn remove_failed(&self) -> Result<(), Fault> {
        for (path, _) in self.list(FAILED).map_err(failed(format!("reading {}", self.path.display())))? {
            remove(&path)?;
        }
        Ok(())
    }

    fn list(&self, ending: &str) -> io::Result<Vec<(PathBuf, Time)>> {
        let mut out = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            let name = entry.file_name();
            if let Some(taken) = name.to_str().and_then(|name| self.time_of(name, ending)) {
                out.push((entry.path(), taken));
            }
        }
        Ok(out)
    }

    /// The time in a name of ours; `None` for any other file's.
    fn time_of(&self, name: &str, ending: &str) -> Option<Time> {
        let rest = name.strip_prefix(&self.prefix)?.strip_prefix('-')?.strip_suffix(ending)?;
        let (stamp, tag) = rest.split_once('-')?;
        let is_ours = stamp.len() == 16 && tag.len() == 8 && tag.bytes().all(|b| b.is_ascii_hexdigit());
        if !is_ours || !stamp.is_ascii() {
            return None;
        }
        let part = |from: usize, to: usize| stamp.get(from..to);
        let (year, month, day) = (part(0, 4)?, part(4, 6)?, part(6, 8)?);
        let (hour, minute, second) = (part(9, 11)?, part(11, 13)?, part(13, 15)?);
        Time::parse(&format!("{year}-{month}-{day}T{hour}:{minute}:{second}Z"))
    }
}

/// Removes a file; it may be gone already.
pub(super) fn remove(path: &Path) -> Result<(), Fault> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(failed(format!("removing {}", path.display()))(e)),
        _ => Ok(()),
    }
}

/// Makes the names in a directory durable.
pub(super) fn sync(folder: &Path) -> Result<(), Fault> {
    File::open(folder).and_then(|f| f.sync_all()).map_err(failed(format!("syncing {}", folder.display())))
}
