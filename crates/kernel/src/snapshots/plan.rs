//! What is to be done, and how it went, as it is stored.
use kw_types::{Secret, Time, Ttl};
use serde::{Deserialize, Serialize};

/// The row `sys/snapshot-plan/<name>`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Plan {
    /// From the beginning of one snapshot to that of the next.
    pub interval: Ttl,
    /// How many are kept; 0: all.
    pub retain: u64,
    /// How long they are kept; zero: for ever. The newest is kept in any case.
    pub retain_age: Ttl,
    /// What the names of the files begin with.
    pub file_prefix: String,
    /// The directory; or what comes before the name in the URL.
    pub path_prefix: String,
    pub target: Target,
}

/// Where snapshots go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "storage_type", rename_all = "lowercase")]
pub(crate) enum Target {
    /// A directory of the node that takes them.
    Local {
        /// The most bytes that the files of the plan have together; 0: no bound.
        max_space: u64,
    },
    /// A server that takes files by PUT and removes them by DELETE.
    Http {
        url: String,
        /// The name of a header that is sent along; empty: none.
        header_name: String,
        header_value: Secret<String>,
    },
}

impl Target {
    /// The word in the API.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Local { .. } => "local",
            Self::Http { .. } => "http",
        }
    }
}

/// The row `sys/snapshot-state/<name>`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PlanState {
    /// When the next one is due.
    pub next: Time,
    /// When the last attempt began.
    pub started: Time,
    /// When it ended, well or not.
    pub ended: Time,
    /// Why it failed; empty if it did not.
    pub error: String,
    /// How many failed, one after the other.
    pub errors: u32,
    /// The newest that was rehearsed.
    pub last: Option<Taken>,
    /// Those on a remote server, the newest first.
    pub kept: Vec<Taken>,
}

/// A snapshot that was taken and rehearsed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Taken {
    /// The name of its file.
    pub name: String,
    /// Where it is.
    pub url: String,
    pub taken: Time,
    /// Of the file.
    pub bytes: u64,
    /// How many rows the rehearsal has restored and decrypted.
    pub rows: u64,
    pub rehearsed: Time,
}

/// Which of these are to go, given the times of all, the newest first, and that the first was rehearsed.
pub(super) fn surplus(plan: &Plan, taken: &[Time], now: Time) -> Vec<usize> {
    let goes = |at: usize, taken: Time| {
        let too_many = plan.retain > 0 && at as u64 >= plan.retain;
        let too_old = !plan.retain_age.is_zero() && now.since(taken) > plan.retain_age;
        at > 0 && (too_many || too_old)
    };
    taken.iter().enumerate().filter(|(at, time)| goes(*at, **time)).map(|(at, _)| at).collect()
}
