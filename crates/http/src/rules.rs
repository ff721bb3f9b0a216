//! What a listener asks of requests.
use crate::convert::Refusal;
use http::{HeaderMap, StatusCode};
use ipnet::IpNet;
use kw_kernel::EdgeRules;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// All rules of a listener.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    pub limits: Limits,
    pub forwarded: Forwarded,
    /// Refuse what has no `X-Vault-Request: true` (412): what a browser or a tricked server sends does not.
    pub needs_request_header: bool,
    pub edge: EdgeRules,
}

/// What a client may use up. Times that are `None` are not limited.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of a body.
    pub body_max: usize,
    /// Time for the head of a request to arrive, and for a TLS handshake.
    pub header_time: Option<Duration>,
    /// Time for the body of a request to arrive.
    pub read_time: Option<Duration>,
    /// Time that a client may let pass without reading any of its answer; where there is none, that of idle connections.
    pub write_time: Option<Duration>,
    /// Time for a request, body and handler together.
    pub request_time: Option<Duration>,
    /// Time between two requests of a connection.
    pub idle_time: Option<Duration>,
    /// Open connections of one event loop.
    pub connections_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        let seconds = |count| Some(Duration::from_secs(count));
        Self {
            body_max: 32 * 1024 * 1024,
            header_time: seconds(10),
            read_time: seconds(30),
            write_time: None,
            request_time: seconds(90),
            idle_time: seconds(300),
            connections_max: 16_384,
        }
    }
}

/// Which proxies may say where a request comes from, in `X-Forwarded-For`.
#[derive(Clone, Debug, Default)]
pub struct Forwarded {
    /// None: the header is ignored.
    pub authorized: Vec<IpNet>,
    /// How many addresses from the right are skipped.
    pub hop_skips: usize,
    /// Refuse a request of an authorized proxy without the header.
    pub reject_not_present: bool,
    /// Refuse a request with the header that comes from elsewhere.
    pub reject_not_authorized: bool,
}

impl Forwarded {
    /// The address that counts as the request's origin.
    pub(crate) fn origin(&self, peer: Option<SocketAddr>, headers: &HeaderMap) -> Result<Option<SocketAddr>, Refusal> {
        let (Some(peer), false) = (peer, self.authorized.is_empty()) else { return Ok(peer) };
        let refused = |why| Err(Refusal(StatusCode::BAD_REQUEST, why));
        let address = peer.ip().to_canonical();
        let told: Vec<&str> = headers
            .get_all("x-forwarded-for")
            .iter()
            .filter_map(|v| v.to_str().ok())
            .flat_map(|v| v.split(','))
            .map(str::trim)
            .collect();
        let is_authorized = self.authorized.iter().any(|net| net.contains(&address));
        match (told.is_empty(), is_authorized) {
            (true, true) if self.reject_not_present => refused("missing x-forwarded-for header"),
            (true, _) => Ok(Some(peer)),
            (false, false) if self.reject_not_authorized => {
                refused("x-forwarded-for from an address that is not authorized")
            }
            (false, false) => Ok(Some(peer)),
            (false, true) => {
                let at = told.len().checked_sub(self.hop_skips + 1).and_then(|at| told.get(at));
                match at.and_then(|text| text.parse::<IpAddr>().ok()) {
                    Some(ip) => Ok(Some(SocketAddr::new(ip, peer.port()))),
                    None => refused("malformed x-forwarded-for header, or fewer addresses than hops to skip"),
                }
            }
        }
    }
}
