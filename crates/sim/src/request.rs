//! Requests as the edge would hand them over.
use crate::log::HEADER;
use bytes::Bytes;
use kw_kernel::{Method, Presented, Received};
use serde_json::Value;

/// A request that is being put together.
#[derive(Clone, Debug)]
pub struct Ask {
    method: Method,
    path: String,
    token: String,
    body: Value,
    wrap_ttl: Option<String>,
    /// The number of the operation, for the audit log.
    id: String,
}

impl Ask {
    /// `method` is `GET`, `POST` or `DELETE`.
    pub fn new(method: &str, path: &str) -> Self {
        let method = match method {
            "GET" => Method::Get,
            "DELETE" => Method::Delete,
            _ => Method::Post,
        };
        let (token, id) = (String::new(), String::new());
        Self { method, path: path.to_owned(), token, body: Value::Null, wrap_ttl: None, id }
    }

    #[must_use]
    pub fn by(mut self, token: &str) -> Self {
        token.clone_into(&mut self.token);
        self
    }

    #[must_use]
    pub fn with(mut self, body: Value) -> Self {
        self.body = body;
        self
    }

    #[must_use]
    pub fn wrapped_for(mut self, ttl: &str) -> Self {
        self.wrap_ttl = Some(ttl.to_owned());
        self
    }

    /// The number of the operation, for the audit log.
    #[must_use]
    pub fn numbered(mut self, id: u64) -> Self {
        self.id = id.to_string();
        self
    }

    pub fn received(&self) -> Received<'_> {
        Received {
            method: self.method,
            raw_path: &self.path,
            content_type: "application/json",
            body: if self.body.is_null() { Bytes::new() } else { self.body.to_string().into() },
            token: (!self.token.is_empty()).then(|| Presented::new(&self.token)),
            wrap_ttl: self.wrap_ttl.as_deref(),
            headers: vec![(HEADER, &self.id)],
            ..Received::default()
        }
    }
}
