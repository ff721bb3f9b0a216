//! Between HTTP and the kernel.
use crate::head::Head;
use crate::render::fixed_headers;
use crate::rules::Rules;
use bytes::Bytes;
use http::header::TRANSFER_ENCODING;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::{Body, Incoming};
use kw_kernel::{ANONYMOUS_BODY_MAX, Answer, Kernel, Method};
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

/// Why a request is refused at the edge.
pub(crate) struct Refusal(pub StatusCode, pub &'static str);

impl Refusal {
    /// In the API's form.
    pub fn answer(&self) -> Answer {
        let Self(status, text) = self;
        // The texts are ours and need no escaping.
        let body = if text.is_empty() { r#"{"errors":[]}"#.to_owned() } else { format!(r#"{{"errors":["{text}"]}}"#) };
        Answer {
            status: status.as_u16(),
            content_type: "application/json",
            body: body.into_bytes().into(),
            headers: Vec::new(),
        }
    }
}

const TOO_LARGE: &str = "the body is over the listener's max_request_size, or over 1 MiB without a token";

/// Reads a request to its end and has it answered; also whether it must be the last on its connection. Errors: 400 for what two parsers could read differently, 413 for a body over
/// the limit.
pub(crate) async fn answer(
    parts: &Parts,
    body: Incoming,
    service: &Service,
    body_arrived: impl FnOnce(),
) -> Result<(Answer, bool), Refusal> {
    let Service { kernel, rules, remote, .. } = service;
    if let Some(answer) = outside_api(parts) {
        return Ok((answer, parts.headers.contains_key(TRANSFER_ENCODING)));
    }
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
    let mut received = head.into_received(remote, rules.edge, body);
    let path = parts.uri.path();
    received.method = method(parts.method.as_str());
    received.raw_path = path.strip_prefix("/v1/").unwrap_or(path);
    received.query = parts.uri.query().unwrap_or_default();
    Ok((kernel.handle(&received).await, is_last))
}

async fn whole(body: Incoming, len_max: usize) -> Result<Bytes, Refusal> {
    match Limited::new(body, len_max).collect().await {
        Ok(whole) => Ok(whole.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(Refusal(StatusCode::PAYLOAD_TOO_LARGE, TOO_LARGE)),
        Err(_) => Err(Refusal(StatusCode::BAD_REQUEST, "the body could not be read")),
    }
}

/// What is not the API.
fn outside_api(request: &Parts) -> Option<Answer> {
    let path = request.uri.path();
    if request.method == http::Method::OPTIONS {
        return Some(Refusal(StatusCode::BAD_REQUEST, "OPTIONS is not supported").answer());
    }
    if path.starts_with("/v1/") {
        return None;
    }
    if path == "/" {
        let mut answer = Refusal(StatusCode::TEMPORARY_REDIRECT, "").answer();
        answer.headers.push(("location", "/ui/".to_owned()));
        return Some(answer);
    }
    Some(Refusal(StatusCode::NOT_FOUND, "").answer())
}

/// The answer for hyper.
pub(crate) fn respond(answer: Answer, is_secure: bool, is_head: bool) -> Response<Full<Bytes>> {
    let mut headers = HeaderMap::new();
    let mut insert = |name: &str, value: &str| {
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value)) {
            headers.insert(name, value);
        }
    };
    fixed_headers(&answer, is_secure).for_each(|(name, value)| insert(name, value));
    answer.headers.iter().for_each(|(name, value)| insert(name, value));
    let body = if is_head { Bytes::new() } else { answer.body.into_vec().into() };
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    *response.headers_mut() = headers;
    response
}

pub(crate) fn method(name: &str) -> Method {
    match name {
        "GET" => Method::Get,
        "HEAD" => Method::Head,
        "POST" => Method::Post,
        "PUT" => Method::Put,
        "PATCH" => Method::Patch,
        "DELETE" => Method::Delete,
        "LIST" => Method::List,
        "SCAN" => Method::Scan,
        _ => Method::Other,
    }
}
