//! Between HTTP and the kernel.
use crate::head::Head;
use crate::rules::Rules;
use bytes::Bytes;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderValue, Method as HttpMethod, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::{Body, Incoming};
use kw_kernel::{ANONYMOUS_BODY_MAX, Answer, Method, Received};
use std::net::SocketAddr;

/// Why a request is refused at the edge.
pub(crate) struct Refusal(pub StatusCode, pub &'static str);

const TOO_LARGE: &str = "the body is over the listener's max_request_size, or over 1 MiB without a token";

/// Reads a request to its end; also gives its emptied header map, to be used for the answer. Errors: 400 for what two parsers could read differently, 413 for a body over the limit.
pub(crate) async fn receive(
    request: Request<Incoming>,
    remote: Option<SocketAddr>,
    rules: &Rules,
) -> Result<(Received, HeaderMap), Refusal> {
    let (mut parts, body) = request.into_parts();
    let head = Head::read(&parts)?;
    if rules.needs_request_header && !head.is_meant {
        return Err(Refusal(
            StatusCode::PRECONDITION_FAILED,
            "missing X-Vault-Request header; this listener requires it",
        ));
    }
    let remote = rules.forwarded.origin(remote, &parts.headers)?;
    let token = head.token();
    // Who is unknown gets little; and what says that it is too long is not read at all.
    let body_max = if token.is_some() { rules.limits.body_max } else { rules.limits.body_max.min(ANONYMOUS_BODY_MAX) };
    if body.size_hint().lower() > body_max as u64 {
        return Err(Refusal(StatusCode::PAYLOAD_TOO_LARGE, TOO_LARGE));
    }
    let body = if body.is_end_stream() { Bytes::new() } else { Box::pin(whole(body, body_max)).await? };
    let raw_path = parts.uri.path();
    let received = Received {
        method: method(&parts.method),
        raw_path: raw_path.strip_prefix("/v1/").unwrap_or(raw_path).to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        content_type: head.content_type(),
        body,
        token,
        namespace: head.namespace(),
        wrap_ttl: head.wrap_ttl(),
        remote,
        edge: rules.edge,
        headers: head.told,
    };
    // The map goes round: hyper reads the next request into the one that it was given with the last answer.
    parts.headers.clear();
    Ok((received, parts.headers))
}

async fn whole(body: Incoming, len_max: usize) -> Result<Bytes, Refusal> {
    match Limited::new(body, len_max).collect().await {
        Ok(whole) => Ok(whole.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(Refusal(StatusCode::PAYLOAD_TOO_LARGE, TOO_LARGE)),
        Err(_) => Err(Refusal(StatusCode::BAD_REQUEST, "the body could not be read")),
    }
}

fn method(method: &HttpMethod) -> Method {
    match method.as_str() {
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

/// The answer as HTTP; its headers go into `map`, which is empty.
pub(crate) fn respond(answer: Answer, map: HeaderMap, is_head: bool) -> Response<Full<Bytes>> {
    let body = if is_head { Bytes::new() } else { answer.body };
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    *response.headers_mut() = map;
    let headers = response.headers_mut();
    if !answer.content_type.is_empty() {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(answer.content_type));
    }
    for (name, value) in answer.headers {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(name, value);
        }
    }
    safe_headers(headers);
    response
}

/// A refusal of the edge, in the API's form.
pub(crate) fn refuse(status: StatusCode, text: &str) -> Response<Full<Bytes>> {
    // The texts are ours and need no escaping.
    let body = if text.is_empty() { r#"{"errors":[]}"#.to_owned() } else { format!(r#"{{"errors":["{text}"]}}"#) };
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    safe_headers(response.headers_mut());
    response
}

fn safe_headers(headers: &mut HeaderMap) {
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000; includeSubDomains"));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"));
}
