//! Roles of the token method: what tokens made by them are like.
use crate::rows::TOKEN_ROLES;
use kw_engine::TokenParams;
use kw_store::View;
use kw_types::{Fault, Ttl};
use serde::{Deserialize, Serialize};

/// The row `tokrole/<name>`. Policy names are in lower case and sorted.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Role {
    pub name: String,
    pub allowed_policies: Vec<String>,
    pub allowed_policies_glob: Vec<String>,
    pub disallowed_policies: Vec<String>,
    pub disallowed_policies_glob: Vec<String>,
    /// Globs, in lower case.
    pub allowed_entity_aliases: Vec<String>,
    pub orphan: bool,
    pub renewable: bool,
    pub path_suffix: String,
    pub token: TokenParams,
    /// Which of `token` were given by their old names, and are shown by them too.
    #[serde(default)]
    pub old_names: OldNames,
}

/// Old names of fields, each with whether it was used.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct OldNames {
    pub period: bool,
    pub explicit_max_ttl: bool,
    pub bound_cidrs: bool,
}

impl Role {
    /// Reads a role from a view of the whole store.
    pub async fn find(view: View<'_>, name: &str) -> Result<Option<Self>, Fault> {
        view.rescoped(TOKEN_ROLES).get(name).await
    }

    /// Zero: tokens are not periodic.
    pub fn period(&self) -> Ttl {
        self.token.token_period
    }

    /// Whether the role has rules of its own about policies, which then hold instead of the maker's.
    pub fn rules_policies(&self) -> bool {
        !(self.allowed_policies.is_empty()
            && self.allowed_policies_glob.is_empty()
            && self.disallowed_policies.is_empty()
            && self.disallowed_policies_glob.is_empty())
    }

    /// Whether a list or its globs (`*` at the ends stands for anything) have this name.
    pub fn names(list: &[String], globs: &[String], name: &str) -> bool {
        list.iter().any(|n| n == name) || globs.iter().any(|glob| matches(glob, name))
    }
}

/// A glob of Vault's: `*` stands for any text, at whatever place.
pub(crate) fn matches(glob: &str, text: &str) -> bool {
    let Some((head, rest)) = glob.split_once('*') else { return glob == text };
    let Some(mut text) = text.strip_prefix(head) else { return false };
    let mut parts = rest.split('*').peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return text.ends_with(part);
        }
        let Some(at) = text.find(part) else { return false };
        text = text.get(at + part.len()..).unwrap_or_default();
    }
    true
}
