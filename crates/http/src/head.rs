//! The head of a request, sorted out in one pass over its headers.
use crate::bytes::{HOST, all_in};
use crate::convert::Refusal;
use bytes::Bytes;
use http::request::Parts;
use http::uri::Authority;
use http::{StatusCode, Version};
use kw_kernel::{EdgeRules, Presented, Received};
use std::net::SocketAddr;

/// What the headers of a request say. Whatever a proxy in front could understand in another way is refused.
#[derive(Default)]
pub(crate) struct Head<'a> {
    host: Option<&'a [u8]>,
    has_length: bool,
    has_coding: bool,
    content_type: Option<&'a str>,
    namespace: Option<&'a str>,
    wrap_ttl: Option<&'a str>,
    token: Option<&'a str>,
    /// `X-Vault-Request: true`: the caller knows that it speaks to a vault.
    pub is_meant: bool,
    /// Headers that audit or engines may be told of; credentials never are.
    pub told: Vec<(&'a str, &'a str)>,
}

impl<'a> Head<'a> {
    /// Of a request that hyper has read. Errors: 400 (RFC 9112, 3.2, 6.1 and 6.3).
    pub fn read(parts: &'a Parts) -> Result<Self, Refusal> {
        let mut head = Self::default();
        for (name, value) in &parts.headers {
            head.take(name.as_str(), value.as_bytes(), text_of(value.as_bytes()))?;
        }
        if head.has_length && head.has_coding {
            return Err(bad("Content-Length and Transfer-Encoding exclude each other"));
        }
        if parts.uri.scheme_str().is_some_and(|scheme| !matches!(scheme, "http" | "https")) {
            return Err(bad("the request target is not one of http or https"));
        }
        head.check_host(parts.version == Version::HTTP_11)?;
        let told = parts.uri.authority().zip(head.host);
        if told.is_some_and(|(target, host)| !target.as_str().as_bytes().eq_ignore_ascii_case(host)) {
            return Err(bad("the request target and Host name different hosts"));
        }
        Ok(head)
    }

    /// Of headers of HTTP/1.1, with names in lower case and values of visible ASCII, blanks and tabs. Errors: the same.
    pub fn of_lines(lines: impl Iterator<Item = (&'a str, &'a str)>) -> Result<Self, Refusal> {
        let mut head = Self::default();
        for (name, value) in lines {
            head.take(name, value.as_bytes(), Some(value))?;
        }
        head.check_host(true)?;
        Ok(head)
    }

    /// Whether the body comes in chunks.
    pub fn has_chunks(&self) -> bool {
        self.has_coding
    }

    /// What the kernel is handed, but for method, path and query.
    pub fn into_received(self, remote: Option<SocketAddr>, edge: EdgeRules, body: Bytes) -> Received<'a> {
        Received {
            content_type: self.content_type.unwrap_or_default(),
            body,
            token: self.token.map(Presented::new),
            namespace: self.namespace.unwrap_or_default(),
            wrap_ttl: self.wrap_ttl.filter(|text| !text.is_empty()),
            remote,
            edge,
            headers: self.told,
            ..Received::default()
        }
    }

    pub fn has_token(&self) -> bool {
        self.token.is_some()
    }

    /// `text`: the value, if it is of visible ASCII, blanks and tabs.
    fn take(&mut self, name: &'a str, value: &'a [u8], text: Option<&'a str>) -> Result<(), Refusal> {
        match name {
            "host" => once(self.host.replace(value).is_none()),
            "content-length" => once(!std::mem::replace(&mut self.has_length, true)),
            "transfer-encoding" => {
                once(!std::mem::replace(&mut self.has_coding, true))?;
                let is_chunked = value.eq_ignore_ascii_case(b"chunked");
                if is_chunked { Ok(()) } else { Err(bad("the only Transfer-Encoding that is read is chunked")) }
            }
            "content-type" => only(&mut self.content_type, text),
            "x-vault-namespace" => {
                only(&mut self.namespace, text)?;
                self.tell(name, text)
            }
            "x-vault-wrap-ttl" => {
                only(&mut self.wrap_ttl, text)?;
                self.tell(name, text)
            }
            "x-vault-token" => {
                let text = text.ok_or_else(|| bad("the token holds characters that no token has"))?;
                self.credential(text)
            }
            "authorization" => {
                let bearer = text.and_then(|text| text.strip_prefix("Bearer "));
                bearer.map_or(Ok(()), |text| self.credential(text))
            }
            "cookie" | "accept" | "connection" | "accept-encoding" => Ok(()),
            "x-vault-request" => {
                self.is_meant = value == b"true";
                self.tell(name, text)
            }
            _ => self.tell(name, text),
        }
    }

    /// The token. Two different ones are refused: whichever counted, somebody would be wrong about it.
    fn credential(&mut self, text: &'a str) -> Result<(), Refusal> {
        if text.is_empty() {
            return Ok(());
        }
        match self.token.replace(text) {
            Some(former) if former != text => Err(bad("the request carries two different tokens; send one")),
            _ => Ok(()),
        }
    }

    fn tell(&mut self, name: &'a str, text: Option<&'a str>) -> Result<(), Refusal> {
        self.told.extend(text.map(|text| (name, text)));
        Ok(())
    }

    /// Host is there, and is a host (RFC 9112, 3.2).
    fn check_host(&self, is_needed: bool) -> Result<(), Refusal> {
        match self.host {
            None if is_needed => Err(bad("missing Host header")),
            Some(host) if !is_host(host) => Err(bad("malformed Host header")),
            _ => Ok(()),
        }
    }
}

/// A value of visible ASCII, blanks and tabs.
fn text_of(value: &[u8]) -> Option<&str> {
    let is_visible = |b: &u8| matches!(b, b' '..=b'~' | b'\t');
    std::str::from_utf8(value).ok().filter(|_| value.iter().all(is_visible))
}

fn is_host(host: &[u8]) -> bool {
    // Names and IPv4 addresses without a port, or with one, need no parser.
    let (name, port) = match host.iter().position(|b| *b == b':') {
        Some(colon) => (host.get(..colon).unwrap_or_default(), host.get(colon + 1..).unwrap_or_default()),
        None => (host, [].as_slice()),
    };
    // Beyond five digits it is looked at in full, as is a port over 59999.
    let is_short = port.len() <= 4 || port.len() == 5 && port.first().is_some_and(|b| *b < b'6');
    if !name.is_empty() && all_in(HOST, name) && is_short && port.iter().all(u8::is_ascii_digit) {
        return true;
    }
    host.is_empty() || Authority::try_from(host).is_ok_and(|a| !a.as_str().contains('@'))
}

fn once(is_first: bool) -> Result<(), Refusal> {
    if is_first { Ok(()) } else { Err(bad("a header that may occur once occurs twice")) }
}

/// A header that changes what a request means: once at most, and readable. One that was passed over would leave the caller in
/// the belief that it counted: that the answer is wrapped, say.
fn only<'a>(place: &mut Option<&'a str>, text: Option<&'a str>) -> Result<(), Refusal> {
    match text {
        Some(text) if place.is_none() => {
            *place = Some(text);
            Ok(())
        }
        _ => Err(bad("Content-Type, X-Vault-Namespace and X-Vault-Wrap-TTL are given once at most, in ASCII")),
    }
}

fn bad(why: &'static str) -> Refusal {
    Refusal(StatusCode::BAD_REQUEST, why)
}
