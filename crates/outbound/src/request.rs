//! What is sent.
use crate::{Error, Url};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use kw_types::Secret;
use serde::Serialize;
use zeroize::Zeroizing;

/// One request. `Debug` shows method and URL alone.
#[derive(Clone)]
pub struct Request {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Request {
    pub fn new(method: Method, url: Url) -> Self {
        Self { method, url, headers: HeaderMap::new(), body: Bytes::new() }
    }

    pub fn get(url: Url) -> Self {
        Self::new(Method::GET, url)
    }

    pub fn put(url: Url) -> Self {
        Self::new(Method::PUT, url)
    }

    pub fn post(url: Url) -> Self {
        Self::new(Method::POST, url)
    }

    pub fn delete(url: Url) -> Self {
        Self::new(Method::DELETE, url)
    }

    /// Sets a header. `Host`, `Content-Length` and what concerns the connection are the client's and not taken from here.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// Basic authentication (RFC 7617), in UTF-8. Errors: a user name with a colon, which that scheme cannot say.
    pub fn basic_auth(self, user: &str, password: &Secret<String>) -> Result<Self, Error> {
        if user.contains(':') {
            return Err(Error::Request("a user name must not hold a colon"));
        }
        let pair = Zeroizing::new(format!("{user}:{}", password.expose()));
        let value = Zeroizing::new(format!("Basic {}", STANDARD.encode(pair.as_bytes())));
        self.authorization(&value)
    }

    /// A bearer token (RFC 6750). Errors: a token that no header can hold.
    pub fn bearer(self, token: &Secret<String>) -> Result<Self, Error> {
        let value = Zeroizing::new(format!("Bearer {}", token.expose()));
        self.authorization(&value)
    }

    /// A JSON body. Errors: a value that JSON cannot say.
    pub fn json<T: Serialize + ?Sized>(self, value: &T) -> Result<Self, Error> {
        let body = serde_json::to_vec(value).map_err(|_| Error::Request("the body does not serialise"))?;
        Ok(self.body(HeaderValue::from_static("application/json"), body))
    }

    /// A body of any type.
    #[must_use]
    pub fn body(mut self, content_type: HeaderValue, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self.header(CONTENT_TYPE, content_type)
    }

    fn authorization(self, value: &str) -> Result<Self, Error> {
        let mut value = HeaderValue::from_str(value)
            .map_err(|_| Error::Request("a credential holds bytes that no header takes"))?;
        // Keeps it out of `Debug` and out of compression tables.
        value.set_sensitive(true);
        Ok(self.header(AUTHORIZATION, value))
    }
}

impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.method, self.url)
    }
}
