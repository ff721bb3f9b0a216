use super::Wanted;
use super::areas::{Areas, Counted, least};
use super::round_robin::For;

fn counted(area: &str, passing: u32) -> Counted {
    Counted { area: area.to_owned(), passing, total: 10 }
}

#[test]
fn the_list_rises_and_never_falls() {
    let mut areas = Areas::parse("kv2 = { passing = 5, total = 9 }\n").unwrap();
    assert!(areas.fallen(&[counted("kv2", 5), counted("token", 0)]).is_empty());
    assert_eq!(areas.fallen(&[counted("kv2", 4)]).len(), 1);
    assert_eq!(areas.higher(&[counted("kv2", 6), counted("token", 1)]).len(), 2);
    areas.raise(&[counted("kv2", 4), counted("token", 3), counted("pki", 0)]);
    let want = "kv2 = { passing = 5, total = 10 }\ntoken = { passing = 3, total = 10 }\n";
    assert!(areas.text().ends_with(want), "{}", areas.text());
    assert_eq!(Areas::parse(&areas.text()).unwrap(), areas);
}

#[test]
fn an_area_that_was_not_measured_has_not_fallen() {
    let areas = Areas::parse("kv2 = { passing = 5, total = 9 }\n").unwrap();
    assert!(areas.fallen(&[]).is_empty());
    assert!(Areas::parse("kv2 = 5").is_err());
}

#[test]
fn only_wanted_failures_are_shown() {
    let text = "FAIL pki.a\n     step 1\nof a program\nFAIL kv2.b\n     step 2\npki  0 of 1\n1 passed, 1 failed";
    assert_eq!(super::runner::shown(text, |area| area == "kv2"), "FAIL kv2.b\n     step 2\npki  0 of 1");
}

#[test]
fn what_passes_everywhere_is_listed() {
    let (all, fewer) = ([counted("kv2", 5), counted("token", 3)], [counted("kv2", 6), counted("token", 1)]);
    assert_eq!(least([&all[..], &fewer[..]].into_iter()), [counted("kv2", 5), counted("token", 1)]);
}

#[test]
fn only_the_known_difference_is_excused() {
    let known = "step 3 GET /v1/sys/leader: ha_enabled: want false, got true".to_owned();
    let excused = |site: &str, problems: &[String]| {
        super::sites::named(site).unwrap()[0].excuses("seal.health_while_sealed", problems)
    };
    assert!(excused("two-on-etcd", std::slice::from_ref(&known)));
    assert!(!excused("memory", std::slice::from_ref(&known)));
    assert!(!excused("etcd", &[known, "another".to_owned()]));
}

#[test]
fn flags_come_in_any_order() {
    let wanted = Wanted::parse(&["--on", "etcd,two-on-etcd", "--update", "--only", "kv2"]).unwrap();
    let names: Vec<&str> = wanted.sites.iter().map(|site| site.name).collect();
    assert_eq!((wanted.update, wanted.only, names), (true, Some("kv2"), vec!["etcd", "two-on-etcd"]));
    assert_eq!(Wanted::parse(&[]).unwrap().sites.len(), 6);
    for wrong in [&["--only"][..], &["--on", "tape"], &["kv2"]] {
        assert!(Wanted::parse(wrong).is_err(), "{wrong:?}");
    }
}

#[test]
fn what_is_a_nodes_own_goes_to_each() {
    for (line, audience) in [
        ("PUT /v1/sys/seal HTTP/1.1", For::Each),
        ("POST /v1/sys/unseal HTTP/1.1", For::Each),
        ("GET /v1/sys/seal-status HTTP/1.1", For::Next),
        ("PUT /v1/sys/rekey/update HTTP/1.1", For::First),
        ("GET /v1/sys/generate-root/attempt?x=1 HTTP/1.1", For::First),
        ("GET /v1/kv/sys/seal HTTP/1.1", For::Next),
        ("", For::Next),
    ] {
        assert_eq!(For::of(line), audience, "{line}");
    }
}
