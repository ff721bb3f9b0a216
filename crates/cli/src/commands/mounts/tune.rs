//! secrets tune, auth tune; and the settings that enable has too.
use super::*;
use crate::call::Call;
use crate::failure::Failure;
use kw_client::Request;
use serde_json::{Map, Value, json};

pub(super) fn tune(call: &mut Call, table: Table) -> Result<i32, Failure> {
    let path = format!("{}/", call.arg(0).trim().trim_matches('/'));
    let mut body = settings(call);
    if let Some(description) = call.text(&DESCRIPTION) {
        body.insert("description".to_owned(), json!(description));
    }
    let options = options(call);
    if !options.is_empty() {
        body.insert("options".to_owned(), json!(options));
    }
    let lockout = lockout(call);
    if !lockout.is_empty() {
        body.insert("user_lockout_config".to_owned(), Value::Object(lockout));
    }
    let answer = call.session()?.send(Request::post(&format!("{}/{path}tune", table.api), &body));
    let answer = answer.map_err(|e| e.during(format!("Error tuning {} {path}", table.noun)))?;
    call.show_warnings(&answer);
    call.say(format!("Success! Tuned the {} at: {path}", table.noun)).map(|()| 0)
}

/// What both enabling and tuning set; only what is given.
pub(super) fn settings(call: &Call) -> Map<String, Value> {
    let mut config = Map::new();
    for (flag, name) in [(&DEFAULT_TTL, "default_lease_ttl"), (&MAX_TTL, "max_lease_ttl")] {
        if let Some(ttl) = call.text(flag) {
            // A negative time means "as the server has it", which the API spells out.
            config.insert(name.to_owned(), json!(if ttl.starts_with('-') { "system" } else { ttl }));
        }
    }
    for (flag, name) in [
        (&AUDIT_REQUEST, "audit_non_hmac_request_keys"),
        (&AUDIT_RESPONSE, "audit_non_hmac_response_keys"),
        (&PASS_REQUEST, "passthrough_request_headers"),
        (&PASS_RESPONSE, "allowed_response_headers"),
    ] {
        let values = call.all(flag);
        if !values.is_empty() {
            config.insert(name.to_owned(), json!(values));
        }
    }
    for (flag, name) in
        [(&VISIBILITY, "listing_visibility"), (&PLUGIN_VERSION, "plugin_version"), (&TOKEN_TYPE, "token_type")]
    {
        if let Some(text) = call.text(flag) {
            config.insert(name.to_owned(), json!(text));
        }
    }
    config
}

/// `-options` and `-version`, which is one of them.
pub(super) fn options(call: &Call) -> std::collections::BTreeMap<String, String> {
    let mut options = call.pairs(&OPTIONS);
    if let Some(version) = call.int(&VERSION).filter(|v| *v > 0) {
        options.insert("version".to_owned(), version.to_string());
    }
    options
}

fn lockout(call: &Call) -> Map<String, Value> {
    let mut lockout = Map::new();
    for (flag, name) in [
        (&LOCKOUT_THRESHOLD, "lockout_threshold"),
        (&LOCKOUT_DURATION, "lockout_duration"),
        (&LOCKOUT_RESET, "lockout_counter_reset_duration"),
    ] {
        if let Some(text) = call.text(flag) {
            lockout.insert(name.to_owned(), json!(text));
        }
    }
    if call.text(&LOCKOUT_DISABLE).is_some() {
        lockout.insert("lockout_disable".to_owned(), json!(call.on(&LOCKOUT_DISABLE)));
    }
    lockout
}
