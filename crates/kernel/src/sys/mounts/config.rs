//! The tunable part of a mount, as callers send it at enabling and at tuning.
use kw_engine::{Listing, Mount};
use kw_schema::{Captures, Coerce, Input, KeyValues, Kind, Params, Raw, Request};
use kw_types::{Fault, Ttl};
use serde_json::value::RawValue;
use std::borrow::Cow;

/// What can be set of a mount's configuration; what is not given stays as it is.
#[derive(Request, Default)]
pub(super) struct ConfigAsk {
    /// How long leases and tokens live unless they say otherwise; `system` takes the server's own default.
    default_lease_ttl: LimitTtl,
    /// How long leases and tokens live at most; `system` takes the server's own limit.
    max_lease_ttl: LimitTtl,
    /// Kept for clients that set it; this server has no cache that could be stale.
    force_no_cache: Option<bool>,
    /// Request fields that audit shows as they are.
    audit_non_hmac_request_keys: Option<Vec<String>>,
    /// Answer fields that audit shows as they are.
    audit_non_hmac_response_keys: Option<Vec<String>>,
    /// `unauth` shows the mount to callers without a token; `hidden` or nothing does not.
    listing_visibility: Option<String>,
    /// Request headers that the engine may see.
    passthrough_request_headers: Option<Vec<String>>,
    /// Answer headers that the engine may set.
    allowed_response_headers: Option<Vec<String>>,
    /// Managed keys that the engine may use.
    allowed_managed_keys: Option<Vec<String>>,
    /// Auth methods: `default-service`, `default-batch`, `service` or `batch`.
    token_type: Option<String>,
    /// Leave it away: engines are part of the server and have its version.
    plugin_version: String,
}

impl ConfigAsk {
    /// The asked token type. Errors: 400 for a word that is none.
    fn token_type(&self) -> Result<Option<String>, Fault> {
        match self.token_type.as_deref() {
            None => Ok(None),
            Some("") => Ok(Some("default-service".to_owned())),
            Some(word @ ("default-service" | "default-batch" | "service" | "batch")) => Ok(Some(word.to_owned())),
            Some(_) => Err(Fault::bad_request(
                "invalid value for 'token_type': take default-service, default-batch, service or batch",
            )),
        }
    }

    /// Whether a token type is asked for.
    pub fn has_token_type(&self) -> bool {
        self.token_type.is_some()
    }

    /// Sets what is given. `system_max` is the server's longest time to live: a default over it needs a longer `max_lease_ttl`.
    ///
    /// Errors: 400 for values that cannot be, alone or beside what the mount has.
    pub fn apply(&self, mount: &mut Mount, system_max: Ttl) -> Result<(), Fault> {
        let token_type = self.token_type()?;
        if !matches!(self.plugin_version.as_str(), "" | super::show::ENGINE_VERSION) {
            return Err(Fault::bad_request(
                "engines are part of this server and have no versions: remove plugin_version",
            ));
        }
        let config = &mut mount.config;
        if let Some(word) = &self.listing_visibility {
            config.listing_visibility = listing(word)?;
        }
        if mount.auth && token_type.is_some() {
            config.token_type = token_type;
        }
        set(&mut config.default_lease_ttl, self.default_lease_ttl.0);
        set(&mut config.max_lease_ttl, self.max_lease_ttl.0);
        set(&mut config.force_no_cache, self.force_no_cache);
        set(&mut config.audit_non_hmac_request_keys, self.audit_non_hmac_request_keys.clone());
        set(&mut config.audit_non_hmac_response_keys, self.audit_non_hmac_response_keys.clone());
        set(&mut config.passthrough_request_headers, self.passthrough_request_headers.clone());
        set(&mut config.allowed_response_headers, self.allowed_response_headers.clone());
        set(&mut config.allowed_managed_keys, self.allowed_managed_keys.clone());
        let (default, max) = (config.default_lease_ttl, config.max_lease_ttl);
        if !max.is_zero() && max < default {
            return Err(Fault::bad_request(format!(
                "backend max lease TTL of {} would be less than backend default lease TTL of {}",
                max.seconds(),
                default.seconds()
            )));
        }
        if max.is_zero() && default > system_max {
            let text = format!("given default lease TTL greater than system max lease TTL of {}", system_max.seconds());
            return Err(Fault::bad_request(text));
        }
        Ok(())
    }
}

fn listing(word: &str) -> Result<Listing, Fault> {
    match word {
        "" => Ok(Listing::Unset),
        "hidden" => Ok(Listing::Hidden),
        "unauth" => Ok(Listing::Unauth),
        _ => Err(Fault::bad_request("invalid listing_visibility: take 'unauth', 'hidden' or nothing")),
    }
}

fn set<T>(field: &mut T, given: Option<T>) {
    if let Some(value) = given {
        *field = value;
    }
}

/// When users are locked out; what is not given stays as it is.
#[derive(Request, Default)]
pub(super) struct LockoutAsk {
    /// So many failed logins lock a user out; 0 takes the server's default.
    lockout_threshold: Option<u32>,
    /// For so long; 0 takes the server's default.
    lockout_duration: Option<Ttl>,
    /// So long after the last failure the count begins anew; 0 takes the server's default.
    lockout_counter_reset_duration: Option<Ttl>,
    /// Switches locking out off.
    lockout_disable: Option<bool>,
}

impl LockoutAsk {
    pub fn apply(&self, mount: &mut Mount) {
        let lockout = &mut mount.config.lockout;
        lockout.tuned = true;
        set(&mut lockout.threshold, self.lockout_threshold);
        set(&mut lockout.duration, self.lockout_duration);
        set(&mut lockout.counter_reset, self.lockout_counter_reset_duration);
        set(&mut lockout.disabled, self.lockout_disable);
    }
}

/// Options of the engine's own: given ones replace, empty ones remove.
///
/// Errors: 400 for a lower `version`: that names the form of the engine's rows, which it cannot take back.
pub(super) fn apply_options(mount: &mut Mount, given: &KeyValues) -> Result<(), Fault> {
    let number = |text: Option<&str>| text.and_then(|t| t.parse::<u32>().ok());
    let (before, after) = (number(mount.option("version")), number(given.0.get("version").map(String::as_str)));
    if let (Some(before), true) = (before, given.0.contains_key("version"))
        && after.is_none_or(|after| after < before)
    {
        return Err(Fault::bad_request(format!("cannot downgrade mount from version {before}")));
    }
    for (name, value) in &given.0 {
        if value.is_empty() {
            mount.options.remove(name);
        } else {
            mount.options.insert(name.clone(), value.clone());
        }
    }
    Ok(())
}

/// A limit that may be handed back to the server. `None`: not given.
#[derive(Clone, Copy, Debug, Default)]
struct LimitTtl(Option<Ttl>);

impl Coerce for LimitTtl {
    const KIND: Kind = Kind::Duration;
    fn coerce(raw: &Raw<'_>) -> Result<Self, Cow<'static, str>> {
        match String::coerce(raw)?.as_str() {
            "" => Ok(Self(None)),
            "system" => Ok(Self(Some(Ttl::ZERO))),
            _ => Ttl::coerce(raw).map(|ttl| Self(Some(ttl))),
        }
    }
}

/// An object inside a body, read like a body of its own.
#[derive(Default)]
pub(super) struct Nested<T>(pub T);

impl<T: Request> Coerce for Nested<T> {
    const KIND: Kind = Kind::Json;
    fn coerce(raw: &Raw<'_>) -> Result<Self, Cow<'static, str>> {
        const WRONG: Cow<'static, str> = Cow::Borrowed("must be an object");
        let boxed: Box<RawValue>;
        let json: &RawValue = match raw {
            Raw::Json(json) => json,
            // The command line sends objects as text.
            Raw::Text(text) => {
                boxed = serde_json::from_str(text).map_err(|_| WRONG)?;
                &boxed
            }
        };
        let said = |fault: Fault| fault.public().first().cloned().unwrap_or(WRONG);
        let params = Params::from_json(json.get().as_bytes()).map_err(said)?;
        T::parse(&Input { captures: Captures::default(), params }).map(Self).map_err(said)
    }
}
