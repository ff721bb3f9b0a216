//! Between HTTP and the kernel.
use crate::head::Head;
use crate::rules::Rules;
use bytes::Bytes;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS,
};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::{Body, Incoming};
use kw_kernel::{ANONYMOUS_BODY_MAX, Answer, Kernel};
use std::net::SocketAddr;
use std::sync::Arc;

/// What answers the requests of one connection.
pub(crate) struct Service {
    pub kernel: Arc<Kernel>,
    pub rules: Arc<Rules>,
    /// Whether the connection is encrypted.
    pub is_secure: bool,
    pub remote: Option<SocketAddr>,
}

impl Service {
    /// Adds what every answer of the connection has: HSTS where it is encrypted, and only there (RFC 6797, 7.2).
    pub fn finish<B>(&self, mut response: Response<B>) -> Response<B> {
        if self.is_secure {
            let year = HeaderValue::from_static("max-age=31536000; includeSubDomains");
            response.headers_mut().insert(STRICT_TRANSPORT_SECURITY, year);
        }
        response
    }
}

/// Why a request is refused at the edge.
pub(crate) struct Refusal(pub StatusCode, pub &'static str);

const JSON: &str = "application/json";

const TOO_LARGE: &str = "the body is over the listener's max_request_size, or over 1 MiB without a token";

/// Reads a request to its end and has it answered. Errors: 400 for what two parsers could read differently, 413 for a body over
/// the limit.
pub(crate) async fn answer(
    parts: &Parts,
    body: Incoming,
    service: &Service,
    body_arrived: impl FnOnce(),
) -> Result<(Answer, bool), Refusal> {
    let Service { kernel, rules, remote, .. } = service;
    let head = Head::read(parts)?;
    if rules.needs_request_header && !head.is_meant {
        return Err(Refusal(
            StatusCode::PRECONDITION_FAILED,
            "missing X-Vault-Request header; this listener requires it",
        ));
    }
    let remote = rules.forwarded.origin(*remote, &parts.headers)?;
    // Who is unknown gets little; and what says that it is too long is not read at all.
    let body_max = if head.has_token() { rules.limits.body_max } else { rules.limits.body_max.min(ANONYMOUS_BODY_MAX) };
    if body.size_hint().lower() > body_max as u64 {
        return Err(Refusal(StatusCode::PAYLOAD_TOO_LARGE, TOO_LARGE));
    }
    let body = if body.is_end_stream() { Bytes::new() } else { Box::pin(whole(body, body_max)).await? };
    body_arrived();
    // What follows chunks was not looked at by `Strict`, so a request with chunks is the last on its connection.
    let is_last = head.has_chunks();
    let received = head.into_received(parts, remote, rules.edge, body);
    Ok((kernel.handle(&received).await, is_last))
}

async fn whole(body: Incoming, len_max: usize) -> Result<Bytes, Refusal> {
    match Limited::new(body, len_max).collect().await {
        Ok(whole) => Ok(whole.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(Refusal(StatusCode::PAYLOAD_TOO_LARGE, TOO_LARGE)),
        Err(_) => Err(Refusal(StatusCode::BAD_REQUEST, "the body could not be read")),
    }
}

/// The answer as HTTP; its headers go into `map`, whose former ones are dropped.
pub(crate) fn respond(answer: Answer, mut map: HeaderMap, is_head: bool) -> Response<Full<Bytes>> {
    map.clear();
    if !answer.content_type.is_empty() {
        map.insert(CONTENT_TYPE, HeaderValue::from_static(answer.content_type));
    }
    for (name, value) in answer.headers {
        if let Ok(value) = HeaderValue::from_str(&value) {
            map.insert(name, value);
        }
    }
    safe_headers(&mut map);
    // Only what a browser could show as a page has to be told what it may load.
    if !matches!(answer.content_type, "" | JSON) {
        map.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"));
    }
    let mut response = Response::new(Full::new(if is_head { Bytes::new() } else { answer.body }));
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    *response.headers_mut() = map;
    response
}

/// A refusal of the edge, in the API's form.
pub(crate) fn refuse(status: StatusCode, text: &str) -> Response<Full<Bytes>> {
    // The texts are ours and need no escaping.
    let body = if text.is_empty() { r#"{"errors":[]}"#.to_owned() } else { format!(r#"{{"errors":["{text}"]}}"#) };
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(JSON));
    safe_headers(response.headers_mut());
    response
}

fn safe_headers(headers: &mut HeaderMap) {
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
}
