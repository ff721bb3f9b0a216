//! The answer on the wire: Vault's JSON envelope.
use kw_engine::JsonText;
use kw_types::{Buffer, Fault, Time};
use serde::Serialize;
use std::collections::BTreeMap;

/// A response header.
pub type Header = (&'static str, String);

/// What goes back. Only the pipeline makes one.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub content_type: &'static str,
    pub body: Buffer,
    pub headers: Vec<Header>,
}

/// `auth` of the envelope: a token that was made or renewed.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct AuthAnswer {
    pub client_token: String,
    pub accessor: String,
    pub policies: Vec<String>,
    pub token_policies: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub identity_policies: Vec<String>,
    pub metadata: Option<BTreeMap<String, String>>,
    pub lease_duration: u64,
    pub renewable: bool,
    pub entity_id: String,
    pub token_type: &'static str,
    pub orphan: bool,
    /// Always null: login MFA is not built yet.
    pub mfa_requirement: Option<()>,
    pub num_uses: u64,
    /// For the audit entry; not sent.
    #[serde(skip)]
    pub display_name: String,
}

/// `wrap_info` of the envelope.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct WrapAnswer {
    pub token: String,
    pub accessor: String,
    pub ttl: u64,
    pub creation_time: String,
    pub creation_path: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub wrapped_accessor: String,
}

/// The parts of an envelope before they are text.
#[derive(Default)]
pub(crate) struct Envelope {
    pub lease_id: String,
    pub renewable: bool,
    pub lease_duration: u64,
    pub data: Option<JsonText>,
    pub auth: Option<Box<AuthAnswer>>,
    pub wrap: Option<Box<WrapAnswer>>,
    pub warnings: Vec<String>,
    /// The type of an engine or method; the system's own is not told.
    pub mount_type: Option<&'static str>,
    /// The public handle of a secret in `data`: told beside a wrapping token; not sent otherwise.
    pub accessor: String,
    /// The members of `data` are members of the envelope too, as `sys/` has it.
    pub is_flat: bool,
}

impl Envelope {
    /// Whether there is nothing in it that a caller could want to have wrapped.
    pub fn is_empty(&self) -> bool {
        self.data.is_none() && self.auth.is_none() && self.lease_id.is_empty()
    }

    fn is_leased(&self) -> bool {
        self.renewable || self.lease_duration > 0 || !self.lease_id.is_empty()
    }

    /// The JSON text, with `data` spliced in as it is.
    pub fn to_json(&self, request_id: &str) -> Buffer {
        let data = self.data.as_ref().map_or("null", JsonText::get);
        // Vault's answers with a wrapping token have an empty one; the request's own is inside.
        let request_id = if self.wrap.is_some() { "" } else { request_id };
        let mut out = Buffer::with_capacity(data.len() + 256);
        out.extend_from_slice(br#"{"request_id":""#);
        out.extend_from_slice(request_id.as_bytes());
        if self.is_leased() {
            out.extend_from_slice(br#"","lease_id":"#);
            push(&self.lease_id, &mut out);
            out.extend_from_slice(if self.renewable { br#","renewable":true"# } else { br#","renewable":false"# });
            out.extend_from_slice(br#","lease_duration":"#);
            push(&self.lease_duration, &mut out);
        } else {
            out.extend_from_slice(br#"","lease_id":"","renewable":false,"lease_duration":0"#);
        }
        out.extend_from_slice(br#","data":"#);
        out.extend_from_slice(data.as_bytes());
        if self.wrap.is_some() || self.auth.is_some() || !self.warnings.is_empty() {
            out.extend_from_slice(br#","wrap_info":"#);
            push(&self.wrap, &mut out);
            out.extend_from_slice(br#","warnings":"#);
            push(&Some(&self.warnings).filter(|w| !w.is_empty()), &mut out);
            out.extend_from_slice(br#","auth":"#);
            push(&self.auth, &mut out);
        } else {
            out.extend_from_slice(br#","wrap_info":null,"warnings":null,"auth":null"#);
        }
        if let Some(mount_type) = self.mount_type {
            out.extend_from_slice(br#","mount_type":"#);
            push(mount_type, &mut out);
        }
        if self.is_flat {
            let members = data.trim().strip_prefix('{').and_then(|d| d.strip_suffix('}')).map(str::trim);
            if let Some(members) = members.filter(|m| !m.is_empty()) {
                out.push(b',');
                out.extend_from_slice(members.as_bytes());
            }
        }
        out.push(b'}');
        out
    }
}

fn push<T: Serialize + ?Sized>(value: &T, out: &mut Vec<u8>) {
    // Writing our own types into a Vec does not fail.
    let _ = serde_json::to_writer(out, value);
}

impl Answer {
    pub(crate) fn json(status: u16, body: Buffer) -> Self {
        Self { status, content_type: "application/json", body, headers: Vec::new() }
    }

    pub(crate) fn empty(status: u16) -> Self {
        Self { status, content_type: "", body: Buffer::default(), headers: Vec::new() }
    }

    /// A refusal. One with data (a deleted version) has the envelope, any other the list of texts.
    pub(crate) fn fault(fault: &Fault, request_id: &str) -> Self {
        if let Some(data) = fault.data() {
            let data = Some(JsonText::stored(data.to_owned()));
            return Self::json(fault.kind().status(), Envelope { data, ..Envelope::default() }.to_json(request_id));
        }
        let mut body = Buffer::from(br#"{"errors":"#.to_vec());
        push(fault.public(), &mut body);
        body.push(b'}');
        Self::json(fault.kind().status(), body)
    }

    /// 307 to the cleaned path.
    pub(crate) fn redirect(path: &str, query: &str) -> Self {
        let mut location = format!("/v1/{path}");
        if !query.is_empty() {
            location = format!("{location}?{query}");
        }
        Self { headers: vec![("location", location)], ..Self::empty(307) }
    }
}

/// A time as answers show it: RFC 3339.
pub(crate) fn shown(time: Time) -> String {
    time.rfc3339()
}
