//! Connections kept between calls.
use crate::Address;
use crate::connect::{Connection, open};
use parking_lot::Mutex;
use rustls::ClientConfig;
use std::sync::Arc;

/// How many idle connections are kept; more are closed after use.
const IDLE_MAX: usize = 8;

/// The connections to one server.
pub(crate) struct Pool {
    tls: Arc<ClientConfig>,
    server_name: Option<String>,
    idle: Mutex<Vec<Connection>>,
}

impl Pool {
    pub(crate) fn new(tls: ClientConfig, server_name: Option<String>) -> Self {
        Self { tls: Arc::new(tls), server_name, idle: Mutex::new(Vec::new()) }
    }

    /// A connection that was ready a moment ago, or a new one.
    pub(crate) async fn take(&self, address: &Address) -> Result<Connection, String> {
        loop {
            let idle = self.idle.lock().pop();
            match idle {
                Some(mut connection) => {
                    if connection.ready().await.is_ok() {
                        return Ok(connection);
                    }
                }
                None => return self.open(address).await,
            }
        }
    }

    /// A new connection, to whatever address.
    pub(crate) async fn open(&self, address: &Address) -> Result<Connection, String> {
        open(address, &self.tls, self.server_name.as_deref()).await
    }

    /// Keeps a connection whose answer has been read to its end.
    pub(crate) fn keep(&self, connection: Connection) {
        let mut idle = self.idle.lock();
        if !connection.is_closed() && idle.len() < IDLE_MAX {
            idle.push(connection);
        }
    }
}
