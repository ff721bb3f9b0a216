//! How long something lives that is made with a time and given more of it by renewals, as far as its users can know.
use crate::history::{Operation, Outcome, Tick};

const NANOS: i64 = 1_000_000_000;

/// Something may end so long before the end that its users know of, in seconds: all jumps of the clocks together are less.
pub const SLACK_SECONDS: i64 = 9000;

/// What making it and each renewal say of its end.
#[derive(Default)]
pub struct Life(Vec<Given>);

/// Time that was given, or may have been.
struct Given {
    begin: Tick,
    /// When it was certain; `None` where no answer came.
    end: Option<Tick>,
    /// It ends not before this, by the clocks, in nanoseconds since 1970.
    earliest: i64,
    /// Nor after this.
    latest: i64,
}

impl Life {
    /// `operation` may have given `asked` seconds from its moment, but not beyond `bound`, in nanoseconds since 1970: at the
    /// earliest and at the latest. What was really given, its answer may say.
    pub fn give(&mut self, operation: &Operation, asked: u64, told: Option<u64>, bound: (i64, i64)) {
        let (first, last) = (operation.clock.0.min(operation.clock.1), operation.clock.0.max(operation.clock.1));
        let is_certain = matches!(operation.outcome, Outcome::Ok(_));
        if !is_certain && !operation.is_unknown() {
            return;
        }
        let end = operation.end.filter(|_| is_certain);
        let earliest = plus(first, told.unwrap_or(asked)).min(bound.0);
        // One without an answer may have come to its moment much later.
        let latest = if is_certain { plus(last, told.unwrap_or(asked)).min(bound.1) } else { bound.1 };
        self.0.push(Given { begin: operation.begin, end, earliest, latest });
    }

    /// The latest end that a request can see which ends at `at`.
    pub fn latest_end(&self, at: Tick) -> i64 {
        self.0.iter().filter(|given| given.begin < at).map(|given| given.latest).max().unwrap_or(i64::MAX)
    }

    /// The earliest end that something can see which happens in `begin..end`. Renewals can shorten a life, too.
    pub fn earliest_end(&self, begin: Tick, end: Tick) -> i64 {
        let is_over = |given: &Given| {
            let by = |later: &Given| given.end.is_some_and(|e| e < later.begin) && later.end.is_some_and(|e| e < begin);
            self.0.iter().any(by)
        };
        let in_force = self.0.iter().filter(|given| given.begin < end && !is_over(given));
        in_force.map(|given| given.earliest).min().unwrap_or(i64::MIN)
    }

    /// Whether nobody could have ended it for its time, by a clock that showed `clock` then.
    pub fn surely_lives(&self, begin: Tick, end: Tick, clock: i64) -> bool {
        clock.saturating_add(SLACK_SECONDS * NANOS) < self.earliest_end(begin, end)
    }
}

/// A clock so many seconds later.
pub fn plus(clock: i64, seconds: u64) -> i64 {
    clock.saturating_add(i64::try_from(seconds).unwrap_or(i64::MAX).saturating_mul(NANOS))
}
