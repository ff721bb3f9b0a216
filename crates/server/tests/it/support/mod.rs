//! Starting servers and speaking to them.
mod http;
mod server;

pub use http::{Answer, Caller};
pub use server::{Keys, Server, Setup, files};
