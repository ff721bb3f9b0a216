//! The server: configuration and wiring. The only crate that sees everything.
mod arguments;
mod banner;
mod dev;
mod dev_tls;
mod edge;
mod logging;
mod migrate;
mod process;
mod seals;
mod start;
mod stores;

pub mod config;

pub use migrate::migrate;
pub use start::server;

use kw_kernel::Registry;

/// All engines and auth methods that this binary has.
pub fn registry() -> Registry {
    Registry::new(kw_secrets::all(), kw_auth::all())
}
