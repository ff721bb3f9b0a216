//! A typed, asynchronous client of Keywright and of every other server of the Vault HTTP API.
//!
//! ```no_run
//! # async fn example() -> Result<(), kw_client::Error> {
//! use kw_client::{Client, Config};
//! use kw_types::Secret;
//!
//! let mut config = Config::new("https://vault.example:8200")?;
//! config.token = Some(Secret::new("s.token".to_owned()));
//! let client = Client::new(config)?;
//!
//! let kv = client.kv("secret").await?;
//! kv.put("app/database", &serde_json::json!({"password": "hunter2"}), None).await?;
//! let found = kv.get("app/database", None).await?;
//! # Ok(())
//! # }
//! ```
//!
//! What a call may answer is an [`ApiResponse`]; what can go wrong is an [`Error`]. A path that holds nothing is `Ok(None)`, no error.
//! Tokens are [`kw_types::Secret`]s; neither errors nor `Debug` texts show a token or secret data.
//!
//! A [`Client`] is cheap to clone, keeps connections open between calls, and needs a tokio runtime with time and I/O enabled.
mod address;
mod client;
mod config;
mod connect;
mod error;
mod json;
mod kv;
mod pool;
mod request;
mod response;
mod send;
mod tls;

pub use address::Address;
pub use client::Client;
pub use config::{Config, TlsOptions};
pub use error::Error;
pub use json::Json;
pub use kv::{Kv, KvMount, KvVersion};
pub use request::Request;
pub use response::{ApiResponse, Auth, WrapInfo};
pub use send::Stream;

pub use http::Method;

#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_tls;
