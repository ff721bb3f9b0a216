//! The ceremonies that people hold over the unseal key or the recovery key, as state machines without I/O.
//!
//! [`init`] makes the first keys; [`Unseal`] collects shares until they open the root key; [`Rekey`] replaces the shares;
//! [`GenerateRoot`] lets holders of enough shares make a root token. Each takes what was sent, and gives what to answer or
//! what to do. The kernel keeps them behind a lock, one of each, and reads and writes the rows of [`crate::seal`].
//!
//! State lives in memory: a ceremony is held with one node, and a restart of that node ends it.
mod collect;
mod error;
mod generate_root;
mod init;
mod migrate;
mod rekey;
mod scheme;
#[cfg(test)]
mod tests;
mod unseal;

pub use collect::KeyShare;
pub use error::{CeremonyError, SchemeFlaw};
pub use generate_root::{GenerateRoot, GenerateRootStatus, RootGrant};
pub use init::{InitRequest, Initialised, init};
pub use migrate::{RowChanges, migrate_to_seals, migrate_to_shamir};
pub use rekey::{NewUnsealKey, Rekey, RekeyAnswer, RekeyRequest, RekeyStatus, RekeyStep, VerifyStatus, VerifyStep};
pub use scheme::IssuedShares;
pub use unseal::{Purpose, Unseal, UnsealStatus};
