//! The server as a library: what the binary is wired from.
pub mod config;
