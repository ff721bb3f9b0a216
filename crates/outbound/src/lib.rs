//! The one HTTP client for what the server itself calls: brokers, key sets, webhooks, clouds.
//!
//! It is guarded, because what it is told to call often comes from somebody who may not reach that place himself:
//! - The class of an address is checked after the name is resolved, and that very address is dialled ([`Guard`]); so a name that
//!   resolves anew to something else gains nothing. Metadata services of clouds are never dialled.
//! - Redirects are not followed: a 3xx is an answer like any other.
//! - One bound on the time of the whole call, one on the size of the answer.
//! - Proxy variables of the environment are not looked at. Certificates are always checked; there is no switch.
//!
//! ```no_run
//! # async fn example(password: kw_types::Secret<String>) -> Result<(), kw_outbound::Error> {
//! use kw_outbound::{Client, Guard, Options, Request, Url};
//! let client = Client::new(Options::new(Guard::OPERATOR))?;
//! let base = Url::parse("http://127.0.0.1:15672")?;
//! let answer = client.send(Request::get(base.at(&["api", "users", "ann/1"])).basic_auth("admin", &password)?).await?;
//! # let _ = answer.status; Ok(()) }
//! ```
mod answer;
mod client;
mod dial;
mod error;
mod guard;
mod request;
mod tls;
mod url;

pub use answer::Answer;
pub use client::{Client, Options};
pub use error::Error;
pub use guard::{Class, Guard};
pub use http::{HeaderMap, HeaderName, HeaderValue, Method};
pub use request::Request;
pub use url::Url;

#[cfg(test)]
mod tests;
