use super::PasswordPolicy;
use kw_types::Rng;
use std::sync::atomic::{AtomicU64, Ordering};

/// The same bytes in every run.
struct Seeded(AtomicU64);

impl Rng for Seeded {
    fn fill(&self, buffer: &mut [u8]) {
        for byte in buffer {
            let state = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
            *byte = ((state ^ (state >> 31)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 56) as u8;
        }
    }
}

fn made(text: &str) -> Vec<String> {
    let (policy, rng) = (PasswordPolicy::parse(text).unwrap(), Seeded(AtomicU64::new(1)));
    (0..500).map(|_| policy.generate(&rng).expose().clone()).collect()
}

#[test]
fn every_password_keeps_every_rule() {
    let text = r#"length = 12
        rule "charset" { charset = "abc" min-chars = 2 }
        rule "charset" { charset = "éü" min-chars = 3 }
        rule "charset" { charset = "0123456789" }"#;
    let all = made(text);
    for password in &all {
        assert_eq!(password.chars().count(), 12);
        assert!(password.chars().filter(|c| "abc".contains(*c)).count() >= 2, "{password}");
        assert!(password.chars().filter(|c| "éü".contains(*c)).count() >= 3, "{password}");
        assert!(password.chars().all(|c| "abcéü0123456789".contains(c)), "{password}");
    }
    // What a rule asks for is not always at the same place.
    let first: std::collections::BTreeSet<char> = all.iter().filter_map(|p| p.chars().next()).collect();
    assert_eq!(first.len(), 15);
}

#[test]
fn rules_that_leave_no_choice_still_end() {
    let all = made(r#"{"length": 100, "rule": [{"charset": [{"charset": "aaaa", "min-chars": 100}]}]}"#);
    assert!(all.iter().all(|p| *p == "a".repeat(100)));
}

#[test]
fn what_cannot_be_kept_is_refused() {
    for (text, why) in [
        ("", "length must be"),
        ("length = 20", "no charset"),
        ("length = 3\nrule \"charset\" { charset = \"abc\" }", "between 4 and 100"),
        ("length = 101\nrule \"charset\" { charset = \"abc\" }", "between 4 and 100"),
        ("length = -4\nrule \"charset\" { charset = \"abc\" }", "whole number"),
        ("length = 5\nrule \"charset\" { charset = \"\" }", "no charset"),
        ("length = 5\nrule \"charset\" { min-chars = 1 }", "no charset"),
        ("length = 5\nrule \"charset\" { charset = \"a\\n\" }", "control"),
        ("length = 5\nrule \"spell\" { charset = \"abc\" }", "unrecognized rule"),
        ("length = 5\nrule { charset = \"abc\" }", "unrecognized rule"),
        ("length = 5\nrule \"charset\" { charset = \"abc\" min-chars = 9 }", "at least 9"),
        ("length = 5\nrule \"charset\" { charset = \"abc\" max-chars = 9 }", "unknown key"),
        ("length = 5\nspell = 1", "unknown key"),
        ("length = = 1", "line 1"),
    ] {
        let wrong = PasswordPolicy::parse(text).unwrap_err().to_string();
        assert!(wrong.contains(why), "{text:?}: {wrong}");
    }
}
