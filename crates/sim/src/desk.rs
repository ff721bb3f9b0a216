//! The outside world of a simulation: an engine that lends credentials, and the desk where they are out.
use crate::chance::Dice;
use kw_engine::{Cx, Engine, Fault, Lease, LeaseKind, Leased, Mount, Nothing, Response, Routes, Terms, Ttl, Txn, View};
use serde::{Deserialize, Serialize};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::Duration;
use tokio::time::sleep;

/// What the outside world has seen.
pub enum Deed {
    Lent(u64),
    TakenBack(u64),
}

/// Where credentials are made and taken back. It does what it does at some point between being asked and answering, and
/// sometimes the answer is an error although it was done.
pub struct Desk {
    out: RefCell<BTreeSet<u64>>,
    failures: RefCell<BTreeMap<u64, u32>>,
    deeds: RefCell<Vec<Deed>>,
    dice: Dice,
    /// Of a thousand requests, so many fail.
    trouble: u64,
}

/// So often taking one credential back may fail: the kernel gives a lease up after a few more.
const FAILURES_MAX: u32 = 2;

thread_local! {
    /// An engine holds no state, so its world is found by the thread; a simulation has a thread of its own.
    static WORLD: RefCell<Option<Rc<Desk>>> = const { RefCell::new(None) };
}

impl Desk {
    /// The world of the simulation on this thread from now on.
    pub fn open(dice: Dice, trouble: u64) -> Rc<Self> {
        let (out, failures, deeds) = (RefCell::default(), RefCell::default(), RefCell::default());
        let desk = Rc::new(Self { out, failures, deeds, dice, trouble });
        WORLD.set(Some(desk.clone()));
        desk
    }

    /// The credentials that are good now.
    pub fn out(&self) -> Vec<u64> {
        self.out.borrow().iter().copied().collect()
    }

    /// What was done since this was asked last.
    pub fn deeds(&self) -> Vec<Deed> {
        std::mem::take(&mut self.deeds.borrow_mut())
    }

    fn here() -> Result<Rc<Self>, Fault> {
        WORLD.with_borrow(Clone::clone).ok_or_else(|| Fault::unavailable("there is no world on this thread"))
    }

    async fn pause(&self) {
        match self.dice.below(12) {
            0..=5 => tokio::task::yield_now().await,
            6 => sleep(Duration::from_millis(self.dice.below(4000))).await,
            _ => sleep(Duration::from_millis(self.dice.below(30))).await,
        }
    }

    fn fails(&self) -> Result<(), Fault> {
        if self.dice.permille(self.trouble) { Err(Fault::unavailable("the desk is closed")) } else { Ok(()) }
    }

    async fn lend(&self, number: u64) -> Result<(), Fault> {
        self.pause().await;
        self.fails()?;
        self.out.borrow_mut().insert(number);
        self.deeds.borrow_mut().push(Deed::Lent(number));
        self.pause().await;
        self.fails()
    }

    async fn take_back(&self, number: u64) -> Result<(), Fault> {
        self.pause().await;
        self.fails_at_times(number)?;
        if self.out.borrow_mut().remove(&number) {
            self.deeds.borrow_mut().push(Deed::TakenBack(number));
        }
        self.pause().await;
        self.fails_at_times(number)
    }

    fn fails_at_times(&self, number: u64) -> Result<(), Fault> {
        let mut failures = self.failures.borrow_mut();
        let count = failures.entry(number).or_default();
        if *count >= FAILURES_MAX {
            return Ok(());
        }
        let outcome = self.fails();
        *count += u32::from(outcome.is_err());
        outcome
    }
}

/// An engine that lends numbers.
pub struct Lender(Routes);

#[derive(Serialize, Deserialize)]
struct Loan {
    number: u64,
}

#[derive(Serialize, Response)]
struct Lent {
    number: u64,
}

impl Lease for Loan {
    const KIND: &'static str = "loan";
    type Secret = Lent;

    async fn create(&self, _: &Cx<'_>, _: View<'_>) -> Result<Lent, Fault> {
        Desk::here()?.lend(self.number).await?;
        Ok(Lent { number: self.number })
    }

    async fn renew(&self, _: &Cx<'_>, _: Txn<'_>, asked: Terms) -> Result<Terms, Fault> {
        Ok(asked)
    }

    async fn revoke(&self, _: &Cx<'_>, _: Txn<'_>) -> Result<(), Fault> {
        Desk::here()?.take_back(self.number).await
    }
}

/// How long a loan lasts that nobody renews, in seconds: longer than all jumps of the clocks and what
/// [`crate::history::Phase::Revoked`] waits, but not over a night.
pub const LOAN_SECONDS: u64 = 5 * 3600;

/// How long one lasts at most.
pub const LOAN_MAX_SECONDS: u64 = 15 * 3600;

impl Lender {
    pub fn new() -> Self {
        let lend = async |cx: &Cx<'_>, _: Txn<'_>, _: Nothing| {
            let ttl = Ttl::from_seconds(LOAN_SECONDS);
            let loan = Loan { number: Desk::here()?.dice.next() >> 32 };
            let max_ttl = Ttl::from_seconds(LOAN_MAX_SECONDS);
            Ok::<Leased<Loan>, Fault>(cx.issue(loan, Terms { ttl, max_ttl, renewable: true }))
        };
        Self(Routes::new().at("lend").write(lend))
    }
}

impl Engine for Lender {
    fn kind(&self) -> &'static str {
        "lender"
    }

    fn doc(&self) -> &'static str {
        ""
    }

    fn routes(&self, _: &Mount) -> &Routes {
        &self.0
    }

    fn variants(&self) -> Vec<(&'static str, &Routes)> {
        vec![("", &self.0)]
    }

    fn leases(&self) -> Vec<LeaseKind> {
        vec![LeaseKind::of::<Loan>()]
    }
}
