//! A place where an engine or auth method is mounted.
use kw_types::{MountPath, Ttl};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One mount, as the mount table holds it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Mount {
    /// Full path: `secret/`, `auth/approle/`.
    pub path: MountPath,
    pub kind: String,
    pub description: String,
    /// Never changes, not even when the mount moves.
    pub uuid: String,
    /// Names the mount in policies' templates and identity aliases.
    pub accessor: String,
    pub options: BTreeMap<String, String>,
    pub config: MountConfig,
    pub local: bool,
    pub seal_wrap: bool,
    pub external_entropy_access: bool,
    /// Whether it is an auth method; its path then begins with `auth/`.
    pub auth: bool,
    /// Set while a disabled mount's leases are revoked in the background: it serves nothing any more.
    #[serde(default)]
    pub tainted: bool,
}

/// The tunable part of a mount.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MountConfig {
    pub default_lease_ttl: Ttl,
    pub max_lease_ttl: Ttl,
    pub force_no_cache: bool,
    pub audit_non_hmac_request_keys: Vec<String>,
    pub audit_non_hmac_response_keys: Vec<String>,
    pub listing_visibility: Listing,
    pub passthrough_request_headers: Vec<String>,
    pub allowed_response_headers: Vec<String>,
    pub allowed_managed_keys: Vec<String>,
    /// `default-service`, `default-batch`, `service` or `batch`; auth methods only.
    pub token_type: Option<String>,
    pub plugin_version: String,
    pub lockout: Lockout,
}

/// When a user of an auth method is locked out: as it was tuned. Zero stands for the default; the methods know it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lockout {
    pub threshold: u32,
    pub duration: Ttl,
    pub counter_reset: Ttl,
    pub disabled: bool,
    /// Whether it was set by `tune`; only then is it shown.
    pub tuned: bool,
}

impl Lockout {
    /// So many failed logins lock a user out; five unless tuned.
    pub fn failures_max(&self) -> u32 {
        if self.threshold == 0 { 5 } else { self.threshold }
    }

    /// For so long; fifteen minutes unless tuned.
    pub fn locked_for(&self) -> Ttl {
        self.duration.or(Ttl::from_seconds(900))
    }

    /// So long after the last failure the count begins anew; fifteen minutes unless tuned.
    pub fn forgotten_after(&self) -> Ttl {
        self.counter_reset.or(Ttl::from_seconds(900))
    }
}

/// Whether a mount is shown to callers without a token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Listing {
    #[default]
    #[serde(rename = "")]
    Unset,
    Hidden,
    Unauth,
}

impl Mount {
    /// An option by name.
    pub fn option(&self, name: &str) -> Option<&str> {
        self.options.get(name).map(String::as_str)
    }

    /// Where this mount's rows are.
    pub fn rows_prefix(&self) -> String {
        ["m/", &self.uuid, "/"].concat()
    }
}
