//! Starting servers and speaking to them.
mod http;
mod routes;
mod server;

pub use http::{Answer, Caller};
pub use routes::{Op, mount_all, operations};
pub use server::{Keys, Server, Setup, files};
