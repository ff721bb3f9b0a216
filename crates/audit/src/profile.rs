//! A caller as entries show it: the same in every entry of one token, so it is rendered once.
use crate::Device;
use crate::entry::{AuthFacts, Verdict};
use crate::json::{flag, list, number, pair, secret_pair};
use kw_types::Time;

/// What one device writes of a caller. It holds hashes and no token.
pub struct Profile {
    /// Display name, token, accessor and policies.
    head: Box<[u8]>,
    /// What comes after the verdict of policy.
    tail: Box<[u8]>,
    /// Token and accessor, as the request's block has them.
    credential: Box<[u8]>,
}

impl Profile {
    /// Renders a caller as this device writes it.
    pub fn new(device: &Device, auth: &AuthFacts<'_>) -> Self {
        let mut credential = Vec::with_capacity(256);
        secret_pair(r#","client_token":"#, auth.token, device.hasher(), &mut credential);
        secret_pair(r#","client_token_accessor":"#, auth.accessor, device.accessor_hasher(), &mut credential);
        Self { head: head(device, auth).into(), tail: tail(auth).into(), credential: credential.into() }
    }

    /// Appends the members of `auth`, without the braces around them.
    pub(crate) fn write(&self, verdict: Option<&Verdict<'_>>, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.head);
        if let Some(verdict) = verdict {
            flag(r#","policy_results":{"allowed":"#, verdict.allowed, out);
            if !verdict.granted_by.is_empty() {
                list(r#","granting_policies":"#, verdict.granted_by, out);
            }
            if !verdict.reason.is_empty() {
                pair(r#","reason":"#, verdict.reason, out);
            }
            out.push(b'}');
        }
        out.extend_from_slice(&self.tail);
    }

    /// Appends the members of `request` that tell of the token, with a comma before them.
    pub(crate) fn write_credential(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.credential);
    }
}

fn head(device: &Device, auth: &AuthFacts<'_>) -> Vec<u8> {
    let mut out = Vec::with_capacity(512);
    pair(r#""display_name":"#, auth.display_name, &mut out);
    secret_pair(r#","client_token":"#, auth.token, device.hasher(), &mut out);
    secret_pair(r#","accessor":"#, auth.accessor, device.accessor_hasher(), &mut out);
    list(r#","policies":"#, auth.policies, &mut out);
    list(r#","token_policies":"#, auth.token_policies, &mut out);
    if !auth.identity_policies.is_empty() {
        list(r#","identity_policies":"#, auth.identity_policies, &mut out);
    }
    out
}

fn tail(auth: &AuthFacts<'_>) -> Vec<u8> {
    let mut out = Vec::with_capacity(256);
    if let Some(metadata) = auth.metadata.filter(|m| !m.is_empty()) {
        out.extend_from_slice(br#","metadata":"#);
        // Writing into a Vec does not fail.
        let _ = serde_json::to_writer(&mut out, metadata);
    }
    pair(r#","entity_id":"#, auth.entity_id, &mut out);
    pair(r#","token_type":"#, auth.token_type, &mut out);
    number(r#","token_ttl":"#, auth.ttl_seconds, &mut out);
    if auth.issued != Time::ZERO {
        pair(r#","token_issue_time":"#, &auth.issued.rfc3339(), &mut out);
    }
    out
}
