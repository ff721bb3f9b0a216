//! How far this node has heard the news, and who is told.
use kw_store::{Key, Revision, StoreError, Watcher};
use parking_lot::{Mutex, RwLock};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

/// Commits in order, and the revision that they reach up to.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct News {
    pub changes: Vec<(Revision, Vec<Key>)>,
    pub to: Revision,
    /// Commits are missing here, since they were trimmed or are too many.
    pub lost: bool,
}

/// The place in the order of all commits that the watchers have been told up to. It never goes back.
#[derive(Default)]
pub(crate) struct Position {
    reached: AtomicU64,
    /// Held while watchers are told, so that they hear of one commit after the other.
    telling: Mutex<()>,
    watchers: RwLock<Vec<(Key, Arc<dyn Watcher>)>>,
    condemned: OnceLock<String>,
}

impl Position {
    pub fn reached(&self) -> Revision {
        Revision(self.reached.load(Ordering::Acquire))
    }

    pub fn watch(&self, prefix: Key, watcher: Arc<dyn Watcher>) {
        self.watchers.write().push((prefix, watcher));
    }

    /// Tells the watchers what they have not heard yet. The news must begin where the position was at some time, or before.
    pub fn advance(&self, news: &News) {
        let _telling = self.telling.lock();
        let reached = self.reached();
        if news.to <= reached {
            return;
        }
        let watchers = self.watchers.read();
        if news.lost {
            watchers.iter().for_each(|(_, watcher)| watcher.lost());
        } else {
            for (at, keys) in news.changes.iter().filter(|(at, _)| *at > reached) {
                watchers.iter().for_each(|(prefix, watcher)| tell(prefix, watcher.as_ref(), keys, *at));
            }
        }
        self.reached.store(news.to.0, Ordering::Release);
    }

    /// Makes the watchers forget everything, without having moved.
    pub fn forget(&self) {
        let _telling = self.telling.lock();
        self.watchers.read().iter().for_each(|(_, watcher)| watcher.lost());
    }

    /// Refuses a database that is behind what this process has seen in it, now and for good: rows that were acknowledged
    /// are gone, and revisions would be given out for a second time. `known` is what had been reached before asking.
    pub fn check(&self, newest: Revision, known: Revision) -> Result<(), StoreError> {
        if newest < known {
            let told = self.condemned.get_or_init(|| {
                let why = format!(
                    "the database is at revision {}, but this server has seen {}: a backup was restored, or a replica \
                     took over that lacked the last commits. Make sure of the data, then restart all servers",
                    newest.0, known.0
                );
                tracing::error!("{why}");
                why
            });
            self.forget();
            return Err(StoreError::Corrupt(told.clone()));
        }
        self.sound()
    }

    /// Whether [`Position::check`] has always passed.
    pub fn sound(&self) -> Result<(), StoreError> {
        self.condemned.get().map_or(Ok(()), |why| Err(StoreError::Corrupt(why.clone())))
    }
}

fn tell(prefix: &Key, watcher: &dyn Watcher, keys: &[Key], at: Revision) {
    if prefix.is_empty() {
        return watcher.changed(keys, at);
    }
    let within: Vec<Key> = keys.iter().filter(|key| key.starts_with(prefix)).cloned().collect();
    if !within.is_empty() {
        watcher.changed(&within, at);
    }
}
