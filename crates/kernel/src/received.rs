//! A request as the edge hands it over: bytes sorted, nothing judged.
use bytes::Bytes;
use kw_types::Secret;
use std::net::SocketAddr;

/// The HTTP methods that mean something here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
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

/// What came in. Texts are as sent: the path is not decoded, the body not parsed.
#[derive(Debug)]
pub struct Received {
    pub method: Method,
    /// The path of the request target without `/v1/`.
    pub raw_path: String,
    pub query: String,
    pub content_type: String,
    pub body: Bytes,
    /// From `X-Vault-Token` or `Authorization: Bearer`; the edge has made sure that they do not differ.
    pub token: Option<Secret<String>>,
    pub namespace: String,
    /// `X-Vault-Wrap-TTL` as sent.
    pub wrap_ttl: Option<String>,
    pub remote: Option<SocketAddr>,
    pub edge: EdgeRules,
    /// Headers with lower-case names, for audit and for engines that are allowed to see them.
    pub headers: Vec<(String, String)>,
}
