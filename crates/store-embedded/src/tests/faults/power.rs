//! What a loss of power takes: of what was not synced, each sector may be there or not; names of files come and go in order.
use super::SECTOR;
use crate::file::Step;
use std::fs::{self, File};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

/// What would have to be taken back, in the order in which it was done.
pub(super) struct Unsynced {
    contents: Vec<Content>,
    names: Vec<Name>,
    /// Where files are kept that were removed or written over.
    grave: PathBuf,
    buried: u64,
}

struct Content {
    file: File,
    inode: u64,
    offset: u64,
    /// What was there before.
    old: Vec<u8>,
    old_len: u64,
}

enum Name {
    Created(PathBuf),
    Renamed { from: PathBuf, to: PathBuf, over: Option<PathBuf> },
    Removed { path: PathBuf, kept: PathBuf },
}

impl Unsynced {
    pub fn new(within: &Path) -> Self {
        let grave = within.with_extension("grave");
        fs::create_dir_all(&grave).unwrap();
        Self { contents: Vec::new(), names: Vec::new(), grave, buried: 0 }
    }

    /// Remembers what this step will change. A step that then fails by itself does no harm: undoing it changes nothing.
    pub fn note(&mut self, path: &Path, step: &Step<'_>) {
        match step {
            Step::Write { file, offset, data } => self.content(file, *offset, data.len()),
            Step::SetLen { file, len } => {
                let now = file.metadata().unwrap().len();
                self.content(file, now.min(*len), usize::try_from(now.saturating_sub(*len)).unwrap());
            }
            Step::Sync { file } => {
                let inode = file.metadata().unwrap().ino();
                self.contents.retain(|c| c.inode != inode);
            }
            Step::SyncDir => self.names.clear(),
            Step::Create => {
                if path.exists() {
                    let kept = self.bury(path);
                    self.names.push(Name::Removed { path: path.to_owned(), kept });
                    fs::remove_file(path).unwrap();
                }
                self.names.push(Name::Created(path.to_owned()));
            }
            Step::Rename { to } => {
                let over = to.exists().then(|| self.bury(to));
                self.names.push(Name::Renamed { from: path.to_owned(), to: (*to).to_owned(), over });
            }
            Step::Remove => {
                let kept = self.bury(path);
                self.names.push(Name::Removed { path: path.to_owned(), kept });
            }
            Step::Open | Step::Read => {}
        }
    }

    fn content(&mut self, file: &File, offset: u64, len: usize) {
        let about = file.metadata().unwrap();
        let there = about.len().saturating_sub(offset).min(len as u64);
        let mut old = vec![0; usize::try_from(there).unwrap()];
        file.read_exact_at(&mut old, offset).unwrap();
        let file = file.try_clone().unwrap();
        self.contents.push(Content { file, inode: about.ino(), offset, old, old_len: about.len() });
    }

    fn bury(&mut self, path: &Path) -> PathBuf {
        self.buried += 1;
        let kept = self.grave.join(self.buried.to_string());
        fs::hard_link(path, &kept).unwrap();
        kept
    }

    /// Takes back what chance says. Sectors are written as a whole or not at all.
    pub fn lose(self, seed: u64) {
        let mut chance = seed;
        let mut below = move |bound: u64| {
            chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (chance >> 33) % bound
        };
        for content in self.contents.iter().rev() {
            let mut at = 0;
            while at < content.old.len() {
                // Up to the end of the sector of the file.
                let place = usize::try_from(content.offset).unwrap() + at;
                let end = (at + SECTOR - place % SECTOR).min(content.old.len());
                if below(2) == 0 {
                    content.file.write_all_at(&content.old[at..end], place as u64).unwrap();
                }
                at = end;
            }
            // Where the file had ended before: the new length may have been lost, with all that is behind the old one.
            if below(2) == 0 && content.file.metadata().unwrap().len() > content.old_len {
                content.file.set_len(content.old_len).unwrap();
            }
        }
        let lost = usize::try_from(below(self.names.len() as u64 + 1)).unwrap();
        for name in self.names.iter().rev().take(lost) {
            match name {
                Name::Created(path) => drop(fs::remove_file(path)),
                Name::Removed { path, kept } => drop(fs::hard_link(kept, path)),
                Name::Renamed { from, to, over } => {
                    if fs::rename(to, from).is_ok()
                        && let Some(over) = over
                    {
                        fs::hard_link(over, to).unwrap();
                    }
                }
            }
        }
        fs::remove_dir_all(&self.grave).unwrap();
    }
}
