//! The rollback mark: how far the store has come, kept outside of the store.
//!
//! A row authenticates its key and its term, not its age, so a store that is put back as a whole to an older state would open
//! like any other. Therefore a number in the store, the checkpoint, grows while it is written to, and a file beside the
//! configuration remembers the highest that this node has seen. Opening a store whose checkpoint is lower is refused, until an
//! operator says in the file that this is meant. The number then jumps over the one that was seen: so the state that was given
//! up is noticed too if it comes back, and other nodes, each with a file of its own, need not be told.
//!
//! The file is authenticated under a key of the keyring. Nothing in it is secret.
use crate::kernel::Kernel;
use crate::rows::SETTINGS;
use kw_types::{Fault, Time};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

const ROW: &str = "checkpoint";
const SUBKEY: &str = "rollback mark";
const VERSION: u8 = 1;

/// The row `sys/setting/checkpoint`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Checkpoint {
    number: u64,
    time: Time,
}

/// The file, as JSON.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Mark {
    version: u8,
    checkpoint: u64,
    /// When it was written (RFC 3339).
    time: String,
    /// Set by `operator seal accept-rollback`, and by a restore: why the next opening may find an older store.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    accepted: Option<String>,
    /// Over version, checkpoint and time, in hex.
    mac: String,
}

/// The mark of this node.
pub(crate) struct MarkFile {
    path: PathBuf,
    /// What the file says, once this process has written it.
    written: Mutex<Option<u64>>,
}

impl MarkFile {
    pub fn new(path: PathBuf) -> Self {
        Self { path, written: Mutex::default() }
    }

    async fn read(&self) -> Result<Option<Mark>, Fault> {
        let path = self.path.clone();
        match blocking(move || std::fs::read(&path)).await {
            Ok(text) => {
                let damaged = || {
                    let path = self.path.display();
                    Fault::unavailable(format!(
                        "the rollback mark {path} is damaged; if the store is known to be right, delete the file"
                    ))
                };
                let mark: Mark = serde_json::from_slice(&text).map_err(|_| damaged())?;
                if mark.version == VERSION { Ok(Some(mark)) } else { Err(damaged()) }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.unusable(&error)),
        }
    }

    async fn write(&self, mark: Mark) -> Result<(), Fault> {
        let (path, number) = (self.path.clone(), mark.checkpoint);
        let text = serde_json::to_vec(&mark).map_err(Fault::internal)?;
        blocking(move || replace(&path, &text)).await.map_err(|e| self.unusable(&e))?;
        *self.written.lock() = Some(number);
        Ok(())
    }

    fn unusable(&self, error: &io::Error) -> Fault {
        Fault::unavailable(format!("the rollback mark {} cannot be used: {error}", self.path.display()))
    }
}

impl Mark {
    fn bytes(&self) -> Vec<u8> {
        format!("{} {} {}", self.version, self.checkpoint, self.time).into_bytes()
    }
}

impl Kernel {
    /// Compares the store with the mark. The barrier must be open.
    ///
    /// Errors: 503 when the store is older than the mark, or the mark is of another installation; the text names both and says
    /// what to do.
    pub(crate) async fn check_mark(&self) -> Result<(), Fault> {
        let Some(file) = &self.seal.mark else { return Ok(()) };
        let found = self.view(SETTINGS).get::<Checkpoint>(ROW).await?.unwrap_or_default();
        let path = file.path.display();
        let Some(mark) = file.read().await? else {
            tracing::warn!(%path, checkpoint = found.number, "there is no rollback mark yet: one is made of the store as it is");
            return file.write(self.mark_of(found)?).await;
        };
        if let Some(why) = &mark.accepted {
            tracing::warn!(
                store = found.number,
                mark = mark.checkpoint,
                why,
                "a store that may be older than the rollback mark is opened"
            );
            let number = found.number.max(mark.checkpoint).saturating_add(1);
            return file.write(self.mark_of(self.put_checkpoint(number).await?)?).await;
        }
        if self.mark_mac(&mark)? != mark.mac {
            return Err(Fault::unavailable(format!(
                "the rollback mark {path} was not made by this installation, or was changed: the store may have been exchanged. If it is known to be right, say so: keywright operator seal accept-rollback {path}"
            )));
        }
        if found.number < mark.checkpoint {
            return Err(Fault::unavailable(format!(
                "the store was put back to an older state: it is at checkpoint {} of {}, and this node has seen checkpoint {} of {}. If that is meant, say so: keywright operator seal accept-rollback {path}",
                found.number,
                found.time.rfc3339(),
                mark.checkpoint,
                mark.time,
            )));
        }
        *file.written.lock() = Some(mark.checkpoint);
        Ok(())
    }

    /// Advances the store's checkpoint if anything was written since the last one, and the mark after it.
    pub(crate) async fn advance_mark(&self) -> Result<(), Fault> {
        let Some(file) = self.seal.mark.as_ref().filter(|_| !self.is_sealed()) else { return Ok(()) };
        let view = self.view(SETTINGS);
        let advanced_at = view.revision_of(ROW).await?.unwrap_or_default();
        let mut found = view.get::<Checkpoint>(ROW).await?.unwrap_or_default();
        // Other nodes advance the same number; whoever comes second has nothing to add.
        if self.store.revision() > advanced_at {
            found = self.put_checkpoint(found.number.saturating_add(1)).await?;
        }
        if file.written.lock().is_some_and(|written| written >= found.number) {
            return Ok(());
        }
        file.write(self.mark_of(found)?).await
    }

    /// Lets the next opening find an older store: one is about to be put in place.
    pub(crate) async fn expect_older_store(&self, why: &str) -> Result<(), Fault> {
        let Some(file) = &self.seal.mark else { return Ok(()) };
        let found = self.view(SETTINGS).get::<Checkpoint>(ROW).await?.unwrap_or_default();
        file.write(Mark { accepted: Some(why.to_owned()), ..self.mark_of(found)? }).await
    }

    /// Sets the checkpoint to at least `number`; gives what it is.
    async fn put_checkpoint(&self, number: u64) -> Result<Checkpoint, Fault> {
        let time = self.now();
        self.transact(async |txn| {
            let txn = txn.rescoped(SETTINGS);
            let found = txn.view().get::<Checkpoint>(ROW).await?.unwrap_or_default();
            if found.number >= number {
                return Ok(found);
            }
            let next = Checkpoint { number, time };
            txn.put(ROW, &next)?;
            Ok(next)
        })
        .await
    }

    fn mark_of(&self, checkpoint: Checkpoint) -> Result<Mark, Fault> {
        let (checkpoint, time) = (checkpoint.number, checkpoint.time.rfc3339());
        let mark = Mark { version: VERSION, checkpoint, time, accepted: None, mac: String::new() };
        Ok(Mark { mac: self.mark_mac(&mark)?, ..mark })
    }

    fn mark_mac(&self, mark: &Mark) -> Result<String, Fault> {
        let mac = self.barrier.mac(SUBKEY, &mark.bytes()).ok_or_else(crate::kernel::sealed)?;
        Ok(hex::encode(mac))
    }
}

/// The new content is whole on the disk before it takes the old one's place.
fn replace(path: &Path, text: &[u8]) -> io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let beside = PathBuf::from(beside);
    let mut file = std::fs::File::create(&beside)?;
    file.write_all(text)?;
    file.sync_all()?;
    std::fs::rename(&beside, path)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::File::open(folder)?.sync_all()
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}
