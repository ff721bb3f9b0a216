//! A walk along the index of what expires when.
//!
//! What was ended leaves a gap that the store still has to step over, and a lease whose peer does not answer stays where it is. A
//! walk therefore goes on where it stopped, and begins anew from time to time: another node, whose clock is behind, may have
//! put something where it has been already.
use crate::kernel::Kernel;
use crate::pace::give_way;
use crate::rows::EXPIRY;
use kw_store::Page;
use kw_types::{Fault, Time, Ttl};

/// How long a walk goes on before it begins anew.
const ANEW: Ttl = Ttl::from_seconds(10);

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

/// How far it has come.
#[derive(Default)]
pub(crate) struct Walk {
    after: String,
    /// When it began.
    began: Time,
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
    let now = format!("{:016x}", kernel.now().nanos().max(0));
    let (mut count, mut after) = (0, String::new());
    loop {
        let mut names = kernel.view(EXPIRY).names("", Page { after: &after, limit: STEP }).await?;
        names.retain(|name| name.get(..now.len()).is_some_and(|deadline| deadline <= now.as_str()));
        let Some(last) = names.last() else { return Ok(count) };
        after.clone_from(last);
        count += names.len();
        give_way().await;
    }
}

impl Walk {
    /// Where the next round goes on: at the beginning, where the last time was long ago or the clock went back.
    pub(super) fn resume(&mut self, now: Time) {
        if now < self.seen || now.since(self.began) >= ANEW {
            (self.after, self.began) = (String::new(), now);
        }
        self.seen = now;
    }

    /// The next that are due, a few at a time, and only then is the walk beyond them; empty at the end of what is due.
    pub(super) async fn next(&mut self, kernel: &Kernel, kind: Kind) -> Result<Vec<Due>, Fault> {
        for _ in 0..PASSED_MAX {
            let now = format!("{:016x}", kernel.now().nanos().max(0));
            let page = Page { after: &self.after, limit: STEP };
            let mut names = kernel.view(EXPIRY).names("", page).await?;
            names.retain(|name| name.get(..now.len()).is_some_and(|deadline| deadline <= now.as_str()));
            let Some(last) = names.last() else { break };
            self.after.clone_from(last);
            let due: Vec<Due> = names.into_iter().filter_map(|name| Due::of_kind(name, kind)).collect();
            if !due.is_empty() {
                return Ok(due);
            }
            give_way().await;
        }
        Ok(Vec::new())
    }
}

impl Due {
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
