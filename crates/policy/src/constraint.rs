//! What the rules of one path allow, and how two of them join.
use crate::capability::Capabilities;
use kw_types::Ttl;
use serde_json::Value;
use std::collections::BTreeMap;

/// For a parameter (in lower case) the values that a rule names; an empty list stands for any value.
pub(crate) type Values = BTreeMap<String, Vec<Value>>;

/// What a rule grants, and on what terms.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Constraint {
    pub capabilities: Capabilities,
    /// Zero: no bound.
    pub wrap_min: Ttl,
    /// Zero: no bound.
    pub wrap_max: Ttl,
    pub allowed: Values,
    pub denied: Values,
    /// In lower case.
    pub required: Vec<String>,
    /// Zero: no bound.
    pub list_limit: usize,
}

impl Constraint {
    /// Joins a rule of another policy for the same path. `deny` on either side leaves nothing else. Bounds become the
    /// smaller of both, as Vault has it; lists of parameters grow, and "any value" swallows single values.
    pub(crate) fn join(&mut self, other: &Self) {
        if self.capabilities.is_deny() {
            return;
        }
        if other.capabilities.is_deny() {
            *self = Self { capabilities: other.capabilities, ..Self::default() };
            return;
        }
        self.capabilities = self.capabilities.union(other.capabilities);
        self.wrap_min = self.wrap_min.capped(other.wrap_min);
        self.wrap_max = self.wrap_max.capped(other.wrap_max);
        join_values(&mut self.allowed, &other.allowed);
        join_values(&mut self.denied, &other.denied);
        for name in &other.required {
            if !self.required.contains(name) {
                self.required.push(name.clone());
            }
        }
        self.list_limit = match (self.list_limit, other.list_limit) {
            (0, limit) | (limit, 0) => limit,
            (a, b) => a.min(b),
        };
    }
}

fn join_values(mine: &mut Values, others: &Values) {
    for (name, values) in others {
        match mine.get_mut(name) {
            None => {
                mine.insert(name.clone(), values.clone());
            }
            Some(known) if known.is_empty() || values.is_empty() => known.clear(),
            Some(known) => known.extend(values.iter().cloned()),
        }
    }
}
