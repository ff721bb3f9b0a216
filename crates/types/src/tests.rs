use crate::*;

#[test]
fn durations_as_vault_takes_them() {
    for (text, want) in [
        ("", 0),
        ("0", 0),
        ("3600", 3600),
        ("1h30m", 5400),
        ("1.5h", 5400),
        ("1d", 86_400),
        ("250ms", 0),
        ("2w", 1_209_600),
    ] {
        assert_eq!(Ttl::parse(text).unwrap().seconds(), want, "{text}");
    }
    for text in ["soon", "-5", "-1h", "5x", "1h5", "1e400", "99999999999999999999", "99999999h"] {
        assert!(Ttl::parse(text).is_err(), "{text}");
    }
    assert_eq!(Ttl::from_hours(768).go_text(), "768h0m0s");
    assert_eq!(Ttl::from_seconds(90).go_text(), "1m30s");
}

#[test]
fn paths_are_decoded_once_and_never_climb() {
    assert_eq!(CanonPath::parse("/secret/data/a%20b").unwrap().as_str(), "secret/data/a b");
    assert_eq!(CanonPath::parse("a%252e").unwrap().as_str(), "a%2e");
    assert_eq!(CanonPath::parse("a//b"), Err(PathFlaw::Unclean("a/b".into())));
    assert_eq!(CanonPath::parse("a/../b/"), Err(PathFlaw::Unclean("b/".into())));
    for bad in ["a/%2e%2e/b", "a%2f%2fb", "a/%00", "a/%ff", "a/%0a", "a/%zz", "a/%2", "a%2f..%2fb"] {
        assert!(matches!(CanonPath::parse(bad), Err(PathFlaw::Bad(_))), "{bad}");
    }
}

#[test]
fn a_secret_does_not_show() {
    let secret = Secret::new("LEAKME".to_owned());
    assert_eq!(format!("{secret:?}"), "***");
    assert!(secret.matches("LEAKME"));
    assert!(!secret.matches("LEAKMF"));
}

#[test]
fn times_print_as_go_prints_them() {
    assert_eq!(Time::ZERO.rfc3339(), "0001-01-01T00:00:00Z");
    let t = Time::from_nanos(1_700_000_000_123_000_000);
    assert_eq!(t.rfc3339(), "2023-11-14T22:13:20.123Z");
    assert_eq!(Time::parse("2023-11-14T22:13:20.123Z"), Some(t));
}

struct Steps;
impl Rng for Steps {
    fn fill(&self, buffer: &mut [u8]) {
        buffer.iter_mut().enumerate().for_each(|(i, b)| *b = i as u8);
    }
}

#[test]
fn idents_sort_by_time() {
    let a = Ident::new(Time::from_seconds(1_700_000_000), &Steps);
    let b = Ident::new(Time::from_seconds(1_700_000_001), &Steps);
    assert!(a < b);
    assert_eq!(a.as_str().len(), IDENT_LEN);
    assert_eq!(Ident::parse(a.as_str()), Some(a));
    assert_eq!(Steps.uuid().len(), 36);
}
