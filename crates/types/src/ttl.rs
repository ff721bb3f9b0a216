//! Times to live, in the forms that Vault's API takes.
use serde::{Deserialize, Serialize};

/// A time to live in whole seconds. Zero means "not set" wherever Vault's API means that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Ttl(u64);

/// The longest time to live that is taken: 290 years, what a count of nanoseconds in 64 bits can hold.
const SECONDS_MAX: u64 = 9_223_372_036;

impl Ttl {
    pub const ZERO: Ttl = Ttl(0);

    pub const fn from_seconds(seconds: u64) -> Self {
        Self(seconds)
    }

    pub const fn from_hours(hours: u64) -> Self {
        Self(hours * 3600)
    }

    pub const fn seconds(self) -> u64 {
        self.0
    }

    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// `self`, or `other` where `self` is not set.
    #[must_use]
    pub fn or(self, other: Ttl) -> Ttl {
        if self.is_zero() { other } else { self }
    }

    /// The shorter of the two, where zero means "no bound".
    #[must_use]
    pub fn capped(self, bound: Ttl) -> Ttl {
        match (self.0, bound.0) {
            (_, 0) => self,
            (0, _) => bound,
            (a, b) => Ttl(a.min(b)),
        }
    }

    /// Reads what Vault reads: whole seconds (`3600`), or a sequence of numbers with units as Go's `time.ParseDuration`
    /// takes them (`1h30m`, `1.5h`, `250ms`), with `d` for 24 hours and `w` for 7 days besides. Parts of a second are cut off.
    ///
    /// Errors: a text that says what is wrong, without the value; also for what is negative or over 290 years.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let text = text.trim();
        if text.is_empty() {
            return Ok(Self::ZERO);
        }
        if text.starts_with('-') {
            return Err("must not be negative");
        }
        let text = text.strip_prefix('+').unwrap_or(text);
        if text.bytes().all(|b| b.is_ascii_digit()) {
            return text.parse::<u64>().ok().and_then(Self::bounded).ok_or("is too long");
        }
        parse_units(text)
    }

    /// Takes whole seconds from a JSON number.
    pub fn from_number(seconds: f64) -> Result<Self, &'static str> {
        if seconds < 0.0 {
            return Err("must not be negative");
        }
        if seconds > SECONDS_MAX as f64 {
            return Err("is too long");
        }
        Ok(Self(seconds as u64))
    }

    fn bounded(seconds: u64) -> Option<Self> {
        (seconds <= SECONDS_MAX).then_some(Self(seconds))
    }

    /// Go's way to print a duration: `768h0m0s`, `1m30s`, `0s`.
    pub fn go_text(self) -> String {
        let (h, m, s) = (self.0 / 3600, self.0 / 60 % 60, self.0 % 60);
        match (h, m) {
            (0, 0) => format!("{s}s"),
            (0, _) => format!("{m}m{s}s"),
            _ => format!("{h}h{m}m{s}s"),
        }
    }
}

fn parse_units(text: &str) -> Result<Ttl, &'static str> {
    const WRONG: &str = "must be a number of seconds or a duration such as 90s, 15m, 1h30m or 7d";
    let mut rest = text;
    let mut total = 0.0_f64;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or(WRONG)?;
        let (number, after) = rest.split_at(digits);
        let unit_len = after.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(after.len());
        let (unit, next) = after.split_at(unit_len);
        let number: f64 = number.parse().map_err(|_| WRONG)?;
        total += number
            * match unit {
                "ns" => 1e-9,
                "us" | "µs" => 1e-6,
                "ms" => 1e-3,
                "s" => 1.0,
                "m" => 60.0,
                "h" => 3600.0,
                "d" => 86_400.0,
                "w" => 604_800.0,
                _ => return Err(WRONG),
            };
        rest = next;
    }
    // A hair is added so that 0.1 s taken ten times is one second.
    Ttl::from_number(total + 1e-9)
}
