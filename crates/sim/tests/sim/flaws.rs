//! Deliberate mistakes: each is found, by the rule that it breaks. The same run without the mistake breaks none.
use crate::play::{judge, play};
use kw_sim::{Flaw, Plan};

/// Within so many seeds. Some show seldom: a renewal that is lost, only where its token outlives what it had before.
const SEEDS: u64 = 400;

fn is_caught(flaw: Flaw, rules: &[&str]) {
    let caught = (1..=SEEDS).find(|seed| {
        let found = judge(&play(Plan::of(*seed).with(flaw)));
        found.iter().any(|anomaly| rules.contains(&anomaly.rule))
    });
    let seed = caught.unwrap_or_else(|| panic!("{flaw:?} was not found in {SEEDS} seeds"));
    println!("{flaw:?} is found by seed {seed}");
    let sound = Plan { flaw: Flaw::None, ..Plan::of(seed).with(flaw) };
    assert_eq!(judge(&play(sound)), [], "the sound twin of {flaw:?}");
}

#[test]
fn uses_that_are_read_before_they_are_written() {
    is_caught(Flaw::ReadThenWrite("tok/"), &["overused-token"]);
}

#[test]
fn documents_and_secret_ids_without_compare_and_set() {
    is_caught(Flaw::ReadThenWrite("m/"), &["document", "overused"]);
}

#[test]
fn failures_to_log_in_that_are_not_counted_one_by_one() {
    is_caught(Flaw::ReadThenWrite("sys/lockout/"), &["lockout", "locked-in"]);
}

#[test]
fn writers_without_a_fence() {
    is_caught(Flaw::NoFence, &["overused-token", "overused", "document", "lockout", "dead-token"]);
}

#[test]
fn a_cache_that_is_never_dropped() {
    is_caught(Flaw::CacheNeverDropped, &["dead-token", "policy", "document"]);
}

#[test]
fn news_that_come_after_the_answer() {
    is_caught(Flaw::NewestBeforeNews, &["dead-token", "policy", "document"]);
}

#[test]
fn commits_that_are_sent_again_blindly() {
    is_caught(Flaw::BlindRetry, &["overused-token", "overused", "document", "dead-token", "lockout"]);
}

#[test]
fn acknowledged_before_it_is_on_the_disk() {
    is_caught(Flaw::NoSync, &["document", "lost-token", "overused-token", "dead-token", "lease-expired"]);
}

#[test]
fn refusals_that_are_not_checked() {
    is_caught(Flaw::NothingChecked, &["moment"]);
}

#[test]
fn renewals_of_tokens_that_are_lost() {
    is_caught(Flaw::FirstStays("tok/"), &["lost-token"]);
}

#[test]
fn mounts_that_others_never_hear_of() {
    is_caught(Flaw::DeafTo("sys/mount/"), &["mount"]);
}

#[test]
fn audit_after_the_answer() {
    is_caught(Flaw::AuditAfterAnswer, &["audit"]);
}
