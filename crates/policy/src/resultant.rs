//! All rights of a token, for user interfaces.
use crate::acl::{Acl, Rule};
use crate::constraint::Values;
use serde::Serialize;
use std::collections::BTreeMap;

/// What `sys/internal/ui/resultant-acl` answers. Paths with `+` have no place in it, as in the reference.
#[derive(Clone, Debug, Serialize)]
pub struct Resultant {
    pub root: bool,
    /// Absent for root.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exact_paths: Option<BTreeMap<String, PathRights>>,
    /// Without their `*`; absent for root.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub glob_paths: Option<BTreeMap<String, PathRights>>,
}

/// The rights on one path. Times are in seconds.
#[derive(Clone, Debug, Serialize)]
pub struct PathRights {
    pub capabilities: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_wrapping_ttl: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_wrapping_ttl: Option<u64>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub allowed_parameters: Values,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub denied_parameters: Values,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub required_parameters: Vec<String>,
}

impl Resultant {
    pub(crate) fn of(acl: &Acl) -> Self {
        if acl.root {
            return Self { root: true, exact_paths: None, glob_paths: None };
        }
        let exact = acl.exact.iter().map(|(path, rule)| (path.to_string(), PathRights::of(rule)));
        let globs = acl.prefixes.iter().map(|prefix| (prefix.text.to_string(), PathRights::of(&prefix.rule)));
        Self { root: false, exact_paths: Some(exact.collect()), glob_paths: Some(globs.collect()) }
    }
}

impl PathRights {
    fn of(rule: &Rule) -> Self {
        let constraint = &rule.constraint;
        let bound = |ttl: kw_types::Ttl| (!ttl.is_zero()).then(|| ttl.seconds());
        Self {
            capabilities: constraint.capabilities.words(),
            min_wrapping_ttl: bound(constraint.wrap_min),
            max_wrapping_ttl: bound(constraint.wrap_max),
            allowed_parameters: constraint.allowed.clone(),
            denied_parameters: constraint.denied.clone(),
            required_parameters: constraint.required.clone(),
        }
    }
}
