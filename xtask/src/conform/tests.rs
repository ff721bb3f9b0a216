use super::areas::{Areas, Counted};

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
    assert_eq!(super::shown(text, |area| area == "kv2"), "FAIL kv2.b\n     step 2\npki  0 of 1");
}
