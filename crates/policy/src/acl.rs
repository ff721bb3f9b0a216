//! The policies of a token, joined for quick asking.
use crate::compile;
use crate::constraint::Constraint;
use crate::decision::{Ask, Decision, Grant};
use crate::pattern::{Segments, prefix_rank};
use crate::policy::Policy;
use crate::resultant::Resultant;
use crate::template::Identity;
use hashbrown::HashMap;
use kw_types::Time;
use std::sync::Arc;

/// The union of a token's policies for one identity.
#[derive(Debug, Default)]
pub struct Acl {
    pub(crate) root: bool,
    pub(crate) exact: HashMap<Box<str>, Rule>,
    /// Sorted by text.
    pub(crate) prefixes: Vec<PrefixRule>,
    /// The most specific first.
    pub(crate) segments: Vec<(Segments, Rule)>,
    pub(crate) valid_until: Option<Time>,
}

/// What holds for one path of the policies.
#[derive(Debug)]
pub(crate) struct Rule {
    /// As the policy has it, for reasons.
    pub path: Arc<str>,
    pub constraint: Constraint,
    pub grants: Arc<[Grant]>,
}

#[derive(Debug)]
pub(crate) struct PrefixRule {
    pub text: Box<str>,
    pub rule: Rule,
    /// Where the longest other prefix stands that this one begins with.
    pub parent: Option<usize>,
}

impl Acl {
    /// Joins policies, given with their names. Templates are filled for `identity`; a rule whose template has no value, or
    /// one that would mean something in a path, is left out. So are rules that expired before `now`.
    ///
    /// A policy of the name `root` makes the token root if it is alone, and grants nothing beside others.
    pub fn compile<'a>(
        policies: impl IntoIterator<Item = (&'a str, &'a Policy)>,
        identity: Option<&Identity<'_>>,
        now: Time,
    ) -> Self {
        compile::compile(policies, identity, now)
    }

    /// The rights of a root token.
    pub fn root() -> Self {
        Self { root: true, ..Self::default() }
    }

    pub fn is_root(&self) -> bool {
        self.root
    }

    /// When the first of its rules expires: compile anew from then on.
    pub fn valid_until(&self) -> Option<Time> {
        self.valid_until
    }

    /// Answers a request.
    pub fn decide(&self, ask: &Ask<'_>) -> Decision {
        if self.root {
            return Decision::root(ask.operation);
        }
        let listing = ask.operation.is_listing();
        let found = if listing && !ask.path.is_empty() && !ask.path.ends_with('/') {
            // Without its slash a folder would slip past a rule for what lies in it.
            self.find(&format!("{}/", ask.path), true)
        } else {
            self.find(ask.path, listing)
        };
        match found {
            Some(rule) => Decision::by_rule(rule, ask),
            None => Decision::no_rule(ask.operation),
        }
    }

    /// The capabilities on a path as `sys/capabilities` prints them: sorted, `["root"]` for root, `["deny"]` for none.
    pub fn capabilities(&self, path: &str) -> Vec<&'static str> {
        if self.root {
            return vec!["root"];
        }
        self.find(path, true).map_or_else(|| vec!["deny"], |rule| rule.constraint.capabilities.words())
    }

    /// Whether anything at or below a folder is granted: decides what `sys/internal/ui/mounts` shows.
    pub fn has_any_access(&self, folder: &str) -> bool {
        let grants = |rule: &Rule| rule.constraint.capabilities.grants();
        self.root
            || self.find(folder, true).is_some_and(grants)
            || self.exact.iter().any(|(path, rule)| path.starts_with(folder) && grants(rule))
            || self.prefixes.iter().any(|prefix| prefix.text.starts_with(folder) && grants(&prefix.rule))
            || self.segments.iter().any(|(segments, rule)| grants(rule) && segments.reaches(folder))
    }

    /// All rights, as `sys/internal/ui/resultant-acl` prints them.
    pub fn resultant(&self) -> Resultant {
        Resultant::of(self)
    }

    /// The one rule that counts: an exact path before all patterns; for listings each with and without its last slash.
    fn find(&self, path: &str, listing: bool) -> Option<&Rule> {
        let path = path.trim_start_matches('/');
        let bare = if listing { path.strip_suffix('/') } else { None };
        self.exact
            .get(path)
            .or_else(|| self.exact.get(bare?))
            .or_else(|| self.find_pattern(path))
            .or_else(|| self.find_pattern(bare?))
    }

    fn find_pattern(&self, path: &str) -> Option<&Rule> {
        let prefix = self.longest_prefix(path);
        let segments = self.segments.iter().find(|(segments, _)| segments.matches(path));
        match (prefix, segments) {
            (Some(prefix), Some((segments, rule))) => {
                Some(if segments.rank() > prefix_rank(&prefix.text) { rule } else { &prefix.rule })
            }
            (Some(prefix), None) => Some(&prefix.rule),
            (None, Some((_, rule))) => Some(rule),
            (None, None) => None,
        }
    }

    /// In sorted order all prefixes of a path come before it, and whatever stands between the longest of them and the path
    /// begins with it; so it is the last entry before the path, or one of that entry's parents.
    fn longest_prefix(&self, path: &str) -> Option<&PrefixRule> {
        let after = self.prefixes.partition_point(|prefix| &*prefix.text <= path);
        let mut entry = self.prefixes.get(after.checked_sub(1)?)?;
        while !path.starts_with(&*entry.text) {
            entry = self.prefixes.get(entry.parent?)?;
        }
        Some(entry)
    }
}
