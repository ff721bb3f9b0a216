//! Sound runs.
use crate::play::{judge, play, report};
use kw_sim::{History, Plan};
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// The seeds to run: `KW_SIM_SEEDS=from..to`, or the thousand of every CI run.
#[expect(clippy::disallowed_methods, reason = "a test is told by its caller what to run")]
fn seeds() -> Range<u64> {
    let text = std::env::var("KW_SIM_SEEDS").unwrap_or_default();
    let numbers = text.split_once("..").and_then(|(from, to)| Some(from.parse().ok()?..to.parse().ok()?));
    numbers.unwrap_or(0..1000)
}

/// What went wrong with each seed; as many at once as there are processors.
fn failures(seeds: Range<u64>) -> BTreeMap<u64, String> {
    let (next, failed) = (AtomicU64::new(seeds.start), Mutex::new(BTreeMap::new()));
    let work = || loop {
        let seed = next.fetch_add(1, Ordering::Relaxed);
        if seed >= seeds.end {
            return;
        }
        let plan = Plan::of(seed);
        let history = play(plan.clone());
        let anomalies = judge(&history);
        if !anomalies.is_empty() {
            let text = report(&plan, &history, &anomalies);
            println!("{text}");
            failed.lock().unwrap().insert(seed, text);
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(work);
        }
    });
    failed.into_inner().unwrap()
}

#[test]
fn no_promise_is_broken_whatever_fails() {
    let failed = failures(seeds());
    assert!(failed.is_empty(), "seeds {:?} fail; how to repeat them is above", failed.keys());
}

/// Seeds that once found a bug, each with what it was. They are run whatever the range of the day is.
#[test]
fn what_was_found_stays_away() {
    // 158, 215, 408: a maker that was taken for dead made a credential, and no lease knew of it.
    // 344: revoking a token that had expired by this node's clock alone left it to the others.
    // 255, 293, 416: of two who used a token at the same moment, one was refused.
    // 388: of two first logins at the same moment, one was refused.
    // 511, 705: revoking a batch token was acknowledged where its time was up, though it was good on a node whose clock was behind.
    for seed in [158, 215, 255, 293, 344, 388, 408, 416, 511, 705] {
        assert!(failures(seed..seed + 1).is_empty(), "seed {seed} fails again; what it shows is above");
    }
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
        let done = history.operations().filter(|o| o.is_ok()).count();
        assert!(done > 30, "seed {seed}: only {done} requests went well");
    }
}

#[test]
fn a_history_is_read_as_it_was_written() {
    let history = play(Plan::of(1));
    assert_eq!(History::from_lines(&history.to_lines().unwrap()).unwrap(), history);
}

/// Prints the whole history of the first seed that is asked for, after what the nodes logged.
#[test]
#[ignore = "for reading one run: KW_SIM_SEEDS=7..8 cargo test -p kw-sim whole -- --ignored --nocapture"]
fn whole_history() {
    tracing_subscriber::fmt().with_max_level(tracing::Level::DEBUG).with_writer(std::io::stderr).without_time().init();
    println!("{}", play(Plan::of(seeds().start)).to_lines().unwrap());
}
