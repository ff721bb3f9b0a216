//! What a run is to be: all of it follows from the seed, unless a test wants it otherwise.
use crate::chance::Dice;
use crate::flaw::Flaw;
use crate::link::Sort;

/// A run before it runs.
#[derive(Clone, Debug)]
pub struct Plan {
    pub seed: u64,
    pub sort: Sort,
    pub nodes: u32,
    pub clients: u32,
    /// Operations of all clients together.
    pub operations: u32,
    pub faults: Faults,
    pub flaw: Flaw,
    /// Passwords are checked by `userpass`, on other threads. Such a run is not the same each time.
    pub real_passwords: bool,
}

/// How much goes wrong.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    /// How many times something is done to a node.
    pub strokes: u32,
    pub latency_ms: u64,
    /// Of a thousand commits, so many get no reply.
    pub lost_replies: u64,
    pub news_ms: u64,
    /// Of a thousand requests to the outside world, so many fail.
    pub trouble: u64,
    /// Of a thousand clients' requests, so many are given up by their client at some step.
    pub impatience: u64,
    /// By how much clocks differ from the beginning, in seconds.
    pub skew_seconds: u64,
}

impl Plan {
    /// The run of this seed: of ten, one is without faults, and two are on a store of a single node.
    pub fn of(seed: u64) -> Self {
        let dice = Dice::new(seed ^ 0x5eed);
        let is_calm = seed.is_multiple_of(10);
        let sort = if matches!(seed % 10, 3 | 7) { Sort::Local } else { Sort::Shared };
        let faults = Faults {
            strokes: dice.between(1, 7) as u32,
            latency_ms: dice.between(1, 25),
            lost_replies: *dice.pick(&[0, 5, 20, 60]).unwrap_or(&0),
            news_ms: *dice.pick(&[5, 50, 400, 3000]).unwrap_or(&0),
            trouble: *dice.pick(&[0, 50, 150]).unwrap_or(&0),
            impatience: *dice.pick(&[0, 30, 150]).unwrap_or(&0),
            skew_seconds: *dice.pick(&[0, 1, 20]).unwrap_or(&0),
        };
        let calm = Faults { latency_ms: faults.latency_ms, news_ms: faults.news_ms, ..Faults::default() };
        Self {
            seed,
            sort,
            nodes: if sort == Sort::Local { 1 } else { dice.between(2, 4) as u32 },
            clients: dice.between(3, 7) as u32,
            operations: dice.between(60, 110) as u32,
            faults: if is_calm { calm } else { faults },
            flaw: Flaw::None,
            real_passwords: false,
        }
    }

    /// Whether nothing goes wrong.
    pub fn is_calm(&self) -> bool {
        self.faults.strokes == 0
    }

    /// The same run with something wrong in it.
    #[must_use]
    pub fn with(mut self, flaw: Flaw) -> Self {
        self.flaw = flaw;
        if flaw == Flaw::NoSync {
            (self.sort, self.nodes) = (Sort::Local, 1);
        } else if flaw != Flaw::None && flaw != Flaw::AuditAfterAnswer {
            (self.sort, self.nodes) = (Sort::Shared, self.nodes.max(2));
        }
        self
    }
}
