use super::*;
use kw_types::Rng;

struct Zeroes;

impl Rng for Zeroes {
    fn fill(&self, buffer: &mut [u8]) {
        buffer.fill(0);
    }
}

fn render(text: &str) -> Result<String, String> {
    let now = Time::parse("2026-07-09T08:05:03.5Z").unwrap();
    let scope = Scope { display_name: "Token-Ann", role_name: "readers", now, rng: &Zeroes };
    Template::parse(text)?.render(&scope)
}

#[test]
fn templates_give_what_vault_gives() {
    for (text, want) in [
        ("plain", "plain"),
        ("x_{{random 6}}", "x_000000"),
        (r#"{{ printf "%s-%s" (.DisplayName) (uuid) }}"#, "Token-Ann-00000000-0000-4000-8000-000000000000"),
        ("{{.DisplayName | lowercase | truncate 7}}!{{.RoleName | uppercase}}", "token-a!READERS"),
        (r#"{{ replace "-" "_" .DisplayName }}"#, "Token_Ann"),
        (r#"{{ .DisplayName | replace "-" `}}` }}"#, "Token}}Ann"),
        (r#"{{ printf "v-%s-%d%%" (truncate 5 .DisplayName) 7 }}"#, "v-Token-7%"),
        ("{{unix_time}}", "1783584303"),
        ("{{unix_time_millis}}", "1783584303500"),
        (r#"{{timestamp "2006-01-02T15:04:05Z"}}"#, "2026-07-09T08:05:03Z"),
        (r#"{{timestamp "060102"}}"#, "260709"),
        (r#"{{ truncate_sha256 12 "0123456789abcdef" }}"#, "0123" ),
        (r#"{{ truncate_sha256 16 "0123456789abcdef" }}"#, "0123456789abcdef"),
        ("a {{- .RoleName -}} b", "areadersb"),
        (r#"{{ base64 "ab" }}"#, "YWI="),
        (r#"{{ truncate 3 "aé€" }}"#, "aé"),
    ] {
        let got = render(text).unwrap_or_else(|e| panic!("{text}: {e}"));
        assert!(got == want || (want == "0123" && got.len() == 12 && got.starts_with(want)), "{text}: {got}");
    }
}

#[test]
fn wrong_templates_are_refused() {
    for text in [
        "",
        "{{broken",
        "{{broken}}",
        "{{}}",
        "{{if .RoleName}}x{{end}}",
        "{{.Password}}",
        "{{.DisplayName.Sub}}",
        "{{$x}}",
        "{{random}}",
        "{{random 0}}",
        "{{random 100000}}",
        "{{random \"6\"}}",
        "{{random 6 7}}",
        "{{random 6",
        "{{(random 6}}",
        "{{random 6)}}",
        "{{\"a\" \"b\"}}",
        "{{uuid | \"a\"}}",
        "{{\"a}}",
        "{{\"\\x\"}}",
        "{{truncate_sha256 8 \"a\"}}",
        "{{printf \"%s\"}}",
        "{{printf \"%q\" \"a\"}}",
        "{{printf \"%d\" \"a\"}}",
        "{{printf \"a\" \"b\"}}",
        "{{timestamp \"Mon\"}}",
        "{{99999999999999999999}}",
        "{{\"\"}}",
    ] {
        assert!(render(text).is_err(), "{text}");
    }
    assert!(render(&format!("{}uuid{}", "{{".to_owned() + &"(".repeat(1000), ")".repeat(1000) + "}}")).is_err());
    let grow = r#"| replace "a" "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" "#;
    assert!(render(&format!("{{{{\"a\" {}}}}}", grow.repeat(8))).is_err());
}
