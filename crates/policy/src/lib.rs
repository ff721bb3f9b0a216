//! Access control in Vault's policy language: from the text of policies to a decision with its reason.
//!
//! Nothing here does I/O or keeps state. [`Policy::parse`] reads a text once, when it is written; [`Acl::compile`] joins the
//! policies of a token into one matcher, which the caller keeps as long as neither they nor the identity change and
//! [`Acl::valid_until`] is not past; [`Acl::decide`] is asked for every request and allocates nothing when it allows.
//!
//! Where it is stricter than the reference: values for `denied_parameters` match in any case, with space around them and
//! inside lists, and a template value that would mean something in a path drops its rule.
mod acl;
pub mod builtin;
mod capability;
mod compile;
mod constraint;
mod decision;
mod error;
mod params;
mod parse;
mod password;
mod pattern;
mod policy;
mod resultant;
mod template;

pub use acl::Acl;
pub use capability::{Capability, Operation};
pub use decision::{Ask, Decision, GrantedBy, Reason};
pub use error::PolicyError;
pub use params::{NoParams, Params};
pub use password::PasswordPolicy;
pub use policy::Policy;
pub use resultant::{PathRights, Resultant};
pub use template::{AliasRef, GroupRef, Identity};

#[cfg(test)]
mod tests;
