//! A policy: what its text says, path by path.
use crate::constraint::Constraint;
use crate::error::PolicyError;
use crate::parse;
use crate::template::Template;
use kw_types::Time;
use std::sync::Arc;

/// A policy that was read and checked. A clone shares the rules.
#[derive(Clone, Debug)]
pub struct Policy {
    pub(crate) rules: Arc<[PathRule]>,
}

/// One `path` block.
#[derive(Clone, Debug)]
pub(crate) struct PathRule {
    pub path: Template,
    pub constraint: Constraint,
    /// The rule is void from then on.
    pub expires: Option<Time>,
}

impl Policy {
    /// Reads a text, in HCL or JSON. An empty one is a policy without rules.
    ///
    /// Errors: what is wrong, with the line: syntax, unknown keys and capabilities, bad values, `+*` in a path, braces that
    /// do not pair up. Also `control_group`, `mfa_methods` and `list_scan_response_keys_filter_path`: to take such a
    /// condition and not enforce it would grant more than the text says.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        Ok(Self { rules: parse::rules(text)?.into() })
    }

    /// Whether a path holds a template, so that the rules depend on who holds the token.
    pub fn is_templated(&self) -> bool {
        self.rules.iter().any(|rule| !rule.path.is_plain())
    }
}
