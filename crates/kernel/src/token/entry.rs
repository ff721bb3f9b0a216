//! A token as it is stored.
use kw_engine::{Cidrs, Origin};
use kw_types::{Time, Ttl};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Whether a token is a row of the store or carries all in itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum TokenType {
    #[default]
    Service,
    Batch,
}

impl TokenType {
    pub fn word(self) -> &'static str {
        match self {
            Self::Service => "service",
            Self::Batch => "batch",
        }
    }
}

/// The row `tok/<ident>`. It holds no token: only the keyed hash that the presented one must have.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct TokenEntry {
    /// Public identifier; part of the token's text unless the caller chose that.
    pub ident: String,
    /// Keyed hash of the whole text, in hexadecimal.
    pub mac: String,
    pub accessor: String,
    #[serde(rename = "type")]
    pub kind: TokenType,
    pub policies: Vec<String>,
    /// The path that made it: `auth/approle/login`.
    pub path: String,
    pub display_name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meta: Option<BTreeMap<String, String>>,
    /// Uses left; 0 means any number.
    pub num_uses: u64,
    /// The last use was spent by a request that is still running; the token is deleted after it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_spent: bool,
    /// Identifier of the parent; `None` for an orphan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// How many ancestors it had when it was made.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub generation: u32,
    pub created: Time,
    /// As it was made.
    pub creation_ttl: Ttl,
    /// The time to live of the last making or renewal.
    pub ttl: Ttl,
    pub explicit_max_ttl: Ttl,
    /// A second such bound, from the role that it was made by: in force, but not shown, as in Vault.
    #[serde(default, skip_serializing_if = "is_unset")]
    pub role_max_ttl: Ttl,
    pub period: Ttl,
    pub renewable: bool,
    /// `None`: never (root tokens alone).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Time>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_renewal: Option<Time>,
    /// Role of the token method, if made by one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub role: String,
    #[serde(default, skip_serializing_if = "is_unbound")]
    pub bound_cidrs: Cidrs,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub entity_id: String,
    /// The auth method's mount, for its opinion at renewal.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub mount_uuid: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
}

fn is_zero(count: &u32) -> bool {
    *count == 0
}

fn is_unset(ttl: &Ttl) -> bool {
    ttl.is_zero()
}

fn is_unbound(cidrs: &Cidrs) -> bool {
    cidrs.0.is_empty()
}

impl TokenEntry {
    /// The id of the lease that a login has.
    pub fn lease_id(&self) -> String {
        [self.path.trim_end_matches('/'), "/", &self.ident].concat()
    }

    /// The age that no renewal goes beyond; zero: none.
    pub fn age_max(&self) -> Ttl {
        self.explicit_max_ttl.capped(self.role_max_ttl)
    }

    pub fn is_expired(&self, now: Time) -> bool {
        self.expires.is_some_and(|end| end <= now)
    }

    pub fn ttl_left(&self, now: Time) -> Ttl {
        self.expires.map_or(Ttl::ZERO, |end| end.left(now))
    }

    pub fn is_root(&self) -> bool {
        self.policies.iter().any(|p| p == "root")
    }
}
