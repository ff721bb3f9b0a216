//! The calls that every engine understands.
use crate::pool::Pool;
use crate::{ApiResponse, Config, Error, Request, tls};
use kw_types::Secret;
use serde::Serialize;
use std::sync::Arc;

/// A client of one server. Clones share their connections.
#[derive(Clone)]
pub struct Client {
    pub(crate) config: Arc<Config>,
    pub(crate) pool: Arc<Pool>,
}

impl Client {
    /// Reads the TLS files; connects only when something is sent.
    ///
    /// Errors: [`Error::Config`] and [`Error::File`].
    pub fn new(config: Config) -> Result<Self, Error> {
        let pool = Pool::new(tls::client_config(&config.tls)?, config.tls.server_name.clone());
        Ok(Self { config: Arc::new(config), pool: Arc::new(pool) })
    }

    /// What this client was told.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The same client with another token.
    #[must_use]
    pub fn with_token(&self, token: Option<Secret<String>>) -> Self {
        self.changed(|config| config.token = token)
    }

    /// The same client in another namespace.
    #[must_use]
    pub fn with_namespace(&self, namespace: Option<String>) -> Self {
        self.changed(|config| config.namespace = namespace)
    }

    /// Reads a path. `None` where nothing is there.
    ///
    /// A 404 that carries data (KV version 2 answers so for a deleted version) is `Some`, with its `status`.
    pub async fn read(&self, path: &str) -> Result<Option<ApiResponse>, Error> {
        self.find(Request::get(path)).await
    }

    /// Lists a path; [`ApiResponse::keys`] has the names. `None` where nothing is there.
    pub async fn list(&self, path: &str) -> Result<Option<ApiResponse>, Error> {
        self.find(Request::list(path)).await
    }

    /// Lists a whole tree. `None` where nothing is there.
    pub async fn scan(&self, path: &str) -> Result<Option<ApiResponse>, Error> {
        self.find(Request::scan(path)).await
    }

    /// Writes to a path.
    pub async fn write(&self, path: &str, body: &impl Serialize) -> Result<ApiResponse, Error> {
        self.send(Request::put(path, body)).await
    }

    /// Changes parts of what is at a path (RFC 7396).
    pub async fn patch(&self, path: &str, body: &impl Serialize) -> Result<ApiResponse, Error> {
        self.send(Request::patch(path, body)).await
    }

    /// Deletes a path. That nothing was there is no error for most engines.
    pub async fn delete(&self, path: &str) -> Result<ApiResponse, Error> {
        self.send(Request::delete(path)).await
    }

    /// Redeems a wrapping token, once.
    pub async fn unwrap(&self, token: Secret<String>) -> Result<ApiResponse, Error> {
        self.send(Request::put("sys/wrapping/unwrap", &serde_json::json!({})).token(token)).await
    }

    /// Sends a request whose 404 means "nothing there".
    ///
    /// Errors: as [`Client::send`], except for 404.
    pub async fn find(&self, request: Request) -> Result<Option<ApiResponse>, Error> {
        let (status, body) = self.send_raw(&request).await?;
        if status == 404 {
            let found = ApiResponse::parse(status, body);
            return Ok((!found.is_empty()).then_some(found));
        }
        if status >= 300 {
            return Err(self.refusal(&request, status, &body));
        }
        Ok(Some(ApiResponse::parse(status, body)))
    }

    fn changed(&self, change: impl FnOnce(&mut Config)) -> Self {
        let mut config = (*self.config).clone();
        change(&mut config);
        Self { config: Arc::new(config), pool: self.pool.clone() }
    }
}
