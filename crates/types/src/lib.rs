//! The words that every other crate shares: paths, names, times, secrets and faults.
//!
//! Nothing here does I/O. A value of a type of this crate has been checked once, when it was made; nobody checks it again.
mod buffer;
mod chance;
mod fault;
mod ident;
mod name;
mod path;
mod secret;
mod time;
mod ttl;

pub use buffer::Buffer;
pub use chance::{Rng, RngExt};
pub use fault::{Fault, FaultKind};
pub use ident::{IDENT_LEN, Ident};
pub use name::Name;
pub use path::{CanonPath, MountPath, PathFlaw};
pub use secret::Secret;
pub use time::{Clock, SystemClock, Time};
pub use ttl::Ttl;

#[cfg(test)]
mod tests;
