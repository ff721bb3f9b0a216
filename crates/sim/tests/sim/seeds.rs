//! Sound runs.
use crate::play::{judge, play, report};
use kw_sim::{History, Plan};
use std::ops::Range;

/// The seeds to run: `KW_SIM_SEEDS=from..to`, or the thousand of every CI run.
#[expect(clippy::disallowed_methods, reason = "a test is told by its caller what to run")]
fn seeds() -> Range<u64> {
    let text = std::env::var("KW_SIM_SEEDS").unwrap_or_default();
    let numbers = text.split_once("..").and_then(|(from, to)| Some(from.parse().ok()?..to.parse().ok()?));
    numbers.unwrap_or(0..1000)
}

#[test]
fn no_promise_is_broken_whatever_fails() {
    let mut failed = String::new();
    for seed in seeds() {
        let plan = Plan::of(seed);
        let history = play(plan.clone());
        let anomalies = judge(&history);
        if !anomalies.is_empty() {
            let text = report(&plan, &history, &anomalies);
            println!("{text}");
            failed.push_str(&text);
        }
    }
    assert!(failed.is_empty(), "{failed}");
}

#[test]
fn a_seed_gives_the_same_history_byte_for_byte() {
    for seed in 0..20 {
        let [first, second] = [0, 1].map(|_| play(Plan::of(seed)).to_lines().unwrap());
        let differs = first.lines().zip(second.lines()).find(|(a, b)| a != b);
        assert_eq!(differs, None, "seed {seed}");
        assert_eq!(first, second, "seed {seed}");
    }
}

#[test]
fn without_faults_every_request_gets_its_answer() {
    for seed in (0..100).step_by(10) {
        let history = play(Plan::of(seed));
        let unanswered: Vec<_> = history.operations().filter(|o| o.is_unknown()).collect();
        assert!(unanswered.is_empty(), "seed {seed}: {unanswered:#?}");
        let kinds = history.operations().filter(|o| o.is_ok()).count();
        assert!(kinds > 30, "seed {seed}: only {kinds} requests went well");
    }
}

#[test]
fn a_history_is_read_as_it_was_written() {
    let history = play(Plan::of(1));
    assert_eq!(History::from_lines(&history.to_lines().unwrap()).unwrap(), history);
}

/// Prints the whole history of the first seed that is asked for.
#[test]
#[ignore = "for reading one run: KW_SIM_SEEDS=7..8 cargo test -p kw-sim whole -- --ignored --nocapture"]
fn whole_history() {
    let history = play(Plan::of(seeds().start));
    println!("{}", history.to_lines().unwrap());
}
