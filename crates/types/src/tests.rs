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

mod properties {
    use crate::*;
    use proptest::prelude::*;

    /// Texts made of what paths are attacked with.
    fn hostile() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            "[a-z]{1,3}",
            "%[0-9a-fA-F]{2}",
            "%2e",
            "%2f",
            "%00",
            "%25",
            "\\.",
            "\\.\\.",
            "/",
            "//",
            "%",
            "\u{202e}",
            "é",
            "[ -~]"
        ];
        prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn a_path_that_is_taken_cannot_climb(raw in hostile()) {
            match CanonPath::parse(&raw) {
                Ok(path) => {
                    let text = path.as_str();
                    prop_assert!(!text.contains("//") && !text.starts_with('/'));
                    prop_assert!(text.split('/').all(|s| s != "." && s != ".."));
                    prop_assert!(!text.chars().any(char::is_control));
                    prop_assert!(path.as_folder().is_folder());
                }
                // A redirect leads to a path that needs no further one.
                Err(PathFlaw::Unclean(clean)) => prop_assert!(!matches!(CanonPath::parse(&clean), Err(PathFlaw::Unclean(_)))),
                Err(PathFlaw::Bad(_)) => {}
            }
        }

        #[test]
        fn a_plain_path_is_taken_as_it_is(path in "[a-zA-Z0-9_-]{1,8}(/[a-zA-Z0-9_ -]{1,8}){0,5}/?") {
            let escaped = path.replace(' ', "%20");
            let parsed = CanonPath::parse(&escaped).unwrap();
            prop_assert_eq!(parsed.as_str(), path);
        }

        #[test]
        fn any_text_is_a_duration_or_an_error(text in "\\PC{0,24}") {
            if let Ok(ttl) = Ttl::parse(&text) {
                prop_assert!(ttl.seconds() <= 9_223_372_036);
            }
        }

        #[test]
        fn seconds_survive_printing(seconds in 0_u64..9_000_000_000) {
            prop_assert_eq!(Ttl::parse(&Ttl::from_seconds(seconds).go_text()).unwrap().seconds(), seconds);
        }

        #[test]
        fn times_survive_printing(nanos in 1_i64..4_000_000_000_000_000_000) {
            let time = Time::from_nanos(nanos);
            prop_assert_eq!(Time::parse(&time.rfc3339()), Some(time));
        }

        #[test]
        fn names_fold_to_themselves(text in "\\PC{0,20}") {
            if let Ok(name) = Name::fold(&text) {
                prop_assert_eq!(Name::fold(name.as_str()).unwrap(), name.clone());
                prop_assert!(name.as_str().is_ascii() && !name.as_str().contains(' '));
            }
        }
    }
}
