//! Requests as the edge would hand them over.
use crate::log::HEADER;
use bytes::Bytes;
use kw_kernel::{EdgeRules, Method, Received};
use kw_types::Secret;
use serde_json::Value;

/// A request that is being put together.
#[derive(Clone, Debug)]
pub struct Ask {
    method: Method,
    path: String,
    token: String,
    body: Value,
    wrap_ttl: Option<String>,
    id: u64,
}

impl Ask {
    /// `method` is `GET`, `POST` or `DELETE`.
    pub fn new(method: &str, path: &str) -> Self {
        let method = match method {
            "GET" => Method::Get,
            "DELETE" => Method::Delete,
            _ => Method::Post,
        };
        Self { method, path: path.to_owned(), token: String::new(), body: Value::Null, wrap_ttl: None, id: 0 }
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
        self.id = id;
        self
    }

    pub fn received(self) -> Received {
        Received {
            method: self.method,
            raw_path: self.path,
            query: String::new(),
            content_type: "application/json".to_owned(),
            body: if self.body.is_null() { Bytes::new() } else { self.body.to_string().into() },
            token: (!self.token.is_empty()).then(|| Secret::new(self.token)),
            namespace: String::new(),
            wrap_ttl: self.wrap_ttl,
            remote: None,
            edge: EdgeRules::default(),
            headers: vec![(HEADER.to_owned(), self.id.to_string())],
        }
    }
}
