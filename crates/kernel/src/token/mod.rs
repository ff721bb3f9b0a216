//! Tokens: what they are, how one is found, made, renewed and taken back.
mod batch;
mod create;
mod entry;
mod find;
mod renew;
mod revoke;

pub(crate) use create::{Made, NewToken, TEXT_LEN, by_grant, create};
pub(crate) use entry::{TokenEntry, TokenType};
pub(crate) use find::{Rights, Session, Tokens};
pub(crate) use renew::{renew, terms};
pub(crate) use revoke::{drain_revoking, revoke_entry};
