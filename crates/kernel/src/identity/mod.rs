//! Entities, their aliases and groups: who a caller is, beyond one login.
mod entities;
mod facts;
mod groups;
mod login;
mod merge;
mod names;
mod routes;
mod rows;

pub use facts::EntityFacts;
pub(crate) use facts::Identities;
pub(crate) use login::{at_login, join_groups};
pub(crate) use routes::routes;

#[cfg(test)]
mod tests;
