//! Leases of secrets: intent first, then the outside world, then confirmation; renewal, revocation, expiry.
mod expire;
mod issue;
mod lanes;
mod prefix;
mod renew;
mod revoke;
mod row;
mod walk;

pub(crate) use expire::{expire_tokens, revoke_due};
pub(crate) use issue::{Intended, confirm, create_outside, intend};
pub(crate) use lanes::revoke_many;
pub(crate) use prefix::{Way, revoke_prefix};
pub(crate) use renew::renew;
pub(crate) use revoke::{end_soon, revoke, revoke_now_or_later};
pub(crate) use row::{LeaseRow, LeaseState, get};
pub(crate) use walk::{Walk, count_due};

#[cfg(test)]
mod tests;
