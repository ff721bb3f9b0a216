//! What happens after failed log-ins.
use super::section::Section;
use super::{ConfigError, Notice, keys};
use kw_types::Ttl;

/// One `user_lockout "TYPE" { }` block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lockout {
    /// `all`, or a type of auth method such as `userpass`.
    pub kind: String,
    /// How many failures lock a user out. Unset: 5.
    pub threshold: Option<u64>,
    /// For how long. Unset: 15 minutes.
    pub duration: Option<Ttl>,
    /// After what time without a failure counting begins anew. Unset: 15 minutes.
    pub counter_reset: Option<Ttl>,
    /// Whether nobody is locked out.
    pub disabled: bool,
}

/// Reads one block.
pub(super) fn read(block: &Section<'_>, notices: &mut Vec<Notice>) -> Result<Lockout, ConfigError> {
    let Some(kind) = block.label(0) else {
        return Err(block.wrong_here("user_lockout needs a type: user_lockout \"all\" { .. }"));
    };
    block.check_keys(keys::USER_LOCKOUT, notices);
    let threshold = match block.integer("lockout_threshold")? {
        None => None,
        Some(number) => Some(
            u64::try_from(number)
                .map_err(|_| block.wrong("lockout_threshold", "lockout_threshold must not be negative"))?,
        ),
    };
    Ok(Lockout {
        kind: kind.to_lowercase(),
        threshold,
        duration: block.ttl("lockout_duration")?,
        counter_reset: block.ttl("lockout_counter_reset")?,
        disabled: block.bool("disable_lockout", false)?,
    })
}
