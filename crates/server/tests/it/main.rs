//! The whole server from outside: the binary is started, and spoken to over its sockets.
//!
//! Each file is one promise. `cases` are the known flaws of this family of systems, a test for each; which test covers which
//! flaw stands in `docs/security.md`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests in tests/ are not seen as tests by the lint"
)]
#![allow(clippy::disallowed_methods, reason = "deadlines, measured times and the number of rounds are the test's own")]

mod support;

mod audit;
mod cases;
mod crash;
mod disk;
mod early;
mod edge;
mod kills;
mod leak;
mod lineage;
mod moves;
mod seals;
mod sweep;
mod syncs;
mod table;
mod tls;
