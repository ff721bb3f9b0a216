//! How far this node has heard the news, and who is told.
use kw_store::{Key, Revision, StoreError, Watcher};
use parking_lot::{Mutex, RwLock};
use std::sync::{Arc, OnceLock};
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

/// Where the watch is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Reached {
    at: Revision,
    /// Whether the stream of news is open.
    live: bool,
}

/// The revision up to which the watchers have been told of everything. It never goes back.
pub(crate) struct Position {
    reached: watch::Sender<Reached>,
    /// Held while watchers are told, so that they hear of one commit after the other.
    telling: Mutex<()>,
    watchers: RwLock<Vec<(Key, Arc<dyn Watcher>)>>,
    condemned: OnceLock<String>,
}

impl Default for Position {
    fn default() -> Self {
        Self {
            reached: watch::Sender::new(Reached { at: Revision(0), live: false }),
            telling: Mutex::default(),
            watchers: RwLock::default(),
            condemned: OnceLock::new(),
        }
    }
}

impl Position {
    pub fn reached(&self) -> Revision {
        self.reached.borrow().at
    }

    pub fn watch(&self, prefix: Key, watcher: Arc<dyn Watcher>) {
        self.watchers.write().push((prefix, watcher));
    }

    /// Says whether news arrive at the moment.
    pub fn set_live(&self, live: bool) {
        self.reached.send_if_modified(|reached| std::mem::replace(&mut reached.live, live) != live);
    }

    /// Tells the watchers of these commits, which are in order and follow each other without a gap.
    pub fn advance(&self, changes: &[(Revision, Vec<Key>)]) {
        let _telling = self.telling.lock();
        let known = self.reached();
        for (at, keys) in changes.iter().filter(|(at, keys)| *at > known && !keys.is_empty()) {
            self.tell(keys, *at);
        }
        self.move_to(changes.last().map_or(known, |(at, _)| *at));
    }

    /// Tells the watchers of a commit of this node's own, of which they will hear again in its place.
    pub fn tell_early(&self, keys: &[Key], at: Revision) {
        let _telling = self.telling.lock();
        self.tell(keys, at);
    }

    /// Goes on at `to`, past news that cannot be had any more.
    pub fn jump(&self, to: Revision) {
        let _telling = self.telling.lock();
        self.watchers.read().iter().for_each(|(_, watcher)| watcher.lost());
        self.move_to(to);
    }

    /// Makes the watchers forget everything, without having moved.
    pub fn forget(&self) {
        self.jump(Revision(0));
    }

    /// Waits until the watchers were told of everything up to `at`. `false`: not before `deadline`, or, if that is all
    /// that the caller wants to wait for, no news arrive at the moment.
    pub async fn come_to(&self, at: Revision, deadline: Instant, only_if_live: bool) -> bool {
        let mut reached = self.reached.subscribe();
        let there = reached.wait_for(|reached| reached.at >= at || (only_if_live && !reached.live));
        matches!(timeout_at(deadline, there).await, Ok(Ok(reached)) if reached.at >= at)
    }

    /// Refuses a cluster that is behind what this process has seen in it, now and for good: rows that were acknowledged are
    /// gone, and revisions would be given out for a second time. `known` is what had been reached before asking.
    pub fn check(&self, newest: Revision, known: Revision) -> Result<(), StoreError> {
        if newest < known {
            return Err(self.condemn(format!(
                "etcd is at revision {}, but this server has seen {}: a backup was restored, or members lost their last \
                 writes. Make sure of the data, then restart all servers",
                newest.0, known.0
            )));
        }
        self.sound()
    }

    /// Refuses all work from now on.
    pub fn condemn(&self, why: String) -> StoreError {
        let told = self.condemned.get_or_init(|| {
            tracing::error!("{why}");
            why
        });
        self.forget();
        StoreError::Corrupt(told.clone())
    }

    /// Whether nothing was ever condemned.
    pub fn sound(&self) -> Result<(), StoreError> {
        self.condemned.get().map_or(Ok(()), |why| Err(StoreError::Corrupt(why.clone())))
    }

    fn move_to(&self, at: Revision) {
        self.reached.send_if_modified(|reached| {
            let further = at > reached.at;
            reached.at = reached.at.max(at);
            further
        });
    }

    fn tell(&self, keys: &[Key], at: Revision) {
        for (prefix, watcher) in self.watchers.read().iter() {
            let within: Vec<Key> = keys.iter().filter(|key| key.starts_with(prefix)).cloned().collect();
            if !within.is_empty() {
                watcher.changed(&within, at);
            }
        }
    }
}
