//! A request as the edge hands it over: bytes sorted, nothing judged.
use bytes::Bytes;
use std::fmt;
use std::net::SocketAddr;

/// The HTTP methods that mean something here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Method {
    #[default]
    Get,
    Head,
    Post,
    Put,
    Patch,
    Delete,
    List,
    Scan,
    Other,
}

/// What a listener decides about the few routes whose access is a matter of where a request comes in.
#[derive(Clone, Copy, Debug, Default)]
pub struct EdgeRules {
    /// `sys/rekey` needs a token with sudo.
    pub closes_rekey: bool,
    /// `sys/generate-root` needs a token with sudo.
    pub closes_generate_root: bool,
    /// `sys/metrics` needs no token.
    pub opens_metrics: bool,
}

/// What came in, lent by the edge. Texts are as sent: the path is not decoded, the body not parsed.
#[derive(Debug, Default)]
pub struct Received<'a> {
    pub method: Method,
    /// The path of the request target without `/v1/`.
    pub raw_path: &'a str,
    pub query: &'a str,
    pub content_type: &'a str,
    pub body: Bytes,
    /// From `X-Vault-Token` or `Authorization: Bearer`; the edge has made sure that they do not differ.
    pub token: Option<Presented<'a>>,
    pub namespace: &'a str,
    /// `X-Vault-Wrap-TTL` as sent.
    pub wrap_ttl: Option<&'a str>,
    pub remote: Option<SocketAddr>,
    pub edge: EdgeRules,
    /// Headers with lower-case names, for audit and for engines that are allowed to see them.
    pub headers: Vec<(&'a str, &'a str)>,
}

/// A text that was presented as a token; `Debug` does not show it.
#[derive(Clone, Copy)]
pub struct Presented<'a>(&'a str);

impl<'a> Presented<'a> {
    pub fn new(text: &'a str) -> Self {
        Self(text)
    }

    pub(crate) fn expose(self) -> &'a str {
        self.0
    }
}

impl fmt::Debug for Presented<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl Received<'_> {
    /// The text that was presented as a token, empty where there is none.
    pub(crate) fn presented(&self) -> &str {
        self.token.map_or("", Presented::expose)
    }
}
