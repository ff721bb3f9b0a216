//! `cargo xtask check`: everything that must hold, in one command. What fails fastest comes first.
mod bans;
mod clients;
mod docs;
mod install;
mod python;

pub use clients::run as clients;
pub use docs::run as docs;

use crate::machine::succeed;
use crate::{Machine, Outcome, conform, schema, tidy};
use std::time::Instant;

type Step = (&'static str, fn(&Machine) -> Outcome);

const STEPS: [Step; 10] = [
    ("format", |m| succeed(&mut m.cargo("fmt --all -- --check --files-with-diff"))),
    ("tidy", |m| tidy::all(&m.root)),
    ("install", install::all),
    ("lint", |m| succeed(&mut m.cargo("clippy --locked --quiet --workspace --all-targets -- -D warnings"))),
    ("bans", bans::all),
    ("schema", schema::is_fresh),
    ("test", test),
    ("conform", |m| conform::run(m, &[])),
    ("clients", clients::run),
    ("docs", |m| docs::run(m, &[])),
];

/// Runs all steps, or those from one on. A failure does not keep later steps from being run: all are told at the end.
pub fn all(machine: &Machine, from: Option<&str>) -> Outcome {
    let first = match from {
        None => 0,
        Some(name) => {
            STEPS.iter().position(|(n, _)| *n == name).ok_or_else(|| format!("the steps are: {}", names()))?
        }
    };
    let (mut table, mut failed) = (Vec::new(), 0);
    for (name, step) in STEPS.iter().skip(first) {
        println!("\n== {name}");
        let start = now();
        let outcome = step(machine);
        let seconds = start.elapsed().as_secs();
        let word = if outcome.is_ok() { "ok" } else { "FAILED" };
        if let Err(why) = outcome {
            failed += 1;
            println!("{why}");
        }
        println!("== {name}: {word}, {seconds} s");
        table.push(format!("{name:<8} {seconds:>5} s  {word}"));
    }
    println!("\n{}\nsteps: {} passed, {failed} failed", table.join("\n"), table.len() - failed);
    if failed == 0 { Ok(()) } else { Err(format!("check: {failed} steps failed")) }
}

/// All tests of the workspace; those that need another server or program must find it, and may not skip themselves.
fn test(machine: &Machine) -> Outcome {
    let mut tests = machine.cargo("test --quiet --workspace --no-fail-fast");
    succeed(tests.env("KW_REQUIRE_REAL", "1").env("KW_CRASH_ROUNDS", "50"))
}

fn names() -> String {
    STEPS.map(|(name, _)| name).join(", ")
}

#[expect(
    clippy::disallowed_methods,
    reason = "how long a step takes on this machine is no time that a simulation sets"
)]
fn now() -> Instant {
    Instant::now()
}
