//! The directory of a store: who may use it, what format it has and which store it is.
use crate::file::{DiskFile, sync_dir};
use crate::{OpenError, base, mark, segment};
use kw_types::{Rng, RngExt};
use rustix::fs::{FlockOperation, flock};
use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

const FORMAT_NAME: &str = "format";
const FORMAT: u32 = 1;

/// What the format file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Format {
    /// The UUID of this store: no file of another one is mistaken for its own.
    pub id: [u8; 16],
    /// Whether all files were made. If not, nothing was ever stored.
    pub ready: bool,
}

/// Makes the directory, if need be, for its owner only. Durable.
pub(crate) fn make(dir: &Path) -> Result<(), OpenError> {
    if dir.is_dir() {
        // A mounted volume may belong to somebody else; the files in it are still for us alone.
        if let Err(e) = std::fs::set_permissions(dir, Permissions::from_mode(0o700)) {
            tracing::warn!(dir = %dir.display(), error = %e, "the data directory could not be closed to other users");
        }
        return Ok(());
    }
    let failed = || OpenError::io(format!("creating the data directory {}", dir.display()));
    DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(failed())?;
    std::fs::set_permissions(dir, Permissions::from_mode(0o700)).map_err(failed())?;
    match dir.parent().filter(|p| !p.as_os_str().is_empty()) {
        Some(parent) => sync_dir(parent).map_err(failed()),
        None => Ok(()),
    }
}

/// Takes the directory for this process; it is given back when the file is closed.
pub(crate) fn lock(dir: &Path) -> Result<File, OpenError> {
    let path = dir.join("lock");
    let failed = || OpenError::io(format!("opening {}", path.display()));
    let open = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&path);
    let file = open.map_err(failed())?;
    file.set_permissions(Permissions::from_mode(0o600)).map_err(failed())?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(file),
        Err(rustix::io::Errno::WOULDBLOCK) => Err(OpenError::InUse(dir.to_owned())),
        Err(e) => Err(OpenError::io(format!("locking {}", path.display()))(e.into())),
    }
}

/// Reads the format file; `None` if this directory holds no store yet.
pub(crate) fn read_format(dir: &Path) -> Result<Option<Format>, OpenError> {
    let path = dir.join(FORMAT_NAME);
    let text = match std::fs::read(&path) {
        Ok(bytes) => String::from_utf8(bytes).unwrap_or_default(),
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            let strays = segment::list(dir).map_err(OpenError::io(format!("listing {}", dir.display())))?;
            if !strays.is_empty() || dir.join(base::NAME).exists() || dir.join(mark::NAME).exists() {
                return Err(OpenError::corrupt(&path, 0, "this file is missing, but there are others of a store"));
            }
            return Ok(None);
        }
        Err(e) => return Err(OpenError::io(format!("reading {}", path.display()))(e)),
    };
    parse(&text, dir)?.map(Some).ok_or_else(|| OpenError::corrupt(&path, 0, "this file is damaged"))
}

/// Writes the format file as one, durably, and makes durable the names of all files made before.
pub(crate) fn write_format(dir: &Path, format: &Format) -> Result<(), OpenError> {
    let write = || {
        let mut file = DiskFile::create(dir.join("format.new"))?;
        file.write_at(0, render(format).as_bytes())?;
        file.sync()?;
        file.rename(FORMAT_NAME)?;
        sync_dir(dir)
    };
    write().map_err(OpenError::io(format!("writing the format file in {}", dir.display())))
}

/// The format of a new store.
pub(crate) fn new_format(rng: &dyn Rng) -> Format {
    Format { id: rng.bytes(), ready: false }
}

/// Removes what an unfinished creation has left.
pub(crate) fn sweep(dir: &Path) -> Result<(), OpenError> {
    let failed = || OpenError::io(format!("clearing {} after an unfinished creation", dir.display()));
    let segments = segment::list(dir).map_err(failed())?;
    let others = [base::NAME, mark::NAME].map(|name| dir.join(name));
    for path in segments.into_iter().map(|(_, path)| path).chain(others) {
        match std::fs::remove_file(path) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(failed()(e)),
            _ => {}
        }
    }
    Ok(())
}

fn render(format: &Format) -> String {
    let id = u128::from_be_bytes(format.id);
    let state = if format.ready { "ready" } else { "creating" };
    let body = format!("keywright-store {FORMAT}\nid {id:032x}\nstate {state}\n");
    let sum = crc32c::crc32c(body.as_bytes());
    format!("{body}sum {sum:08x}\n")
}

fn parse(text: &str, dir: &Path) -> Result<Option<Format>, OpenError> {
    let mut lines = text.lines();
    let found = lines.next().and_then(|l| l.strip_prefix("keywright-store ")).and_then(|v| v.parse::<u32>().ok());
    match found {
        Some(FORMAT) => {}
        Some(newer) if newer > FORMAT => return Err(OpenError::Newer { dir: dir.to_owned(), found: newer }),
        _ => return Ok(None),
    }
    let id = lines.next().and_then(|l| l.strip_prefix("id ")).and_then(|v| u128::from_str_radix(v, 16).ok());
    let Some(id) = id else { return Ok(None) };
    let format = Format { id: id.to_be_bytes(), ready: lines.next() == Some("state ready") };
    Ok((render(&format) == text).then_some(format))
}
