//! From policies to the matcher.
use crate::acl::{Acl, PrefixRule, Rule};
use crate::builtin;
use crate::constraint::Constraint;
use crate::decision::Grant;
use crate::pattern::{Pattern, Segments};
use crate::policy::{PathRule, Policy};
use crate::template::Identity;
use kw_types::Time;
use std::collections::BTreeMap;
use std::sync::Arc;

/// See [`Acl::compile`].
pub(crate) fn compile<'a>(
    policies: impl IntoIterator<Item = (&'a str, &'a Policy)>,
    identity: Option<&Identity<'_>>,
    now: Time,
) -> Acl {
    let policies: Vec<_> = policies.into_iter().collect();
    if let [(builtin::ROOT, _)] = policies.as_slice() {
        return Acl::root();
    }
    let mut drafts = Drafts::default();
    for (name, policy) in policies.iter().filter(|(name, _)| *name != builtin::ROOT) {
        let name: Arc<str> = Arc::from(*name);
        for rule in policy.rules.iter() {
            drafts.add(&name, rule, identity, now);
        }
    }
    drafts.finish()
}

/// The rules while they are joined, by their path.
#[derive(Default)]
struct Drafts {
    exact: BTreeMap<String, Draft>,
    prefixes: BTreeMap<String, Draft>,
    segments: BTreeMap<String, (Segments, Draft)>,
    valid_until: Option<Time>,
}

struct Draft {
    path: Arc<str>,
    constraint: Constraint,
    grants: Vec<Grant>,
}

impl Drafts {
    fn add(&mut self, policy: &Arc<str>, rule: &PathRule, identity: Option<&Identity<'_>>, now: Time) {
        if let Some(expires) = rule.expires {
            if expires <= now {
                return;
            }
            self.valid_until = Some(self.valid_until.map_or(expires, |until| until.min(expires)));
        }
        let Some(path) = rule.path.fill(identity) else { return };
        // The form was checked when the policy was read, and values cannot change it.
        let Ok(pattern) = Pattern::parse(&path) else { return };
        let key = path.strip_prefix('/').unwrap_or(&path);
        let grant = Grant { policy: Arc::clone(policy), capabilities: rule.constraint.capabilities };
        let fresh =
            || Draft { path: Arc::from(path.as_str()), constraint: rule.constraint.clone(), grants: Vec::new() };
        let slot = match pattern {
            Pattern::Exact(text) => find(&mut self.exact, text, fresh, &rule.constraint),
            Pattern::Prefix(text) => find(&mut self.prefixes, text, fresh, &rule.constraint),
            Pattern::Segments(segments) => match self.segments.get_mut(key) {
                Some((_, draft)) => {
                    draft.constraint.join(&rule.constraint);
                    draft
                }
                None => &mut self.segments.entry(key.to_owned()).or_insert_with(|| (segments, fresh())).1,
            },
        };
        slot.grants.push(grant);
    }

    fn finish(self) -> Acl {
        let exact = self.exact.into_iter().map(|(text, draft)| (text.into(), draft.finish())).collect();
        let mut segments: Vec<_> = self.segments.into_values().map(|(s, draft)| (s, draft.finish())).collect();
        segments.sort_by(|(a, _), (b, _)| b.rank().cmp(&a.rank()));
        Acl { root: false, exact, prefixes: link(self.prefixes), segments, valid_until: self.valid_until }
    }
}

impl Draft {
    fn finish(self) -> Rule {
        Rule { path: self.path, constraint: self.constraint, grants: self.grants.into() }
    }
}

fn find<'a>(
    drafts: &'a mut BTreeMap<String, Draft>,
    text: String,
    fresh: impl Fn() -> Draft,
    constraint: &Constraint,
) -> &'a mut Draft {
    use std::collections::btree_map::Entry;
    match drafts.entry(text) {
        Entry::Vacant(slot) => slot.insert(fresh()),
        Entry::Occupied(slot) => {
            let draft = slot.into_mut();
            draft.constraint.join(constraint);
            draft
        }
    }
}

/// Gives each prefix the place of the longest other prefix that it begins with. The map is sorted, so it is the entry
/// before it or one of that entry's parents.
fn link(prefixes: BTreeMap<String, Draft>) -> Vec<PrefixRule> {
    let mut out: Vec<PrefixRule> = Vec::with_capacity(prefixes.len());
    for (text, draft) in prefixes {
        let mut parent = out.len().checked_sub(1);
        while let Some(entry) = parent.and_then(|at| out.get(at)) {
            if text.starts_with(&*entry.text) {
                break;
            }
            parent = entry.parent;
        }
        out.push(PrefixRule { text: text.into(), rule: draft.finish(), parent });
    }
    out
}
