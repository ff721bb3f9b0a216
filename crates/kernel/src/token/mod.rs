//! Tokens: what they are, how one is found, made, renewed and taken back.
mod batch;
mod create;
mod drain;
mod entry;
mod find;
mod line;
mod renew;
mod revoke;
mod role;
mod routes;
mod uses;

pub(crate) use create::{Made, NewToken, TEXT_LEN, auth_answer, by_grant, create};
pub(crate) use drain::{Clearing, count_revoking, drain_revoking, finish_revoking};
pub(crate) use entry::{TokenEntry, TokenType};
pub(crate) use find::{Rights, Session, Tokens};
pub(crate) use renew::{Limits, renew};
pub(crate) use revoke::{revoke, revoke_entry, revoke_orphan};
pub(crate) use role::Role;
pub(crate) use routes::routes;
pub(crate) use uses::take_use;

#[cfg(test)]
mod tests;
