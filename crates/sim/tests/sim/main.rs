//! Runs simulations: many seeds without a failure, and each deliberate mistake found.
#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests")]
mod flaws;
mod passwords;
mod play;
mod seeds;
