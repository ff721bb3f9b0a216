//! One question, one answer, and why.
use crate::acl::Rule;
use crate::capability::{Capabilities, Capability, Operation};
use crate::params::{Params, is_allowed, is_denied};
use kw_types::Ttl;
use serde_json::Value;
use std::fmt;
use std::sync::Arc;

/// What a request wants.
#[derive(Clone, Copy)]
pub struct Ask<'a> {
    /// Without `/v1/`; a listing of a folder ends in a slash (one is added where it is missing).
    pub path: &'a str,
    pub operation: Operation,
    pub params: &'a dyn Params,
    /// The time to live of the wrapping that was asked for; `None` where none was.
    pub wrap_ttl: Option<Ttl>,
}

/// The answer.
#[derive(Clone, Debug)]
pub struct Decision {
    pub allowed: bool,
    /// Whether the path is granted with `sudo`, whatever else was decided.
    pub sudo: bool,
    /// For the audit record; empty unless allowed.
    pub granted_by: GrantedBy,
    /// The page size that a list must use in place of the one that was asked for. Without it the request's own holds, and
    /// its `limit=max` means none.
    pub list_limit: Option<usize>,
    pub reason: Reason,
}

/// The policies that allowed a request.
#[derive(Clone, Debug)]
pub struct GrantedBy {
    grants: Option<Arc<[Grant]>>,
    capability: Capability,
    root: bool,
}

/// What one policy adds to a path.
#[derive(Clone, Debug)]
pub(crate) struct Grant {
    pub policy: Arc<str>,
    pub capabilities: Capabilities,
}

/// Why a request was allowed or refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The token is root.
    Root,
    /// A rule allows it.
    Granted,
    /// No rule matches the path.
    NoRule,
    /// The rule for this path says `deny`; `policy` is the first that does.
    Denied { policy: Arc<str>, path: Arc<str> },
    /// The rule for this path lacks the capability.
    Capability { needs: Capability, path: Arc<str> },
    /// A parameter is denied, or not among those that are allowed.
    Parameter { name: String, path: Arc<str> },
    /// A required parameter is missing.
    MissingParameter { name: String, path: Arc<str> },
    /// The answer must be wrapped, within bounds.
    WrapTtl { path: Arc<str> },
    /// The page that was asked for is larger than the rule allows, or no number.
    ListLimit { path: Arc<str> },
}

impl GrantedBy {
    /// The names, in the order in which the policies were compiled.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let root = self.root.then_some("root");
        let grants = self.grants.as_deref().unwrap_or_default();
        let named = grants.iter().filter(|g| g.capabilities.has(self.capability)).map(|g| &*g.policy);
        root.into_iter().chain(named)
    }

    fn nobody(capability: Capability) -> Self {
        Self { grants: None, capability, root: false }
    }
}

impl Decision {
    pub(crate) fn root(operation: Operation) -> Self {
        let granted_by = GrantedBy { grants: None, capability: operation.needs(), root: true };
        Self { allowed: true, sudo: true, granted_by, list_limit: None, reason: Reason::Root }
    }

    pub(crate) fn no_rule(operation: Operation) -> Self {
        Self::refusal(false, operation, Reason::NoRule)
    }

    fn refusal(sudo: bool, operation: Operation, reason: Reason) -> Self {
        Self { allowed: false, sudo, granted_by: GrantedBy::nobody(operation.needs()), list_limit: None, reason }
    }

    /// Decides by the one rule that matched.
    pub(crate) fn by_rule(rule: &Rule, ask: &Ask<'_>) -> Self {
        let sudo = rule.constraint.capabilities.has(Capability::Sudo);
        match check(rule, ask) {
            Ok(list_limit) => Self {
                allowed: true,
                sudo,
                granted_by: GrantedBy {
                    grants: Some(Arc::clone(&rule.grants)),
                    capability: ask.operation.needs(),
                    root: false,
                },
                list_limit,
                reason: Reason::Granted,
            },
            Err(reason) => Self::refusal(sudo, ask.operation, reason),
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => write!(f, "the token is root"),
            Self::Granted => write!(f, "a policy grants it"),
            Self::NoRule => write!(f, "no policy of the token has a rule for the path"),
            Self::Denied { policy, path } => write!(f, "policy {policy:?} denies path {path:?}"),
            Self::Capability { needs, path } => {
                write!(f, "the rule for path {path:?} lacks the capability {:?}", needs.as_str())
            }
            Self::Parameter { name, path } => write!(f, "the rule for path {path:?} does not allow parameter {name:?}"),
            Self::MissingParameter { name, path } => {
                write!(f, "the rule for path {path:?} requires parameter {name:?}")
            }
            Self::WrapTtl { path } => {
                write!(f, "the rule for path {path:?} requires a wrapped answer within its bounds")
            }
            Self::ListLimit { path } => write!(f, "the rule for path {path:?} does not allow a page of that size"),
        }
    }
}

/// The page size to use, or why not.
fn check(rule: &Rule, ask: &Ask<'_>) -> Result<Option<usize>, Reason> {
    let (constraint, path) = (&rule.constraint, || Arc::clone(&rule.path));
    let needs = ask.operation.needs();
    if constraint.capabilities.is_deny() {
        let deny = rule.grants.iter().find(|g| g.capabilities.is_deny());
        let policy = deny.map_or_else(|| Arc::from(""), |g| Arc::clone(&g.policy));
        return Err(Reason::Denied { policy, path: path() });
    }
    if !constraint.capabilities.has(needs) {
        return Err(Reason::Capability { needs, path: path() });
    }
    // After joining policies the lower bound can lie above the upper one; then nothing fits.
    let fits = |ttl: Ttl| (constraint.wrap_max.is_zero() || ttl <= constraint.wrap_max) && ttl >= constraint.wrap_min;
    let bounded = !constraint.wrap_min.is_zero() || !constraint.wrap_max.is_zero();
    if bounded && !ask.wrap_ttl.is_some_and(fits) {
        return Err(Reason::WrapTtl { path: path() });
    }
    if ask.operation.is_listing() && constraint.list_limit > 0 {
        return list_limit(rule, ask.params).map(Some);
    }
    if ask.operation.has_parameters() {
        check_parameters(rule, ask.params)?;
    }
    Ok(None)
}

fn check_parameters(rule: &Rule, params: &dyn Params) -> Result<(), Reason> {
    let constraint = &rule.constraint;
    for required in &constraint.required {
        if !is_sent(params, required) {
            return Err(Reason::MissingParameter { name: required.clone(), path: Arc::clone(&rule.path) });
        }
    }
    if constraint.denied.is_empty() && constraint.allowed.is_empty() {
        return Ok(());
    }
    let all_denied = constraint.denied.contains_key("*");
    let all_allowed = constraint.allowed.is_empty() || constraint.allowed.contains_key("*");
    let mut refused: Option<String> = None;
    params.each(&mut |name, value| {
        let folded = name.to_lowercase();
        let denied = all_denied || constraint.denied.get(&folded).is_some_and(|values| is_denied(value, values));
        let allowed = match constraint.allowed.get(&folded) {
            Some(values) => is_allowed(value, values, params.is_list(name)),
            None => all_allowed,
        };
        if denied || !allowed {
            refused.get_or_insert_with(|| name.to_owned());
        }
    });
    match refused {
        Some(name) => Err(Reason::Parameter { name, path: Arc::clone(&rule.path) }),
        None => Ok(()),
    }
}

fn is_sent(params: &dyn Params, wanted: &str) -> bool {
    let mut found = false;
    params.each(&mut |name, _| found |= name.to_lowercase() == wanted);
    found
}

/// A rule with `pagination_limit` fills in what the request leaves open and refuses what is larger. Who does not ask for
/// pages at all gets the first one, unless the rule also requires the parameter.
fn list_limit(rule: &Rule, params: &dyn Params) -> Result<usize, Reason> {
    let limit = rule.constraint.list_limit;
    let mut asked: Option<Option<usize>> = None;
    params.each(&mut |name, value| {
        if name.eq_ignore_ascii_case("limit") {
            let page = page_size(value, limit);
            // Sent twice, the worse one counts.
            asked = Some(match asked {
                Some(before) => before.zip(page).map(|(a, b)| a.max(b)),
                None => page,
            });
        }
    });
    match asked {
        None if rule.constraint.required.iter().any(|name| name == "limit") => {
            Err(Reason::MissingParameter { name: "limit".to_owned(), path: Arc::clone(&rule.path) })
        }
        None => Ok(limit),
        Some(Some(page)) if page <= limit => Ok(page),
        Some(_) => Err(Reason::ListLimit { path: Arc::clone(&rule.path) }),
    }
}

/// The page size that a value asks for; zero and `max` ask for the largest. Nothing for what is no such number.
fn page_size(value: &Value, limit: usize) -> Option<usize> {
    let page = match value {
        Value::Number(number) => number.as_u64().and_then(|n| usize::try_from(n).ok())?,
        Value::String(text) if text == "max" || text.is_empty() => limit,
        Value::String(text) => text.parse().ok()?,
        _ => return None,
    };
    Some(if page == 0 { limit } else { page })
}
