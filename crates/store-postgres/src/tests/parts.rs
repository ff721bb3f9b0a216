//! Parts that need no server.
use super::*;
use crate::address::Address;
use crate::group::{judge, seen_keys};
use crate::position::{News, Position};
use std::collections::HashMap;

fn key(text: &str) -> Key {
    Key::copy_from_slice(text.as_bytes())
}

fn batch(seen: &[(&str, u64)], writes: Vec<kw_store::Write>) -> Batch {
    Batch { began: Revision(0), seen: seen.iter().map(|(k, at)| (key(k), Revision(*at))).collect(), writes }
}

#[test]
fn a_group_is_judged_in_its_order() {
    let batches = [
        batch(&[("a", 3)], vec![put("a", "1")]),
        batch(&[("a", 3)], vec![put("a", "2")]),
        batch(&[("a", 8)], vec![kw_store::suite::delete("a"), put("b", "1")]),
        batch(&[("a", 0), ("b", 9)], Vec::new()),
        batch(&[("b", 0)], vec![put("c", "1")]),
        batch(&[], vec![put("b", "2")]),
    ];
    let mut keys = seen_keys(batches.iter());
    keys.sort();
    assert_eq!(keys, [key("a"), key("b")]);
    let verdict = judge(batches.iter(), &HashMap::from([(key("a"), Revision(3))]), Revision(7));
    let conflict = || Err(StoreError::Conflict);
    let ok = |at| Ok(Revision(at));
    assert_eq!(verdict.outcomes, [ok(8), conflict(), ok(9), ok(9), conflict(), ok(10)]);
    assert_eq!(verdict.last, Revision(10));
    assert_eq!(verdict.rows[&key("a")], (None, Revision(9)));
    assert_eq!(verdict.rows[&key("b")], (Some("2".into()), Revision(10)));
    assert!(!verdict.rows.contains_key(&key("c")));
    let at: Vec<u64> = verdict.changes.iter().map(|(at, _)| at.0).collect();
    assert_eq!(at, [8, 9, 10]);
}

#[test]
fn news_are_told_once_and_in_order() {
    let position = Position::default();
    let (all, some) = (Arc::new(Recorder::default()), Arc::new(Recorder::default()));
    position.watch(Key::new(), all.clone());
    position.watch(key("b"), some.clone());
    let change = |at: u64, k: &str| (Revision(at), vec![key(k)]);
    let news = |changes, to| News { changes, to: Revision(to), lost: false };
    position.advance(&news(vec![change(1, "a"), change(2, "b")], 2));
    position.advance(&news(vec![change(1, "a"), change(2, "b"), change(3, "c")], 3));
    position.advance(&news(vec![change(2, "b")], 2));
    assert_eq!(position.reached(), Revision(3));
    let told: Vec<u64> = all.told.lock().iter().map(|(_, at)| at.0).collect();
    assert_eq!(told, [1, 2, 3]);
    assert_eq!(*some.told.lock(), [(vec![key("b")], Revision(2))]);
    position.advance(&News { changes: Vec::new(), to: Revision(9), lost: true });
    assert_eq!((position.reached(), some.lost.load(Ordering::Relaxed)), (Revision(9), 1));
    assert!(position.check(Revision(9), Revision(9)).is_ok());
    assert!(matches!(position.check(Revision(8), Revision(9)), Err(StoreError::Corrupt(_))));
    assert!(matches!(position.check(Revision(9), Revision(9)), Err(StoreError::Corrupt(_))), "for good");
}

#[test]
fn addresses_are_read() {
    let good = [
        "postgres://u:p@h/db",
        "postgresql://u:p%2Fw@h1:1,h2:2/db?sslmode=verify-full&connect_timeout=3&options=-c%20geqo%3Doff",
        "postgres://u@h/db?sslrootcert=system&sslmode=verify-ca",
        "host=h user=u password='its' dbname=d sslmode=require",
        r"host = h password='it\'s \\ it' sslmode=disable",
    ];
    for text in good {
        assert!(Address::new(&Secret::new(text.to_owned())).is_ok(), "{text}");
    }
    let quoted = Address::new(&Secret::new(good[4].to_owned())).map(|a| a.config.get_password().map(<[u8]>::to_vec));
    assert_eq!(quoted.unwrap().unwrap(), br"it's \ it");
    let bad = [
        "mysql://LEAKME@h/db",
        "postgres://u:LEAKME@h/db?sslmode=LEAKME",
        "postgres://u:LEAKME@h/db?unheard_of=LEAKME",
        "postgres://u:LEAKME@h:LEAKME/db",
        "postgres://u:LEAKME@h/db?sslmode=verify-full&sslrootcert=/nowhere/ca.pem",
        "postgres://u:LEAKME@h/db?sslcert=/nowhere/cert.pem",
    ];
    for text in bad {
        let Err(error) = Address::new(&Secret::new(text.to_owned())) else { unreachable!("read {text}") };
        assert!(!format!("{error} {error:?}").contains("LEAKME"), "{error}");
    }
}
