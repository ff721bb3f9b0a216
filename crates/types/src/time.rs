//! Points in time, and where they come from.
use crate::Ttl;
use serde::{Deserialize, Serialize};
use std::cell::RefCell;
use std::fmt;

/// A point in time: nanoseconds since 1970-01-01T00:00:00Z. Stored as that number, shown as RFC 3339.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Time(i64);

const NANOS: i64 = 1_000_000_000;

thread_local! {
    /// Seconds that were formatted lately, and their texts.
    static SECONDS: RefCell<[(i64, String); 16]> = RefCell::default();
}

/// Appends nanoseconds as a fraction without trailing zeros; nothing for zero.
fn push_fraction(nanos: i64, out: &mut Vec<u8>) {
    if nanos == 0 {
        return;
    }
    // With a second before it, its leading zeros are written.
    let mut digits = itoa::Buffer::new();
    let digits = digits.format(NANOS + nanos).trim_end_matches('0').as_bytes();
    out.push(b'.');
    out.extend_from_slice(digits.get(1..).unwrap_or_default());
}

impl Time {
    /// Go's zero time in answers: never.
    pub const ZERO: Time = Time(0);

    pub fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    pub fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(NANOS))
    }

    pub fn nanos(self) -> i64 {
        self.0
    }

    pub fn seconds(self) -> i64 {
        self.0.div_euclid(NANOS)
    }

    pub fn millis(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// This time plus a time to live; stays at the end of representable time rather than wrap.
    #[must_use]
    pub fn plus(self, ttl: Ttl) -> Self {
        Self(self.0.saturating_add(i64::try_from(ttl.seconds()).unwrap_or(i64::MAX).saturating_mul(NANOS)))
    }

    /// What is left until `self`, seen from `now`, in whole seconds rounded to the nearest; zero when it is past.
    pub fn left(self, now: Time) -> Ttl {
        let nanos = self.0.saturating_sub(now.0).max(0);
        Ttl::from_seconds(u64::try_from(nanos.saturating_add(NANOS / 2) / NANOS).unwrap_or(0))
    }

    /// How long ago `earlier` was, in whole seconds; zero if it is not past.
    pub fn since(self, earlier: Time) -> Ttl {
        Ttl::from_seconds(u64::try_from(self.0.saturating_sub(earlier.0).max(0) / NANOS).unwrap_or(0))
    }

    /// RFC 3339 with nanoseconds, in UTC; year 1 for [`Time::ZERO`], as Go prints its zero time.
    pub fn rfc3339(self) -> String {
        let mut out = Vec::with_capacity(30);
        self.push_rfc3339(&mut out);
        String::from_utf8(out).unwrap_or_default()
    }

    /// Appends the same.
    pub fn push_rfc3339(self, out: &mut Vec<u8>) {
        if self == Self::ZERO {
            out.extend_from_slice(b"0001-01-01T00:00:00Z");
            return;
        }
        SECONDS.with_borrow_mut(|recent| {
            let slot = usize::try_from(self.seconds().rem_euclid(16)).unwrap_or(0);
            let Some((second, text)) = recent.get_mut(slot) else { return };
            if *second != self.seconds() || text.is_empty() {
                // The date of a second is formatted once; within it only the fraction changes.
                *text = jiff::Timestamp::from_second(self.seconds()).map(|t| t.to_string()).unwrap_or_default();
                text.truncate(text.trim_end_matches('Z').len());
                *second = self.seconds();
            }
            out.extend_from_slice(text.as_bytes());
        });
        push_fraction(self.0.rem_euclid(NANOS), out);
        out.push(b'Z');
    }

    /// Reads RFC 3339, or whole seconds since 1970.
    pub fn parse(text: &str) -> Option<Self> {
        if let Ok(seconds) = text.parse::<i64>() {
            return Some(Self::from_seconds(seconds));
        }
        let nanos = text.parse::<jiff::Timestamp>().ok()?.as_nanosecond();
        i64::try_from(nanos).ok().map(Self)
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.rfc3339())
    }
}

/// Where the time comes from: the system, or a simulation.
pub trait Clock: Send + Sync + 'static {
    fn now(&self) -> Time;
}

/// The system's wall clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one place where the wall clock enters")]
    fn now(&self) -> Time {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Time(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
    }
}
