//! The pieces that tables are made of.
use crate::output::{columns, duration, heading, plain};
use serde_json::json;

#[test]
fn durations_leave_out_what_is_zero() {
    for (seconds, want) in
        [(0, "0s"), (59, "59s"), (60, "1m"), (3599, "59m59s"), (3600, "1h"), (3660, "1h1m"), (2_764_799, "767h59m59s")]
    {
        assert_eq!(duration(seconds), want);
    }
}

#[test]
fn values_read_as_go_prints_them() {
    let value = json!({"b": [1, "x", null, true], "a": {"k": 1.5}});
    assert_eq!(plain(&value.into()), "map[a:map[k:1.5] b:[1 x <nil> true]]");
}

#[test]
fn headings_are_even() {
    assert_eq!(heading("Secret Path", 13), "== Secret Path ==");
    assert_eq!(heading("Metadata Path", 17), "= Metadata Path =");
    assert_eq!(heading("Metadata", 24), "======= Metadata =======");
    assert_eq!(heading("Version 1", 22), "====== Version 1 ======");
}

#[test]
fn columns_fill_up_all_but_the_last() {
    let rows = [vec!["a".to_owned(), "longer".into(), "x".into()], vec!["bcd".into(), String::new(), "∞".into()]];
    assert_eq!(columns(&rows), "a      longer    x\nbcd    n/a       ∞");
}
