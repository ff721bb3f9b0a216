//! What happened: every request with its begin, its end and its outcome, and what the outside world saw.
//!
//! A history is plain data, one JSON line an event. The checkers in [`crate::check`] read nothing else, so a history that was
//! recorded over HTTP from a real cluster can be judged by them too.
use serde::{Deserialize, Serialize};

/// A point in the one order of everything in a history. In a simulation no two are the same; a recorder of a real cluster uses
/// nanoseconds of one monotonic clock.
pub type Tick = u64;

/// A token, by the number that the history gives it. Tokens that nothing is checked of (root) have none.
pub type TokenNumber = u32;

/// A share of the key that opens the store by itself, by the number that the history gives it. 0 is that of the beginning.
pub type ShareNumber = u32;

/// A path where an engine may be mounted, by the number that the history gives it.
pub type Place = u32;

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    Operation(Operation),
    /// The outside world made this credential.
    Lent {
        at: Tick,
        credential: u64,
    },
    /// The outside world took it back.
    TakenBack {
        at: Tick,
        credential: u64,
        /// What that clock of a node showed which was ahead of all others, in nanoseconds since 1970.
        #[serde(default)]
        latest: i64,
    },
    /// All faults are over, and the jobs have had the time that they need.
    Settled {
        at: Tick,
        phase: Phase,
        /// Credentials that are still good.
        out: Vec<u64>,
        /// How many rows of leases are left.
        lease_rows: usize,
        /// How many rows belong to engines that are not mounted any more.
        #[serde(default)]
        stray_rows: usize,
    },
    /// What was done to the nodes: for whoever reads a failure; no checker needs it.
    Fault {
        at: Tick,
        node: u32,
        what: String,
    },
}

/// How much time had passed when the world was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Enough for all that was revoked to be taken back, but no lease has come to its own end.
    Revoked,
    /// Every lease has come to its end.
    Expired,
}

/// One request and what came of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Operation {
    pub id: u64,
    pub client: u32,
    pub node: u32,
    pub begin: Tick,
    /// Never, if no answer came.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub end: Option<Tick>,
    /// What the node's wall clock showed, in nanoseconds since 1970, when the request came and when the answer left.
    pub clock: (i64, i64),
    /// The token that asked.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub by: Option<TokenNumber>,
    #[serde(flatten)]
    pub action: Action,
    pub outcome: Outcome,
    /// Whether the audit log held the two entries of this request when the answer left; `None` where nobody looked.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub audited: Option<Audited>,
}

/// What was asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum Action {
    /// Makes a token; `uses` of 0 are any number.
    TokenCreate {
        token: TokenNumber,
        parent: Option<TokenNumber>,
        uses: u64,
        ttl_seconds: u64,
    },
    /// Uses a token for what every token may do.
    TokenUse,
    /// Gives a token more time, counted from now, but none beyond so many seconds after it was made. The answer says how much.
    TokenRenew {
        token: TokenNumber,
        increment_seconds: u64,
        max_seconds: u64,
    },
    /// Ends a token and all its descendants.
    TokenRevoke {
        token: TokenNumber,
    },
    /// Writes a document; with `cas`, only onto that version (0: only if there is none).
    KvWrite {
        key: String,
        cas: Option<u64>,
        value: u64,
    },
    KvRead {
        key: String,
    },
    /// Makes a wrapping token, or a secret id, or anything else that is good for so many successes.
    CountedCreate {
        kind: String,
        number: u32,
        uses: u64,
    },
    CountedUse {
        kind: String,
        number: u32,
    },
    /// Logs in with a password; `right` when it is the right one.
    Login {
        user: String,
        right: bool,
    },
    /// Sets whether a policy allows something.
    PolicyWrite {
        policy: String,
        allows: bool,
    },
    /// Does what the policy may or may not allow.
    PolicyUse {
        policy: String,
    },
    /// Asks for a credential.
    LeaseIssue,
    /// Gives the lease of a credential more time, counted from now. The answer says how much.
    LeaseRenew {
        credential: u64,
        increment_seconds: u64,
    },
    /// Ends the lease of a credential.
    LeaseRevoke {
        credential: u64,
    },
    /// Puts the thing that is always somewhere elsewhere.
    ThingBring,
    /// Looks where it is.
    ThingSeek,
    /// Mounts a new engine, which holds nothing.
    MountEnable {
        place: Place,
    },
    /// Takes away what is mounted there, if anything is, with all that it holds.
    MountDisable {
        place: Place,
    },
    /// Moves what is mounted, with all that it holds.
    MountMove {
        from: Place,
        to: Place,
    },
    /// Changes a setting of what is mounted.
    MountTune {
        place: Place,
    },
    /// Writes the one document of what is mounted there.
    MountWrite {
        place: Place,
        value: u64,
    },
    MountRead {
        place: Place,
    },
    /// Goes towards a new share of the key, without an effect on which one is good.
    RekeyPrepare,
    /// Makes this share the good one.
    Rekey {
        share: ShareNumber,
    },
    /// Makes a new key for what is written from now on.
    Rotate,
    /// Tries to open a node with this share.
    Unseal {
        share: ShareNumber,
    },
}

/// What came of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It was done.
    Ok(Seen),
    /// It was not done, for a reason that the status says: 4xx.
    Refused { status: u16 },
    /// It may have been done, now or later: 5xx, or no answer.
    Unknown { why: String },
}

/// What the answer said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub version: Option<u64>,
    /// The value that was read, the credential that was made, or the time that was given, in seconds.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub value: Option<u64>,
}

/// The entries of one request in the audit log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Audited {
    pub request: bool,
    pub response: bool,
}

impl Operation {
    pub fn is_ok(&self) -> bool {
        matches!(self.outcome, Outcome::Ok(_))
    }

    pub fn is_unknown(&self) -> bool {
        matches!(self.outcome, Outcome::Unknown { .. })
    }

    /// Whether this was over before the other began.
    pub fn precedes(&self, other: &Operation) -> bool {
        self.end.is_some_and(|end| end < other.begin)
    }
}

/// Events in the order in which they ended.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    pub events: Vec<Event>,
}

impl History {
    pub fn operations(&self) -> impl Iterator<Item = &Operation> {
        self.events.iter().filter_map(|event| match event {
            Event::Operation(operation) => Some(operation),
            _ => None,
        })
    }

    /// One JSON line an event.
    pub fn to_lines(&self) -> Result<String, serde_json::Error> {
        let mut out = String::new();
        for event in &self.events {
            out.push_str(&serde_json::to_string(event)?);
            out.push('\n');
        }
        Ok(out)
    }

    /// Reads what [`History::to_lines`] wrote. Errors: the first line that is no event.
    pub fn from_lines(text: &str) -> Result<Self, serde_json::Error> {
        let events =
            text.lines().filter(|line| !line.is_empty()).map(serde_json::from_str).collect::<Result<_, _>>()?;
        Ok(Self { events })
    }
}
