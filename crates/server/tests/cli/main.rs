//! The command line against the server: the binary is both, and is called as people call it, by the name `vault` through a
//! symbolic link. What each command does to a server that answers oddly is tested in `kw-cli`; here both sides are ours.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests in tests/ are not seen as tests by the lint"
)]
#![allow(clippy::disallowed_methods, reason = "deadlines and measured times are the test's own")]

#[allow(
    dead_code,
    unused_imports,
    clippy::wrong_self_convention,
    reason = "what starts servers is shared with the other test binary"
)]
#[path = "../it/support/mod.rs"]
mod support;

mod access;
mod audit;
mod ceremony;
mod dev_server;
mod diagnostics;
mod help;
mod kv;
mod leases;
mod login;
mod mounts;
mod policies;
mod server_flags;
mod shell;
mod tls;
mod tokens;
mod wrapping;
