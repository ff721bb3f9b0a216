//! The two entries of a request, as JSON lines in Vault's form.
use crate::json::{hashed, hashed_tree, number, pair, plain_pair, secret_pair, text};
use crate::{Device, Hasher, Profile};
use kw_types::{Buffer, Time};
use std::collections::BTreeMap;
use std::io::Write as _;
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
}

/// What policy said.
#[derive(Clone, Copy)]
pub struct Verdict<'a> {
    pub allowed: bool,
    /// The policies that allowed it.
    pub granted_by: &'a [&'a str],
    /// Why it was refused, in words.
    pub reason: &'a str,
}

/// A request header that the operator wants to see.
#[derive(Clone, Copy, Debug)]
pub struct HeaderFact<'a> {
    pub name: &'a str,
    pub value: &'a str,
    pub hmac: bool,
}

/// What was asked.
#[derive(Clone, Copy, Default)]
pub struct RequestFacts<'a> {
    /// A UUID.
    pub id: &'a str,
    /// A word of letters.
    pub operation: &'a str,
    pub path: &'a str,
    /// Where the path leads, if anywhere.
    pub mount: Option<&'a MountText>,
    /// The parameters as a JSON object.
    pub data: Option<&'a str>,
    /// Names of parameters whose values stay readable.
    pub clear: &'a [String],
    pub remote: Option<IpAddr>,
    pub remote_port: u16,
    pub headers: &'a [HeaderFact<'a>],
    pub wrap_ttl_seconds: u64,
    /// The token as it was presented, known or not. Not looked at where there is a [`Profile`].
    pub token: &'a str,
    /// `None` on open routes, and while nobody was asked.
    pub verdict: Option<Verdict<'a>>,
}

/// A mount as entries show it: the same for all its requests, so it is rendered once.
#[derive(Clone, Debug)]
pub struct MountText {
    text: Box<[u8]>,
    /// Where the accessor begins, which entries of answers do not have.
    accessor_at: usize,
}

impl MountText {
    pub fn new(path: &str, kind: &str, accessor: &str) -> Self {
        let mut out = Vec::new();
        pair(r#""mount_point":"#, path, &mut out);
        pair(r#","mount_type":"#, kind, &mut out);
        let accessor_at = out.len();
        pair(r#","mount_accessor":"#, accessor, &mut out);
        Self { text: out.into(), accessor_at }
    }
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
    pub mount: Option<&'a MountText>,
    pub data: Option<&'a str>,
    pub clear: &'a [String],
    pub auth: Option<AuthFacts<'a>>,
    pub lease_id: &'a str,
    pub wrap: Option<WrapFacts<'a>>,
    pub is_list: bool,
    pub error: Option<&'a str>,
}

/// Who asked what, rendered for one device: the part that both entries of a request share. Rendering is most of the cost of an
/// entry, so it is done once.
pub struct Subject(Buffer);

impl Subject {
    /// Renders the facts as this device writes them. `profile` is that of the caller for this device.
    pub fn new(device: &Device, facts: &RequestFacts<'_>, profile: Option<&Profile>) -> Self {
        let mut out = Buffer::with_capacity(1024);
        out.extend_from_slice(br#"","auth":{"#);
        if let Some(profile) = profile {
            profile.write(facts.verdict.as_ref(), &mut out);
        }
        out.push(b'}');
        write_asked(device, facts, profile, &mut out);
        Self(out)
    }
}

/// Appends the entry of a request, newline included.
pub fn write_request(device: &Device, time: Time, subject: &Subject, error: Option<&str>, out: &mut Vec<u8>) {
    begin(device, time, "request", subject, out);
    end(error, out);
}

/// Appends the entry of an answer, newline included.
pub fn write_response(device: &Device, subject: &Subject, response: &ResponseFacts<'_>, out: &mut Vec<u8>) {
    begin(device, response.time, "response", subject, out);
    out.extend_from_slice(br#","response":{"#);
    match response.mount {
        Some(mount) => out.extend_from_slice(mount.text.get(..mount.accessor_at).unwrap_or_default()),
        None => out.extend_from_slice(br#""mount_point":"","mount_type":"""#),
    }
    if let Some(auth) = &response.auth {
        out.extend_from_slice(br#","auth":{"#);
        Profile::new(device, auth).write(None, out);
        out.push(b'}');
    }
    if !response.lease_id.is_empty() {
        out.extend_from_slice(br#","secret":{"#);
        pair(r#""lease_id":"#, response.lease_id, out);
        out.push(b'}');
    }
    if let Some(data) = response.data {
        out.extend_from_slice(br#","data":"#);
        if response.is_list && device.options.elide_list_responses {
            elided(data, out);
        } else {
            hashed_tree(data, device.hasher(), response.clear, out);
        }
    }
    if let Some(wrap) = &response.wrap {
        write_wrap(device, wrap, out);
    }
    out.push(b'}');
    end(response.error, out);
}

fn begin(device: &Device, time: Time, kind: &str, subject: &Subject, out: &mut Vec<u8>) {
    out.extend_from_slice(device.options.prefix.as_bytes());
    out.extend_from_slice(br#"{"time":""#);
    time.push_rfc3339(out);
    out.extend_from_slice(br#"","type":""#);
    out.extend_from_slice(kind.as_bytes());
    out.extend_from_slice(&subject.0);
}

fn write_asked(device: &Device, facts: &RequestFacts<'_>, profile: Option<&Profile>, out: &mut Vec<u8>) {
    let hasher = device.hasher();
    out.extend_from_slice(br#","request":{"#);
    plain_pair(r#""id":"#, facts.id, out);
    plain_pair(r#","operation":"#, facts.operation, out);
    out.push(b',');
    match facts.mount {
        Some(mount) => out.extend_from_slice(&mount.text),
        None => out.extend_from_slice(br#""mount_point":"","mount_type":"","mount_accessor":"""#),
    }
    match profile {
        Some(profile) => profile.write_credential(out),
        None => secret_pair(r#","client_token":"#, facts.token, hasher, out),
    }
    out.extend_from_slice(br#","namespace":{"id":"root"}"#);
    pair(r#","path":"#, facts.path, out);
    if let Some(data) = facts.data {
        out.extend_from_slice(br#","data":"#);
        hashed_tree(data, hasher, facts.clear, out);
    }
    out.extend_from_slice(br#","remote_address":""#);
    write_address(facts.remote, out);
    out.push(b'"');
    number(r#","remote_port":"#, u64::from(facts.remote_port), out);
    if facts.wrap_ttl_seconds > 0 {
        number(r#","wrap_ttl":"#, facts.wrap_ttl_seconds, out);
    }
    write_headers(facts.headers, hasher, out);
    out.push(b'}');
}

fn write_address(address: Option<IpAddr>, out: &mut Vec<u8>) {
    match address.map(|ip| ip.to_canonical()) {
        // The most frequent form, without the formatter.
        Some(IpAddr::V4(v4)) => {
            for (at, part) in v4.octets().into_iter().enumerate() {
                number(if at > 0 { "." } else { "" }, u64::from(part), out);
            }
        }
        // Writing into a Vec does not fail.
        Some(v6) => drop(write!(out, "{v6}")),
        None => {}
    }
}

fn write_wrap(device: &Device, wrap: &WrapFacts<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(br#","wrap_info":{"ttl":"#);
    out.extend_from_slice(wrap.ttl_seconds.to_string().as_bytes());
    secret_pair(r#","token":"#, wrap.token, device.hasher(), out);
    secret_pair(r#","accessor":"#, wrap.accessor, device.accessor_hasher(), out);
    pair(r#","creation_path":"#, wrap.creation_path, out);
    if !wrap.wrapped_accessor.is_empty() {
        secret_pair(r#","wrapped_accessor":"#, wrap.wrapped_accessor, device.accessor_hasher(), out);
    }
    out.push(b'}');
}

fn write_headers(headers: &[HeaderFact<'_>], hasher: Option<&Hasher>, out: &mut Vec<u8>) {
    if headers.is_empty() {
        return;
    }
    out.extend_from_slice(br#","headers":{"#);
    for (at, header) in headers.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        text(header.name, out);
        out.extend_from_slice(b":[");
        hashed(header.value, hasher.filter(|_| header.hmac), out);
        out.push(b']');
    }
    out.push(b'}');
}

fn end(error: Option<&str>, out: &mut Vec<u8>) {
    if let Some(error) = error {
        pair(r#","error":"#, error, out);
    }
    out.extend_from_slice(b"}\n");
}

/// A list's answer by its size alone.
fn elided(data: &str, out: &mut Vec<u8>) {
    let keys = serde_json::from_str::<serde_json::Value>(data)
        .ok()
        .and_then(|v| v.get("keys")?.as_array().map(Vec::len))
        .unwrap_or(0);
    out.extend_from_slice(format!(r#"{{"keys":{keys}}}"#).as_bytes());
}
