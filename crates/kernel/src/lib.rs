//! The kernel: from a request that was received to an answer that was recorded, and what must happen in between.
//!
//! It knows no engine: engines and auth methods are handed to it, and what it must know of one of them is a field of its
//! declaration. One request is `Received -> Resolved -> Admitted -> Recorded -> Done` (see [`request`]); each is a type whose
//! constructor needs the one before.
mod admit;
mod answer;
mod audits;
mod claims;
mod counters;
mod departures;
mod freshness;
mod held;
mod help;
pub mod jobs;
mod kernel;
mod lockout;
mod loggers;
mod members;
mod migration;
mod mounts;
mod opening;
mod pace;
mod passwords;
mod policies;
mod received;
mod registry;
mod request;
mod resolve;
mod restore;
mod rotation;
mod rows;
mod run;
mod seal;
mod snapshots;
mod staleness;
mod tick;
mod versions;
mod wrapping;

pub mod identity;
pub mod lease;
pub mod sys;
pub mod token;

pub use answer::{Answer, Header};
pub use freshness::Consistency;
pub use kernel::{Kernel, KernelParts, Settings};
pub use loggers::SetLevels;
pub use migration::{MIGRATION_FORMAT, MIGRATION_ROW, MigrationMark, MigrationState};
pub use opening::DevKeys;
pub use received::{EdgeRules, Method, Presented, Received};
pub use registry::Registry;
pub use request::{Release, Settled};
pub use resolve::ANONYMOUS_BODY_MAX;
pub use seal::FirstMount;
pub use snapshots::OpenScratch;
pub use sys::schema_json;
pub use tick::Outlet;

#[cfg(test)]
mod tests;
