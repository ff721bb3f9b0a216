//! What a history must not show. Pure functions: they judge a recorded history of a real cluster as well as a simulated one.
mod audit;
mod counts;
mod leases;
mod lives;
mod lockouts;
mod moments;
mod registers;
mod tokens;

use crate::history::{History, Operation};
use std::fmt;

/// What the checkers must know of the servers' settings.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// So many wrong passwords lock a user out; for longer than the history lasts.
    pub failures_max: usize,
}

/// A promise that was not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Anomaly {
    /// Which promise: a word that tests name.
    pub rule: &'static str,
    pub what: String,
    /// The operations that show it.
    pub operations: Vec<u64>,
}

impl Anomaly {
    fn new<'o>(rule: &'static str, what: String, shown_by: impl IntoIterator<Item = &'o Operation>) -> Self {
        Self { rule, what, operations: shown_by.into_iter().map(|operation| operation.id).collect() }
    }
}

impl fmt::Display for Anomaly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}] {} (operations {:?})", self.rule, self.what, self.operations)
    }
}

/// Everything that is wrong with a history; nothing, if every promise was kept.
pub fn check(history: &History, rules: Rules) -> Vec<Anomaly> {
    let mut found = tokens::check(history);
    found.extend(counts::check(history));
    found.extend(registers::check(history));
    found.extend(lockouts::check(history, rules.failures_max));
    found.extend(leases::check(history));
    found.extend(moments::check(history));
    found.extend(audit::check(history));
    found
}

#[cfg(test)]
mod tests;
