//! A mount as callers see it.
use crate::kernel::Kernel;
use kw_engine::{Listing, Lockout, Mount, MountConfig};
use serde::Serialize;
use std::collections::BTreeMap;

/// The version of built-in engines at the level of the API that this server speaks; clients show it and take any text.
pub(in crate::sys) const ENGINE_VERSION: &str = "v2.0.0+builtin.bao";

/// One mount, as `sys/mounts`, `sys/auth` and `sys/internal/ui/mounts` show it to whoever may see it.
#[derive(Serialize)]
pub(super) struct MountFacts<'a> {
    accessor: &'a str,
    config: ConfigFacts<'a>,
    deprecation_status: &'static str,
    description: &'a str,
    external_entropy_access: bool,
    local: bool,
    /// Null for the mounts that every installation has.
    options: Option<&'a BTreeMap<String, String>>,
    plugin_version: &'static str,
    running_plugin_version: &'static str,
    running_sha256: &'static str,
    seal_wrap: bool,
    #[serde(rename = "type")]
    kind: &'a str,
    uuid: &'a str,
}

/// The configuration as it was set. Times to live are in seconds; 0 means the server's own.
#[derive(Serialize)]
struct ConfigFacts<'a> {
    default_lease_ttl: u64,
    max_lease_ttl: u64,
    force_no_cache: bool,
    #[serde(flatten)]
    rest: Rest<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_lockout_config: Option<LockoutFacts>,
}

/// What the tune answer holds: times to live as they are in force, in seconds.
#[derive(Serialize)]
pub(super) struct TuneFacts<'a> {
    default_lease_ttl: u64,
    max_lease_ttl: u64,
    description: &'a str,
    force_no_cache: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    options: Option<&'a BTreeMap<String, String>>,
    #[serde(flatten)]
    rest: Rest<'a>,
    #[serde(flatten)]
    lockout: Option<LockoutFacts>,
}

/// What is shown only where it was set.
#[derive(Serialize)]
struct Rest<'a> {
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    audit_non_hmac_request_keys: &'a [String],
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    audit_non_hmac_response_keys: &'a [String],
    #[serde(skip_serializing_if = "is_unset")]
    listing_visibility: Listing,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    passthrough_request_headers: &'a [String],
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    allowed_response_headers: &'a [String],
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    allowed_managed_keys: &'a [String],
    /// Auth methods only.
    #[serde(skip_serializing_if = "Option::is_none")]
    token_type: Option<&'a str>,
}

#[derive(Serialize)]
struct LockoutFacts {
    user_lockout_counter_reset_duration: u64,
    user_lockout_disable: bool,
    user_lockout_duration: u64,
    user_lockout_threshold: u32,
}

fn is_unset(listing: &Listing) -> bool {
    *listing == Listing::Unset
}

impl<'a> MountFacts<'a> {
    /// `is_built_in`: every installation has it.
    pub fn of(mount: &'a Mount, is_built_in: bool) -> Self {
        let config = &mount.config;
        Self {
            accessor: &mount.accessor,
            config: ConfigFacts {
                default_lease_ttl: config.default_lease_ttl.seconds(),
                max_lease_ttl: config.max_lease_ttl.seconds(),
                force_no_cache: config.force_no_cache,
                rest: Rest::of(mount),
                user_lockout_config: LockoutFacts::of(&config.lockout),
            },
            deprecation_status: "supported",
            description: &mount.description,
            external_entropy_access: mount.external_entropy_access,
            local: mount.local,
            options: Some(&mount.options).filter(|o| !is_built_in || !o.is_empty()),
            plugin_version: "",
            running_plugin_version: ENGINE_VERSION,
            running_sha256: "",
            seal_wrap: mount.seal_wrap,
            kind: &mount.kind,
            uuid: &mount.uuid,
        }
    }
}

impl<'a> TuneFacts<'a> {
    pub fn of(kernel: &Kernel, mount: &'a Mount) -> Self {
        let MountConfig { default_lease_ttl, max_lease_ttl, force_no_cache, lockout, .. } = &mount.config;
        let max = max_lease_ttl.or(kernel.settings.max_lease_ttl);
        Self {
            default_lease_ttl: default_lease_ttl.or(kernel.settings.default_lease_ttl).min(max).seconds(),
            max_lease_ttl: max.seconds(),
            description: &mount.description,
            force_no_cache: *force_no_cache,
            options: Some(&mount.options).filter(|o| !o.is_empty()),
            rest: Rest::of(mount),
            lockout: LockoutFacts::of(lockout),
        }
    }
}

impl<'a> Rest<'a> {
    fn of(mount: &'a Mount) -> Self {
        let config = &mount.config;
        Self {
            audit_non_hmac_request_keys: &config.audit_non_hmac_request_keys,
            audit_non_hmac_response_keys: &config.audit_non_hmac_response_keys,
            listing_visibility: config.listing_visibility,
            passthrough_request_headers: &config.passthrough_request_headers,
            allowed_response_headers: &config.allowed_response_headers,
            allowed_managed_keys: &config.allowed_managed_keys,
            token_type: mount.auth.then(|| config.token_type.as_deref().unwrap_or("default-service")),
        }
    }
}

impl LockoutFacts {
    fn of(lockout: &Lockout) -> Option<Self> {
        lockout.tuned.then(|| Self {
            user_lockout_counter_reset_duration: lockout.counter_reset.seconds(),
            user_lockout_disable: lockout.disabled,
            user_lockout_duration: lockout.duration.seconds(),
            user_lockout_threshold: lockout.threshold,
        })
    }
}
