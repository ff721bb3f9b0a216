//! One call, before it is sent.
use http::Method;
use kw_types::Secret;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde::Serialize;

/// What a path segment may not hold as it is; `/` separates and stays.
const PATH: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'[')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}')
    .add(b'\\');
/// What a query's name or value may not hold as it is.
const QUERY: &AsciiSet = &PATH
    .add(b'&')
    .add(b'+')
    .add(b'=')
    .add(b'/')
    .add(b':')
    .add(b';')
    .add(b'@')
    .add(b',')
    .add(b'$')
    .add(b'!')
    .add(b'\'')
    .add(b'(')
    .add(b')')
    .add(b'*');

/// A request of the API: method, path below `/v1/`, query, body, and what deviates from the client's configuration.
#[derive(Clone, Debug)]
pub struct Request {
    pub(crate) method: Method,
    path: String,
    query: Vec<(String, String)>,
    pub(crate) body: Option<Secret<Vec<u8>>>,
    pub(crate) content_type: &'static str,
    pub(crate) wrap_ttl: Option<String>,
    pub(crate) token: Option<Secret<String>>,
    pub(crate) headers: Vec<(String, String)>,
}

impl Request {
    /// A request without a body. Slashes and spaces around the path are dropped.
    pub fn new(method: Method, path: &str) -> Self {
        Self {
            method,
            path: path.trim().trim_matches('/').to_owned(),
            query: Vec::new(),
            body: None,
            content_type: "application/json",
            wrap_ttl: None,
            token: None,
            headers: Vec::new(),
        }
    }

    /// `GET`.
    pub fn get(path: &str) -> Self {
        Self::new(Method::GET, path)
    }

    /// `GET` with `?list=true`, which passes every proxy, in place of the method `LIST`.
    pub fn list(path: &str) -> Self {
        Self::get(path).query("list", "true")
    }

    /// `GET` with `?scan=true`: a list of the whole tree.
    pub fn scan(path: &str) -> Self {
        Self::get(path).query("scan", "true")
    }

    /// `PUT` with a JSON body.
    pub fn put(path: &str, body: &impl Serialize) -> Self {
        Self::new(Method::PUT, path).json(body)
    }

    /// `POST` with a JSON body.
    pub fn post(path: &str, body: &impl Serialize) -> Self {
        Self::new(Method::POST, path).json(body)
    }

    /// `PATCH` with a merge patch (RFC 7396).
    pub fn patch(path: &str, body: &impl Serialize) -> Self {
        let mut request = Self::new(Method::PATCH, path).json(body);
        request.content_type = "application/merge-patch+json";
        request
    }

    /// `DELETE`.
    pub fn delete(path: &str) -> Self {
        Self::new(Method::DELETE, path)
    }

    /// Sets a JSON body. A value that has no JSON form (a map with keys that are no texts) becomes `null`.
    #[must_use]
    pub fn json(mut self, body: &impl Serialize) -> Self {
        self.body = Some(Secret::new(serde_json::to_vec(body).unwrap_or_else(|_| b"null".to_vec())));
        self
    }

    /// Sets a body of bytes.
    #[must_use]
    pub fn bytes(mut self, body: Vec<u8>) -> Self {
        self.content_type = "application/octet-stream";
        self.body = Some(Secret::new(body));
        self
    }

    /// Adds a query parameter.
    #[must_use]
    pub fn query(mut self, name: &str, value: &str) -> Self {
        self.query.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Asks for the answer to be wrapped for this long (`60s`, `5m`).
    #[must_use]
    pub fn wrap_ttl(mut self, ttl: impl Into<String>) -> Self {
        self.wrap_ttl = Some(ttl.into());
        self
    }

    /// Uses another token than the client's.
    #[must_use]
    pub fn token(mut self, token: Secret<String>) -> Self {
        self.token = Some(token);
        self
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The method.
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// The path below `/v1/`, as it was given.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Whether the query holds this name and value.
    pub fn has_query(&self, name: &str, value: &str) -> bool {
        self.query.iter().any(|(n, v)| n == name && v == value)
    }

    /// The body.
    pub fn body(&self) -> Option<&Secret<Vec<u8>>> {
        self.body.as_ref()
    }

    /// `/v1/path?query`, percent-encoded (RFC 3986).
    pub fn path_and_query(&self) -> String {
        let mut out = format!("/v1/{}", utf8_percent_encode(&self.path, PATH));
        for (i, (name, value)) in self.query.iter().enumerate() {
            out.push(if i == 0 { '?' } else { '&' });
            out.extend(utf8_percent_encode(name, QUERY));
            out.push('=');
            out.extend(utf8_percent_encode(value, QUERY));
        }
        out
    }
}
