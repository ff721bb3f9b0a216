//! operator raft snapshot save, restore.
use super::FORCE;
use crate::call::Call;
use crate::failure::Failure;
use crate::session::Session;
use kw_client::{Json, Request, Stream};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Writes beside the file and renames at the end, so that a broken transfer leaves an older snapshot alone.
pub(super) fn save(call: &mut Call) -> Result<i32, Failure> {
    let path = PathBuf::from(call.arg(0));
    let session = call.session()?.unwrapped();
    let mut stream =
        session.stream(Request::get("sys/storage/raft/snapshot")).map_err(|e| e.during("Error taking the snapshot"))?;
    let mut beside = path.clone().into_os_string();
    beside.push(".part");
    let beside = PathBuf::from(beside);
    let saved = receive(&session, &mut stream, &beside)
        .and_then(|()| std::fs::rename(&beside, &path).map_err(|e| cannot_write(&path, &e)));
    if saved.is_err() {
        // The first error is the one to tell; a part that stays behind is only untidy.
        let _best_effort = std::fs::remove_file(&beside);
    }
    saved.map(|()| 0)
}

fn receive(session: &Session, stream: &mut Stream, path: &Path) -> Result<(), Failure> {
    let file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path);
    let mut file = file.map_err(|e| cannot_write(path, &e))?;
    let mut received = 0;
    while let Some(piece) = session.next(stream).map_err(|e| e.during("Error taking the snapshot"))? {
        file.write_all(&piece).map_err(|e| cannot_write(path, &e))?;
        received += piece.len();
    }
    if received == 0 {
        return Err(Failure::remote("Error taking the snapshot: the server sent nothing"));
    }
    file.sync_all().map_err(|e| cannot_write(path, &e))
}

pub(super) fn restore(call: &mut Call) -> Result<i32, Failure> {
    let path = call.arg(0).to_owned();
    let content = std::fs::read(&path).map_err(|e| Failure::local(format!("Cannot read the snapshot {path}: {e}")))?;
    let to = if call.on(&FORCE) { "sys/storage/raft/snapshot-force" } else { "sys/storage/raft/snapshot" };
    let request = Request::new(kw_client::Method::POST, to).bytes(content);
    let session = call.session()?.unwrapped();
    session.send(request).map_err(|e| e.during("Error installing the snapshot"))?;
    // The restore has worked, whatever is known of the seal; scripts go on as with other servers.
    let status = session.send(Request::get("sys/seal-status")).ok().and_then(|a| a.body_as::<Json>().ok());
    if status.and_then(|s| s.get("sealed")?.as_bool()) == Some(true) {
        let program = call.brand.program();
        call.warn(format!("The server is sealed since its data was replaced: run `{program} operator unseal`."));
    }
    Ok(0)
}

fn cannot_write(path: &Path, error: &std::io::Error) -> Failure {
    Failure::local(format!("Cannot write the snapshot {}: {error}", path.display()))
}
