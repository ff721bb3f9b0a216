//! Which policies a new token gets: what its maker may give, within what the role allows.
use crate::token::{Role, TokenEntry};
use kw_policy::builtin::{DEFAULT, RESPONSE_WRAPPING, ROOT};
use kw_types::Fault;

/// What was asked for, and by whom.
pub(super) struct Wish<'a> {
    pub parent: &'a TokenEntry,
    /// Whether the maker has `sudo` on the path.
    pub has_sudo: bool,
    pub role: Option<&'a Role>,
    pub policies: &'a [String],
    /// Asked for, or said by the role.
    pub no_default_policy: bool,
}

/// The policies of the new token. Errors: 400 for those that the maker or the role may not give.
pub(super) fn choose(wish: &Wish<'_>) -> Result<Vec<String>, Fault> {
    let mut chosen = match wish.role.filter(|role| role.rules_policies()) {
        Some(role) => by_role(wish, role)?,
        None => by_parent(wish)?,
    };
    if wish.no_default_policy {
        chosen.retain(|p| p != DEFAULT);
    }
    if chosen.iter().any(|p| p == RESPONSE_WRAPPING) {
        return Err(Fault::bad_request("cannot assign policy \"response-wrapping\""));
    }
    // A role or `sudo` lets a maker give what it does not have itself, but never this.
    if chosen.iter().any(|p| p == ROOT) && !wish.parent.is_root() {
        return Err(Fault::bad_request("root tokens may not be created without parent token being root"));
    }
    Ok(chosen)
}

fn by_parent(wish: &Wish<'_>) -> Result<Vec<String>, Fault> {
    let parent = &wish.parent.policies;
    let asked = sanitized(wish.policies, false);
    if asked.is_empty() {
        // `default` comes along only if the parent has it.
        return Ok(sanitized(parent, false));
    }
    if wish.has_sudo {
        return Ok(sanitized(&asked, !wish.no_default_policy));
    }
    if !asked.iter().all(|p| parent.contains(p)) {
        return Err(Fault::bad_request("child policies must be subset of parent"));
    }
    let parent_has_default = parent.iter().any(|p| p == DEFAULT);
    Ok(sanitized(&asked, !wish.no_default_policy && parent_has_default))
}

fn by_role(wish: &Wish<'_>, role: &Role) -> Result<Vec<String>, Fault> {
    let is_disallowed = |p: &str| Role::names(&role.disallowed_policies, &role.disallowed_policies_glob, p);
    let add_default = !wish.no_default_policy && !is_disallowed(DEFAULT);
    let mut chosen = if wish.policies.is_empty() { Vec::new() } else { sanitized(wish.policies, add_default) };
    if !role.allowed_policies.is_empty() || !role.allowed_policies_glob.is_empty() {
        let allowed = sanitized(&role.allowed_policies, add_default);
        if chosen.is_empty() {
            chosen.clone_from(&allowed);
        } else if !chosen.iter().all(|p| Role::names(&allowed, &role.allowed_policies_glob, p)) {
            return Err(Fault::bad_request(
                "token policies must be a subset of the role's allowed policies or match its allowed policy globs",
            ));
        }
    } else if chosen.is_empty() {
        chosen = sanitized(&wish.parent.policies, add_default);
    }
    if chosen.iter().any(|p| is_disallowed(p)) {
        return Err(Fault::bad_request("a token policy is disallowed by this role"));
    }
    Ok(chosen)
}

/// Names trimmed, in lower case, sorted, each once; `root` makes all others needless.
pub(super) fn sanitized(policies: &[String], add_default: bool) -> Vec<String> {
    let mut out: Vec<String> = policies.iter().map(|p| p.trim().to_lowercase()).filter(|p| !p.is_empty()).collect();
    if out.iter().any(|p| p == ROOT) {
        return vec![ROOT.to_owned()];
    }
    if add_default {
        out.push(DEFAULT.to_owned());
    }
    out.sort();
    out.dedup();
    out
}
