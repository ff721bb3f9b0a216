//! Many kernels in one process, on a storage, clocks and a network that a seed makes fail; and the checkers of what they did.
//!
//! One seed is one run: [`Plan::of`] says what it is to be, [`simulate`] runs it, [`check::check`] judges the [`History`]. The
//! same seed gives the same history, byte for byte. `docs/simulation.md` tells how to read a failure.
mod chance;
pub mod check;
mod client;
mod clock;
mod desk;
mod door;
mod flaw;
mod founding;
mod gate;
pub mod history;
mod holder;
mod ledger;
mod link;
mod log;
mod mark;
mod nemesis;
mod node;
mod plan;
mod request;
mod run;
mod scene;
mod shelf;
mod ticker;

pub use flaw::Flaw;
pub use history::History;
pub use link::Sort;
pub use node::FAILURES_MAX;
pub use plan::{Faults, Plan};
pub use run::simulate;
