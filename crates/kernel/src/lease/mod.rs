//! Leases of secrets: intent first, then the outside world, then confirmation; renewal, revocation, expiry.
mod expire;
mod issue;
mod prefix;
mod renew;
mod revoke;
mod row;

pub(crate) use expire::{expire_due, revoke_many};
pub(crate) use issue::{Intended, confirm, create_outside, intend};
pub(crate) use prefix::revoke_prefix;
pub(crate) use renew::renew;
pub(crate) use revoke::{revoke, revoke_now_or_later};
pub(crate) use row::{LeaseRow, LeaseState, get};

#[cfg(test)]
mod tests;
