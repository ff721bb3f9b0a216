//! Between HTTP and the kernel.
use crate::rules::Rules;
use bytes::Bytes;
use http::header::{
    AUTHORIZATION, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, HeaderName,
    STRICT_TRANSPORT_SECURITY, TRANSFER_ENCODING, X_CONTENT_TYPE_OPTIONS,
};
use http::uri::Authority;
use http::{HeaderMap, HeaderValue, Method as HttpMethod, Request, Response, StatusCode, Version};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::{Body, Incoming};
use kw_kernel::{ANONYMOUS_BODY_MAX, Answer, Method, Received};
use kw_types::Secret;
use std::net::SocketAddr;

const TOKEN: HeaderName = HeaderName::from_static("x-vault-token");
const NAMESPACE: HeaderName = HeaderName::from_static("x-vault-namespace");
const WRAP_TTL: HeaderName = HeaderName::from_static("x-vault-wrap-ttl");

/// Why a request is refused at the edge.
pub(crate) struct Refusal(pub StatusCode, pub &'static str);

const TOO_LARGE: &str = "the body is over the listener's max_request_size, or over 1 MiB without a token";

/// Reads a request to its end. Errors: 400 for what two parsers could read differently, 413 for a body over the limit.
pub(crate) async fn receive(
    request: Request<Incoming>,
    remote: Option<SocketAddr>,
    rules: &Rules,
) -> Result<Received, Refusal> {
    let (head, body) = request.into_parts();
    check_head(&head)?;
    if rules.needs_request_header && head.headers.get("x-vault-request").is_none_or(|v| v != "true") {
        return Err(Refusal(
            StatusCode::PRECONDITION_FAILED,
            "missing X-Vault-Request header; this listener requires it",
        ));
    }
    let remote = rules.forwarded.origin(remote, &head.headers)?;
    let token = credential(&head.headers)?;
    // Who is unknown gets little; and what says that it is too long is not read at all.
    let body_max = if token.is_some() { rules.limits.body_max } else { rules.limits.body_max.min(ANONYMOUS_BODY_MAX) };
    if body.size_hint().lower() > body_max as u64 {
        return Err(Refusal(StatusCode::PAYLOAD_TOO_LARGE, TOO_LARGE));
    }
    let body = match Limited::new(body, body_max).collect().await {
        Ok(whole) => whole.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => {
            return Err(Refusal(StatusCode::PAYLOAD_TOO_LARGE, TOO_LARGE));
        }
        Err(_) => return Err(Refusal(StatusCode::BAD_REQUEST, "the body could not be read")),
    };
    let text = |name: &HeaderName| only(&head.headers, name);
    let raw_path = head.uri.path();
    Ok(Received {
        method: method(&head.method),
        raw_path: raw_path.strip_prefix("/v1/").unwrap_or(raw_path).to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        content_type: text(&CONTENT_TYPE)?,
        body,
        token,
        namespace: text(&NAMESPACE)?,
        wrap_ttl: Some(text(&WRAP_TTL)?).filter(|t| !t.is_empty()),
        remote,
        edge: rules.edge,
        headers: other_headers(&head.headers),
    })
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

/// Whatever a proxy in front could understand in another way is refused (RFC 9112, 6.1 and 3.2).
fn check_head(head: &http::request::Parts) -> Result<(), Refusal> {
    let count = |name: &http::HeaderName| head.headers.get_all(name).iter().count();
    if count(&HOST) > 1 || count(&CONTENT_LENGTH) > 1 || count(&TRANSFER_ENCODING) > 1 {
        return Err(Refusal(StatusCode::BAD_REQUEST, "a header that may occur once occurs twice"));
    }
    if count(&CONTENT_LENGTH) == 1 && count(&TRANSFER_ENCODING) == 1 {
        return Err(Refusal(StatusCode::BAD_REQUEST, "Content-Length and Transfer-Encoding exclude each other"));
    }
    if head.headers.get(TRANSFER_ENCODING).is_some_and(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"chunked")) {
        return Err(Refusal(StatusCode::BAD_REQUEST, "the only Transfer-Encoding that is read is chunked"));
    }
    if head.uri.scheme_str().is_some_and(|scheme| !matches!(scheme, "http" | "https")) {
        return Err(Refusal(StatusCode::BAD_REQUEST, "the request target is not one of http or https"));
    }
    check_host(head)
}

/// Host is there, is a host, and is the one of the request target where that has one (RFC 9112, 3.2).
fn check_host(head: &http::request::Parts) -> Result<(), Refusal> {
    let Some(host) = head.headers.get(HOST) else {
        let needed = head.version == Version::HTTP_11;
        return if needed { Err(Refusal(StatusCode::BAD_REQUEST, "missing Host header")) } else { Ok(()) };
    };
    let is_host = host.is_empty() || Authority::try_from(host.as_bytes()).is_ok_and(|a| !a.as_str().contains('@'));
    if !is_host {
        return Err(Refusal(StatusCode::BAD_REQUEST, "malformed Host header"));
    }
    if head.uri.authority().is_some_and(|a| !a.as_str().as_bytes().eq_ignore_ascii_case(host.as_bytes())) {
        return Err(Refusal(StatusCode::BAD_REQUEST, "the request target and Host name different hosts"));
    }
    Ok(())
}

/// A header that changes what a request means: once at most, and readable. One that was passed over would leave the caller in
/// the belief that it counted: that the answer is wrapped, say.
fn only(headers: &HeaderMap, name: &HeaderName) -> Result<String, Refusal> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else { return Ok(String::new()) };
    let text = value.to_str().ok().filter(|_| values.next().is_none());
    let why = "Content-Type, X-Vault-Namespace and X-Vault-Wrap-TTL are given once at most, in ASCII";
    text.map(str::to_owned).ok_or(Refusal(StatusCode::BAD_REQUEST, why))
}

/// The token. Two different ones are refused: whichever counted, somebody would be wrong about it.
fn credential(headers: &HeaderMap) -> Result<Option<Secret<String>>, Refusal> {
    let mut found: Option<&str> = None;
    let given = headers.get_all(TOKEN).iter().map(|v| v.to_str().ok());
    let bearer =
        headers.get_all(AUTHORIZATION).iter().filter_map(|v| v.to_str().ok()?.strip_prefix("Bearer ").map(Some));
    for text in given.chain(bearer) {
        let text = text.ok_or(Refusal(StatusCode::BAD_REQUEST, "the token holds characters that no token has"))?;
        if text.is_empty() {
            continue;
        }
        if found.is_some_and(|f| f != text) {
            return Err(Refusal(StatusCode::BAD_REQUEST, "the request carries two different tokens; send one"));
        }
        found = Some(text);
    }
    Ok(found.map(|t| Secret::new(t.to_owned())))
}

/// Headers that audit or engines may be told of; credentials never are.
fn other_headers(headers: &HeaderMap) -> Vec<(String, String)> {
    const KEPT_BACK: [&str; 9] = [
        "x-vault-token",
        "authorization",
        "cookie",
        "host",
        "content-length",
        "content-type",
        "accept",
        "connection",
        "accept-encoding",
    ];
    let told = headers.iter().filter(|(name, _)| !KEPT_BACK.contains(&name.as_str()));
    told.filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))).collect()
}

/// The answer as HTTP.
pub(crate) fn respond(answer: Answer, is_head: bool) -> Response<Full<Bytes>> {
    let body = if is_head { Bytes::new() } else { answer.body };
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
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
