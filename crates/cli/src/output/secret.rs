//! The rows of an answer: wrapping, token, lease and data.
use super::human::{duration, plain, plain_for_key};
use kw_client::{ApiResponse, Auth, Json, WrapInfo};
use serde_json::json;

type Row = (String, String);

/// What a table shows of an answer.
pub(super) fn rows(answer: &ApiResponse) -> Vec<Row> {
    let mut rows = Vec::new();
    if let Some(wrap) = &answer.wrap_info {
        wrap_rows(wrap, &mut rows);
    }
    if let Some(auth) = &answer.auth {
        auth_rows(auth, &mut rows);
    }
    if answer.lease_duration > 0 {
        lease_rows(answer, &mut rows);
    }
    match &answer.data {
        Some(Json::Object(data)) => rows.extend(data.iter().map(|(k, v)| (k.clone(), plain_for_key(k, v)))),
        Some(other) => rows.push(("data".to_owned(), plain(other))),
        None => {}
    }
    rows
}

/// One field: of the token, the wrapping or the lease by its name in the table, else of the data.
pub(super) fn field(answer: &ApiResponse, name: &str) -> Option<Json> {
    match (name, &answer.auth, &answer.wrap_info) {
        ("token", Some(auth), _) => Some(json!(auth.client_token).into()),
        ("token_accessor", Some(auth), _) => Some(json!(auth.accessor).into()),
        ("token_duration", Some(auth), _) => Some(json!(auth.lease_duration).into()),
        ("token_renewable", Some(auth), _) => Some(json!(auth.renewable).into()),
        ("token_policies", Some(auth), _) => Some(json!(auth.token_policies.clone().unwrap_or_default()).into()),
        ("identity_policies", Some(auth), _) => Some(json!(auth.identity_policies.clone().unwrap_or_default()).into()),
        ("policies", Some(auth), _) => Some(json!(auth.policies.clone().unwrap_or_default()).into()),
        ("wrapping_token", _, Some(wrap)) => Some(json!(wrap.token).into()),
        ("wrapping_accessor", _, Some(wrap)) => Some(json!(wrap.accessor).into()),
        ("wrapping_token_ttl", _, Some(wrap)) => Some(json!(wrap.ttl).into()),
        ("wrapping_token_creation_time", _, Some(wrap)) => Some(json!(wrap.creation_time).into()),
        ("wrapping_token_creation_path", _, Some(wrap)) => Some(json!(wrap.creation_path).into()),
        ("wrapped_accessor", _, Some(wrap)) => Some(json!(wrap.wrapped_accessor).into()),
        ("lease_id", None, None) => Some(json!(answer.lease_id).into()),
        ("lease_duration" | "refresh_interval", None, None) => Some(json!(answer.lease_duration).into()),
        ("lease_renewable", None, None) => Some(json!(answer.renewable).into()),
        _ => answer.field(name).cloned().or_else(|| metadata_field(answer, name)),
    }
}

fn metadata_field(answer: &ApiResponse, name: &str) -> Option<Json> {
    let key = name.strip_prefix("token_meta_")?;
    let value = answer.auth.as_ref()?.metadata.as_ref()?.get(key)?;
    Some(Json::String(value.clone()))
}

fn wrap_rows(wrap: &WrapInfo, rows: &mut Vec<Row>) {
    let mut add = |name: &str, value: String| rows.push((name.to_owned(), value));
    add("wrapping_token:", wrap.token.expose().clone());
    add("wrapping_accessor:", wrap.accessor.clone());
    add("wrapping_token_ttl:", duration(wrap.ttl));
    add("wrapping_token_creation_time:", go_time(&wrap.creation_time));
    add("wrapping_token_creation_path:", wrap.creation_path.clone());
    if !wrap.wrapped_accessor.is_empty() {
        add("wrapped_accessor:", wrap.wrapped_accessor.clone());
    }
}

fn auth_rows(auth: &Auth, rows: &mut Vec<Row>) {
    let mut add = |name: &str, value: String| rows.push((name.to_owned(), value));
    add("token", auth.client_token.expose().clone());
    add("token_accessor", auth.accessor.clone());
    // A token without an end has a duration of zero.
    add("token_duration", if auth.lease_duration == 0 { "∞".to_owned() } else { duration(auth.lease_duration) });
    add("token_renewable", auth.renewable.to_string());
    add("token_policies", quoted(auth.token_policies.as_deref()));
    add("identity_policies", quoted(auth.identity_policies.as_deref()));
    add("policies", quoted(auth.policies.as_deref()));
    for (key, value) in auth.metadata.iter().flatten() {
        add(&format!("token_meta_{key}"), value.clone());
    }
}

fn lease_rows(answer: &ApiResponse, rows: &mut Vec<Row>) {
    let mut add = |name: &str, value: String| rows.push((name.to_owned(), value));
    if answer.lease_id.is_empty() {
        // Without a lease this is only a hint when to read again.
        add("refresh_interval", duration(answer.lease_duration));
    } else {
        add("lease_id", answer.lease_id.clone());
        add("lease_duration", duration(answer.lease_duration));
        add("lease_renewable", answer.renewable.to_string());
    }
}

fn quoted(names: Option<&[String]>) -> String {
    let names: Vec<_> = names.unwrap_or_default().iter().map(|n| format!("\"{n}\"")).collect();
    format!("[{}]", names.join(" "))
}

/// `2023-01-02 03:04:05.6 +0000 UTC` from RFC 3339, the form that tables have always had; other texts stay.
fn go_time(text: &str) -> String {
    match (text.strip_suffix('Z'), text.split_once('T')) {
        (Some(utc), Some(_)) => format!("{} +0000 UTC", utc.replacen('T', " ", 1)),
        _ => text.to_owned(),
    }
}
