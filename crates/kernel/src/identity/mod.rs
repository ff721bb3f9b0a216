//! Entities, their aliases and groups: who a caller is, beyond one login.
mod facts;
mod login;
mod rows;

pub use facts::EntityFacts;
pub(crate) use facts::Identities;
pub(crate) use login::at_login;
pub(crate) use rows::{AliasRow, EntityRow, GroupRow};
