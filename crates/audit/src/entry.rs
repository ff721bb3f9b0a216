//! The two entries of a request, as JSON lines in Vault's form.
use crate::json::{hashed, hashed_tree, text};
use crate::{Device, Hasher};
use kw_types::Time;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// Who asked, or who was logged in.
#[derive(Clone, Copy, Default)]
pub struct AuthFacts<'a> {
    pub token: &'a str,
    pub accessor: &'a str,
    pub display_name: &'a str,
    pub policies: &'a [String],
    pub token_policies: &'a [String],
    pub identity_policies: &'a [String],
    pub metadata: Option<&'a BTreeMap<String, String>>,
    pub entity_id: &'a str,
    pub token_type: &'a str,
    pub ttl_seconds: u64,
    pub issued: Time,
    /// Whether policy allowed it, and by which policies.
    pub allowed: Option<bool>,
    pub granted_by: &'a [String],
    /// Why it was refused, in words.
    pub reason: &'a str,
}

/// A request header that the operator wants to see.
#[derive(Clone, Debug)]
pub struct HeaderFact {
    pub name: String,
    pub value: String,
    pub hmac: bool,
}

/// What was asked.
#[derive(Clone, Copy, Default)]
pub struct RequestFacts<'a> {
    pub time: Time,
    pub id: &'a str,
    pub operation: &'a str,
    pub path: &'a str,
    pub mount_point: &'a str,
    pub mount_type: &'a str,
    pub mount_accessor: &'a str,
    /// The parameters as a JSON object.
    pub data: Option<&'a str>,
    /// Names of parameters whose values stay readable.
    pub clear: &'a [String],
    pub remote: Option<IpAddr>,
    pub remote_port: u16,
    pub headers: &'a [HeaderFact],
    pub wrap_ttl_seconds: u64,
    /// The token as it was presented, known or not.
    pub token: &'a str,
    pub accessor: &'a str,
    pub auth: Option<AuthFacts<'a>>,
    pub error: Option<&'a str>,
}

/// A wrapping token that was given instead of the answer.
#[derive(Clone, Copy)]
pub struct WrapFacts<'a> {
    pub token: &'a str,
    pub accessor: &'a str,
    pub ttl_seconds: u64,
    pub creation_path: &'a str,
    pub wrapped_accessor: &'a str,
}

/// What was answered.
#[derive(Clone, Copy, Default)]
pub struct ResponseFacts<'a> {
    pub time: Time,
    pub data: Option<&'a str>,
    pub clear: &'a [String],
    pub auth: Option<AuthFacts<'a>>,
    pub lease_id: &'a str,
    pub wrap: Option<WrapFacts<'a>>,
    pub is_list: bool,
    pub error: Option<&'a str>,
}

/// Appends the entry of a request, newline included.
pub fn write_request(device: &Device, facts: &RequestFacts<'_>, out: &mut Vec<u8>) {
    begin(device, facts.time, "request", facts, out);
    end(facts.error, out);
}

/// Appends the entry of an answer, newline included.
pub fn write_response(device: &Device, facts: &RequestFacts<'_>, response: &ResponseFacts<'_>, out: &mut Vec<u8>) {
    begin(device, response.time, "response", facts, out);
    let hasher = device.hasher();
    out.extend_from_slice(br#","response":{"#);
    pair("mount_point", facts.mount_point, true, out);
    pair("mount_type", facts.mount_type, false, out);
    if let Some(auth) = &response.auth {
        out.extend_from_slice(br#","auth":"#);
        write_auth(device, auth, out);
    }
    if !response.lease_id.is_empty() {
        out.extend_from_slice(br#","secret":{"#);
        pair("lease_id", response.lease_id, true, out);
        out.push(b'}');
    }
    if let Some(data) = response.data {
        out.extend_from_slice(br#","data":"#);
        if response.is_list && device.options.elide_list_responses {
            elided(data, out);
        } else {
            hashed_tree(data, hasher, response.clear, out);
        }
    }
    if let Some(wrap) = &response.wrap {
        write_wrap(device, wrap, out);
    }
    out.push(b'}');
    end(response.error.or(facts.error), out);
}

fn begin(device: &Device, time: Time, kind: &str, facts: &RequestFacts<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(device.options.prefix.as_bytes());
    out.extend_from_slice(br#"{"time":""#);
    out.extend_from_slice(time.rfc3339().as_bytes());
    out.extend_from_slice(br#"","type":""#);
    out.extend_from_slice(kind.as_bytes());
    out.extend_from_slice(br#"","auth":"#);
    match &facts.auth {
        Some(auth) => write_auth(device, auth, out),
        None => out.extend_from_slice(b"{}"),
    }
    write_asked(device, facts, out);
}

fn write_asked(device: &Device, facts: &RequestFacts<'_>, out: &mut Vec<u8>) {
    let hasher = device.hasher();
    out.extend_from_slice(br#","request":{"#);
    pair("id", facts.id, true, out);
    pair("operation", facts.operation, false, out);
    pair("mount_point", facts.mount_point, false, out);
    pair("mount_type", facts.mount_type, false, out);
    pair("mount_accessor", facts.mount_accessor, false, out);
    secret_pair("client_token", facts.token, hasher, out);
    secret_pair("client_token_accessor", facts.accessor, device.accessor_hasher(), out);
    out.extend_from_slice(br#","namespace":{"id":"root"}"#);
    pair("path", facts.path, false, out);
    if let Some(data) = facts.data {
        out.extend_from_slice(br#","data":"#);
        hashed_tree(data, hasher, facts.clear, out);
    }
    let address = facts.remote.map(|ip| ip.to_canonical().to_string()).unwrap_or_default();
    pair("remote_address", &address, false, out);
    number("remote_port", u64::from(facts.remote_port), out);
    if facts.wrap_ttl_seconds > 0 {
        number("wrap_ttl", facts.wrap_ttl_seconds, out);
    }
    write_headers(facts.headers, hasher, out);
    out.push(b'}');
}

fn write_auth(device: &Device, auth: &AuthFacts<'_>, out: &mut Vec<u8>) {
    out.push(b'{');
    pair("display_name", auth.display_name, true, out);
    secret_pair("client_token", auth.token, device.hasher(), out);
    secret_pair("accessor", auth.accessor, device.accessor_hasher(), out);
    list("policies", auth.policies, out);
    list("token_policies", auth.token_policies, out);
    if !auth.identity_policies.is_empty() {
        list("identity_policies", auth.identity_policies, out);
    }
    if let Some(allowed) = auth.allowed {
        out.extend_from_slice(br#","policy_results":{"allowed":"#);
        out.extend_from_slice(if allowed { b"true" } else { b"false" });
        if !auth.granted_by.is_empty() {
            list("granting_policies", auth.granted_by, out);
        }
        if !auth.reason.is_empty() {
            pair("reason", auth.reason, false, out);
        }
        out.push(b'}');
    }
    if let Some(metadata) = auth.metadata.filter(|m| !m.is_empty()) {
        out.extend_from_slice(br#","metadata":"#);
        let _ = serde_json::to_writer(&mut *out, metadata);
    }
    pair("entity_id", auth.entity_id, false, out);
    pair("token_type", auth.token_type, false, out);
    number("token_ttl", auth.ttl_seconds, out);
    if auth.issued != Time::ZERO {
        pair("token_issue_time", &auth.issued.rfc3339(), false, out);
    }
    out.push(b'}');
}

fn write_wrap(device: &Device, wrap: &WrapFacts<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(br#","wrap_info":{"ttl":"#);
    out.extend_from_slice(wrap.ttl_seconds.to_string().as_bytes());
    secret_pair("token", wrap.token, device.hasher(), out);
    secret_pair("accessor", wrap.accessor, device.accessor_hasher(), out);
    pair("creation_path", wrap.creation_path, false, out);
    if !wrap.wrapped_accessor.is_empty() {
        secret_pair("wrapped_accessor", wrap.wrapped_accessor, device.accessor_hasher(), out);
    }
    out.push(b'}');
}

fn write_headers(headers: &[HeaderFact], hasher: Option<&Hasher>, out: &mut Vec<u8>) {
    if headers.is_empty() {
        return;
    }
    out.extend_from_slice(br#","headers":{"#);
    for (at, header) in headers.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        text(&header.name, out);
        out.extend_from_slice(b":[");
        hashed(&header.value, hasher.filter(|_| header.hmac), out);
        out.push(b']');
    }
    out.push(b'}');
}

fn end(error: Option<&str>, out: &mut Vec<u8>) {
    if let Some(error) = error {
        pair("error", error, false, out);
    }
    out.extend_from_slice(b"}\n");
}

/// A list's answer by its size alone.
fn elided(data: &str, out: &mut Vec<u8>) {
    let keys = serde_json::from_str::<serde_json::Value>(data).ok().and_then(|v| v.get("keys")?.as_array().map(Vec::len)).unwrap_or(0);
    out.extend_from_slice(format!(r#"{{"keys":{keys}}}"#).as_bytes());
}

fn name(name: &str, is_first: bool, out: &mut Vec<u8>) {
    out.extend_from_slice(if is_first { b"\"" } else { b",\"" });
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\":");
}

fn pair(key: &str, value: &str, is_first: bool, out: &mut Vec<u8>) {
    name(key, is_first, out);
    text(value, out);
}

fn secret_pair(key: &str, value: &str, hasher: Option<&Hasher>, out: &mut Vec<u8>) {
    if !value.is_empty() {
        name(key, false, out);
        hashed(value, hasher, out);
    }
}

fn number(key: &str, value: u64, out: &mut Vec<u8>) {
    name(key, false, out);
    let mut digits = [0_u8; 20];
    let mut at = digits.len();
    let mut left = value;
    loop {
        at -= 1;
        if let Some(slot) = digits.get_mut(at) {
            *slot = b'0' + (left % 10) as u8;
        }
        left /= 10;
        if left == 0 {
            break;
        }
    }
    out.extend_from_slice(digits.get(at..).unwrap_or_default());
}

fn list(key: &str, values: &[String], out: &mut Vec<u8>) {
    name(key, false, out);
    out.push(b'[');
    for (at, value) in values.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        text(value, out);
    }
    out.push(b']');
}
