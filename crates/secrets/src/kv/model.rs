//! A secret: its history, its versions, and the rows that they are.
//!
//! | Row | Holds |
//! | --- | --- |
//! | `config` | the mount's [`Settings`] |
//! | `s/{path}` | the history of a secret and its newest version, see [`super::row`] |
//! | `v/{path}/{number}` | the data of an older version |
//!
//! So the newest version is one row, and a write is two: the version that was newest moves out. All rows of a secret but
//! the first lie side by side. A row of an older version is written once and never changed; whether it may be read is said
//! by the history alone.
use super::row::{Row, Versioned};
use super::settings::Settings;
use kw_engine::{Cx, Fault, Request, Response, Time, Txn, View};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What the rows of secrets begin with.
pub(super) const SECRETS: &str = "s/";

/// Works on the secret of a path.
#[derive(Request)]
pub(super) struct At {
    /// The path of the secret, below the mount.
    #[capture]
    pub path: String,
}

/// Whether there is such a secret: the difference between `create` and `update`.
pub(super) async fn exists(_: &Cx<'_>, view: View<'_>, at: At) -> Result<bool, Fault> {
    view.exists(&secret_row(&at.path)).await
}

pub(super) fn secret_row(path: &str) -> String {
    let mut name = String::with_capacity(SECRETS.len() + path.len());
    name.push_str(SECRETS);
    name.push_str(path);
    name
}

/// The number has a fixed width so that the rows of a secret are in order.
pub(super) fn version_row(path: &str, number: u64) -> String {
    format!("v/{path}/{number:010}")
}

/// A secret, taken out of its rows to be changed; [`Secret::store`] puts it back.
pub(super) struct Secret {
    path: String,
    pub history: History,
    /// The data of the newest version as JSON; empty while there is none, and when it is destroyed.
    newest: String,
}

/// All that is known of a secret but its data.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct History {
    pub created: Time,
    /// When the last version was made or the metadata changed.
    pub updated: Time,
    /// The number of the newest version; the first is 1.
    pub current: u64,
    /// The lowest number that is kept, once something was not; until then 0.
    pub oldest: u64,
    /// How often the metadata was changed; what `metadata_cas` is compared with.
    pub metadata_version: u64,
    pub settings: Settings,
    /// The caller's own notes; `None` rather than empty.
    pub custom: Option<BTreeMap<String, String>>,
    pub versions: BTreeMap<u64, Version>,
}

/// One version, without its data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "(Time, Time, bool)", into = "(Time, Time, bool)")]
pub(super) struct Version {
    pub created: Time,
    /// When it deletes itself, or was deleted; [`Time::ZERO`]: never.
    pub ends: Time,
    pub destroyed: bool,
}

/// What an answer says of a version.
#[derive(Serialize, Response)]
pub(super) struct Facts {
    /// When the version was made.
    #[field(kind = "Time")]
    pub created_time: String,
    /// The caller's own notes on the secret.
    #[field(kind = "Map")]
    pub custom_metadata: Option<BTreeMap<String, String>>,
    /// When the version was or will be deleted; empty: never.
    #[field(kind = "Time")]
    pub deletion_time: String,
    /// Whether the data is gone for ever.
    #[field(kind = "Bool")]
    pub destroyed: bool,
    /// The number of the version.
    #[field(kind = "Integer")]
    pub version: u64,
}

impl Secret {
    /// A secret that is not there yet.
    pub fn new(path: &str, now: Time) -> Self {
        let history = History { created: now, updated: now, ..History::default() };
        Self { path: path.to_owned(), history, newest: String::new() }
    }

    /// Takes a secret out of its row, in either form.
    pub async fn load(view: View<'_>, path: &str) -> Result<Option<Self>, Fault> {
        let Some(bytes) = view.get_bytes(&secret_row(path)).await? else { return Ok(None) };
        Row::parse(&bytes).and_then(|row| Self::of_row(path, row)).map(Some)
    }

    pub fn of_row(path: &str, row: Row<'_>) -> Result<Self, Fault> {
        let (history, newest) = match row {
            Row::Plain { created, data, .. } => (History::of_plain(created), data),
            Row::Versioned(Versioned { history, data, .. }) => {
                let history = serde_json::from_str(history)
                    .map_err(|e| Fault::internal(format_args!("the history of a secret: {:?}", e.classify())))?;
                (history, data)
            }
        };
        Ok(Self { path: path.to_owned(), history, newest: newest.to_owned() })
    }

    /// Puts it back.
    pub fn store(&self, txn: Txn<'_>) -> Result<(), Fault> {
        let json = |e: serde_json::Error| Fault::internal(format_args!("a secret's history: {:?}", e.classify()));
        let facts = match self.history.facts(self.history.current) {
            Some(facts) => serde_json::to_string(&facts).map_err(json)?,
            None => String::new(),
        };
        let history = serde_json::to_string(&self.history).map_err(json)?;
        let ends = self.history.versions.get(&self.history.current).map_or(Time::ZERO, |v| v.ends);
        let row = Row::Versioned(Versioned { ends, facts: &facts, history: &history, data: &self.newest });
        txn.put_bytes(&secret_row(&self.path), row.to_bytes());
        Ok(())
    }

    /// Adds a version, and lets go of those that are too many.
    pub fn add(&mut self, txn: Txn<'_>, data: &str, mount: &Settings, now: Time) {
        if !self.newest.is_empty() {
            let row = version_row(&self.path, self.history.current);
            txn.put_bytes(&row, std::mem::take(&mut self.newest).into_bytes());
        }
        data.clone_into(&mut self.newest);
        for dropped in self.history.add(mount, now) {
            txn.delete(&version_row(&self.path, dropped));
        }
    }

    /// The data of a version as JSON, whether it may be read or not; `None` if it is destroyed.
    pub async fn data(&self, view: View<'_>, number: u64) -> Result<Option<String>, Fault> {
        if number == self.history.current {
            return Ok(Some(self.newest.clone()).filter(|data| !data.is_empty()));
        }
        let Some(bytes) = view.get_bytes(&version_row(&self.path, number)).await? else { return Ok(None) };
        String::from_utf8(bytes.into()).map(Some).map_err(|_| Fault::internal("the data of a version is damaged"))
    }

    /// Destroys a version for ever.
    pub fn destroy(&mut self, txn: Txn<'_>, number: u64) {
        let Some(version) = self.history.versions.get_mut(&number) else { return };
        version.destroyed = true;
        if number == self.history.current {
            self.newest.clear();
        } else {
            txn.delete(&version_row(&self.path, number));
        }
    }

    /// Removes all that is of this secret.
    pub fn forget(self, txn: Txn<'_>) {
        txn.delete(&secret_row(&self.path));
        for number in self.history.versions.keys() {
            txn.delete(&version_row(&self.path, *number));
        }
    }
}

impl History {
    /// A secret from before its mount had versions: what it held is version 1.
    fn of_plain(created: Time) -> Self {
        let version = Version { created, ends: Time::ZERO, destroyed: false };
        Self { created, updated: created, current: 1, versions: BTreeMap::from([(1, version)]), ..Self::default() }
    }

    /// What is answered about a version; `None` if there is no such version (any more).
    pub fn facts(&self, number: u64) -> Option<Facts> {
        let version = self.versions.get(&number)?;
        Some(Facts {
            created_time: version.created.rfc3339(),
            custom_metadata: self.custom.clone(),
            deletion_time: version.deletion_time(),
            destroyed: version.destroyed,
            version: number,
        })
    }

    /// Adds the newest version; the numbers that are no longer kept are returned.
    fn add(&mut self, mount: &Settings, now: Time) -> Vec<u64> {
        self.current += 1;
        self.updated = now;
        let ends = self.settings.ends(mount, now);
        self.versions.insert(self.current, Version { created: now, ends, destroyed: false });
        let kept = self.settings.versions_kept(mount);
        if self.current - self.oldest < kept {
            return Vec::new();
        }
        self.oldest = self.current - kept + 1;
        let still = self.versions.split_off(&self.oldest);
        std::mem::replace(&mut self.versions, still).into_keys().collect()
    }
}

impl Version {
    pub fn is_live(&self, now: Time) -> bool {
        !self.destroyed && (self.ends == Time::ZERO || self.ends > now)
    }

    /// The time as it is answered; empty: never.
    pub fn deletion_time(&self) -> String {
        if self.ends == Time::ZERO { String::new() } else { self.ends.rfc3339() }
    }
}

impl From<(Time, Time, bool)> for Version {
    fn from((created, ends, destroyed): (Time, Time, bool)) -> Self {
        Self { created, ends, destroyed }
    }
}

impl From<Version> for (Time, Time, bool) {
    fn from(version: Version) -> Self {
        (version.created, version.ends, version.destroyed)
    }
}

