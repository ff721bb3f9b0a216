//! Runs simulations: many seeds without a failure, and each deliberate mistake found.
mod flaws;
mod play;
mod seeds;
