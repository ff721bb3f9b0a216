//! A walk along the index of what expires when.
//!
//! What was ended leaves a gap that the store has to step over in one go until it is folded, and a lease whose peer does not
//! answer stays where it is. A walk therefore goes on where it stopped. From time to time it goes back a little, and seldom to
//! the beginning: another node, whose clock is behind, may have put something where it has been already. What is to end at
//! once is at the very beginning, and looked through each time, or as seldom as all else where something had to be left.
use super::row::AT_ONCE;
use crate::kernel::Kernel;
use crate::pace::give_way;
use crate::rows::{EXPIRY, LEASES, TOKENS, expiry};
use kw_store::Page;
use kw_types::{Fault, Time, Ttl};

/// How long a walk goes on before it goes back.
const BACK_AFTER: Ttl = Ttl::from_seconds(10);

/// How far it goes back then: clocks of nodes differ by less, and those that do not wait for the beginning.
const BACK: i64 = 3;

/// How long a walk goes on before it begins anew; as soon as it may go back, if it has passed something over.
const ANEW: Ttl = Ttl::from_seconds(300);

/// How many names are read at a time.
const STEP: usize = 128;

/// How many names of the other kind are passed in one go.
const PASSED_MAX: usize = 64;

/// What is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Token,
    Lease,
}

impl Kind {
    fn rows(self) -> &'static str {
        match self {
            Self::Token => TOKENS,
            Self::Lease => LEASES,
        }
    }
}

/// How far it has come.
#[derive(Default)]
pub(crate) struct Walk {
    after: String,
    /// How far it has come with what is to end at once; `None`: through with it.
    at_once: Option<String>,
    /// When it began.
    began: Time,
    /// When it went back last.
    went_back: Time,
    /// Something that is due was left for later.
    has_left: bool,
    /// When it was here last.
    seen: Time,
}

/// Something that is due: the name of its row in the index, and its own.
#[derive(Clone, Debug)]
pub(super) struct Due {
    pub name: String,
    pub id: String,
}

/// How many tokens and leases are due and have not ended yet.
pub(crate) async fn count_due(kernel: &Kernel) -> Result<usize, Fault> {
    let (end, mut count, mut after) = (end_of_due(kernel), 0, String::new());
    loop {
        let names = kernel.view(EXPIRY).names("", Page::new(&after, STEP).before(&end)).await?;
        let Some(last) = names.last() else { return Ok(count) };
        after.clone_from(last);
        count += names.len();
        give_way().await;
    }
}

/// The first name in the index of what is not due yet. What lies beyond is not looked at: where a tree of tokens was just ended,
/// that would be a hundred thousand gaps.
fn end_of_due(kernel: &Kernel) -> String {
    expiry(Time::from_nanos(kernel.now().nanos().saturating_add(1)), ' ', "")
}

impl Walk {
    /// Where the next round goes on: at the beginning, where the last time was long ago or the clock went back.
    pub(super) fn resume(&mut self, now: Time) {
        let is_time = now.since(self.went_back) >= BACK_AFTER;
        if now < self.seen || now.since(self.began) >= ANEW || is_time && self.has_left {
            *self = Self { began: now, went_back: now, ..Self::default() };
        } else if is_time {
            let back = Time::from_nanos(now.nanos().saturating_sub(BACK * 1_000_000_000));
            self.after = expiry(back, ' ', "").min(std::mem::take(&mut self.after));
            self.went_back = now;
        }
        self.seen = now;
        // Where a peer is stuck there may be very many of its leases, and they are not gone through again so soon.
        if !self.has_left {
            self.at_once = Some(String::new());
        }
    }

    /// Notes that something was passed over and must be found again soon.
    pub(super) fn leave_some(&mut self) {
        self.has_left = true;
    }

    /// The next that are due, a few at a time, and only then is the walk beyond them; empty at the end of what is due.
    pub(super) async fn next(&mut self, kernel: &Kernel, kind: Kind) -> Result<Vec<Due>, Fault> {
        if let (Kind::Lease, Some(after)) = (kind, &self.at_once) {
            let end = expiry(Time::from_nanos(AT_ONCE.nanos() + 1), ' ', "");
            let names = kernel.view(EXPIRY).names("", Page::new(after, STEP).before(&end)).await?;
            self.at_once = names.last().cloned();
            let due = Due::read(kernel, names, kind).await;
            if !due.is_empty() {
                return Ok(due);
            }
        }
        for _ in 0..PASSED_MAX {
            let end = end_of_due(kernel);
            let names = kernel.view(EXPIRY).names("", Page::new(&self.after, STEP).before(&end)).await?;
            let Some(last) = names.last().cloned() else { break };
            let due = Due::read(kernel, names, kind).await;
            self.after = last;
            if !due.is_empty() {
                return Ok(due);
            }
            give_way().await;
        }
        Ok(Vec::new())
    }
}

impl Due {
    /// Those of this kind, whose rows were last read long ago and may be on the disk alone by now: they are fetched together.
    async fn read(kernel: &Kernel, names: Vec<String>, kind: Kind) -> Vec<Self> {
        let due: Vec<Self> = names.into_iter().filter_map(|name| Self::of_kind(name, kind)).collect();
        if due.is_empty() {
            return due;
        }
        kernel.view(kind.rows()).prefetch(due.iter().map(|due| due.id.as_str())).await;
        due
    }

    fn of_kind(name: String, wanted: Kind) -> Option<Self> {
        let (kind, id) = name.split_once('/')?.1.split_once('/')?;
        let fits = match wanted {
            Kind::Token => kind == "t",
            Kind::Lease => kind == "l",
        };
        let id = id.to_owned();
        fits.then_some(Self { name, id })
    }
}
