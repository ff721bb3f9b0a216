use super::document;
use serde_json::{Value, json};

#[test]
fn structures() {
    let value = json!({
        "a": {"b": [1, {"c": "d", "e": [true, null]}, [], {}, ["x", ["y2"]]], "f": 1.5},
        "g": {}, "h": "one word", "i": "",
    });
    let want = "a:\n  b:\n  - 1\n  - c: d\n    e:\n    - true\n    - null\n  - []\n  - {}\n  - - x\n    - - y2\n  f: 1.5\ng: {}\nh: one word\ni: \"\"\n";
    assert_eq!(document(&value), want);
    assert_eq!(document(&json!("x")), "x\n");
    assert_eq!(document(&json!([])), "[]\n");
    assert_eq!(document(&json!(["a", "b"])), "- a\n- b\n");
}

#[test]
fn what_some_reader_takes_for_no_text_is_quoted() {
    let texts = [
        "yes",
        "No",
        "ON",
        "off",
        "y",
        "N",
        "true",
        "False",
        "null",
        "~",
        "",
        " ",
        "12",
        "-1",
        "+1",
        "1e3",
        ".5",
        ".inf",
        "0777",
        "0x1F",
        "0o17",
        "1_000",
        "2026-11-21",
        "2026-11-21T23:09:34Z",
        "12:30:45",
        "1:30",
        "=",
        "<<",
        "a: b",
        "a:",
        "a #b",
        "- a",
        "[a]",
        "{a}",
        "&a",
        "*a",
        "!a",
        "%a",
        "@a",
        "`a",
        "'a'",
        "\"a\"",
        "a ",
        " a",
        "?",
        "-",
        "|",
        ">",
        "---",
        "...",
    ];
    for text in texts {
        let written = document(&json!(text));
        assert!(written.starts_with('"') && written.ends_with("\"\n"), "{text:?}: {written:?}");
    }
    for text in ["a", "/sys/x", "s.token", "a b", "x:y", "kv_1", "https://a:8200", "Yesterday", "s3cret-x"] {
        assert_eq!(document(&json!(text)), format!("{text}\n"));
    }
}

#[test]
fn lines_stay_lines() {
    let pem = "-----BEGIN X-----\nabc=\n\n  def\n-----END X-----\n";
    assert_eq!(document(&json!({"p": pem})), "p: |\n  -----BEGIN X-----\n  abc=\n\n    def\n  -----END X-----\n");
    assert_eq!(document(&json!({"p": {"q": "a\nb"}})), "p:\n  q: |-\n    a\n    b\n");
    assert_eq!(document(&json!(["a\nb"])), "- |-\n  a\n  b\n");
    assert_eq!(
        document(&json!({"p": "a \nb\u{0}\u{85}\u{2028}é😀\u{feff}"})),
        "p: \"a \\nb\\u0000\\u0085\\u2028é😀\\uFEFF\"\n"
    );
}

/// A second reader's opinion, on texts made of everything that YAML has a use for.
#[test]
fn what_is_written_is_read_again() {
    const PARTS: [&str; 20] = [
        "a", "1", " ", "\n", ":", "#", "-", "'", "\"", "\\", "\t", "é", "😀", "\u{85}", "{", "&", "yes", "\r", "%", "|",
    ];
    let mut state = 1_u64;
    for _ in 0..3000 {
        let mut text = String::new();
        for _ in 0..6 {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            text.push_str(PARTS[(state >> 33) as usize % PARTS.len()]);
        }
        let value = json!({"k": text, "l": [text, {text.clone(): text}], "m": {"n": {"o": text}}});
        let written = document(&value);
        let read: Value = serde_yaml_ng::from_str(&written).unwrap_or_else(|e| panic!("{e}: {text:?} as {written}"));
        assert_eq!(read, value, "{written}");
    }
}
