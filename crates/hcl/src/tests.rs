use crate::{Body, Form, Item, Value, fmt, parse, print};
use proptest::prelude::*;

fn ok(text: &str) -> Body {
    parse(text).unwrap_or_else(|e| panic!("{e}: {text}"))
}

fn string(body: &Body, key: &str) -> String {
    match &body.get(key).unwrap().value {
        Value::String(s) => s.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn forms_that_only_the_first_version_takes() {
    for text in [
        "path \"a\"\n{\n capabilities = [\"read\"]\n}",
        "\"path\" \"a\" { capabilities = [\"read\"] }",
        "path \"a\" { capabilities = [\"read\"] policy = \"x\" }",
        "path \"a\" { capabilities = [\"read\",], policy = \"x\", }",
        "path \"a\" {} path \"a\" {}",
        "path a { capabilities = [,\"read\"] }",
        "// c\n# c\n/* c\n*/ path \"a\" { } # end",
        "\u{feff}path \"a\" {}\r\n",
    ] {
        let body = ok(text);
        let blocks = body.blocks("path", 1).unwrap();
        assert_eq!(blocks[0].labels, ["a"], "{text}");
    }
}

#[test]
fn errors_have_their_place() {
    for (text, place) in [
        ("path \"a\" {", "line 1, column 11: expected '}' for the '{' of line 1, column 10"),
        ("a = 1\na = 2", "line 2, column 1: \"a\" is set twice"),
        ("nonsense", "line 1, column 9: expected '=' or '{' after the name"),
        ("!", "line 1, column 1: this character cannot stand here"),
        ("path 'a' {}", "line 1, column 6: strings are written in double quotes"),
        ("path \"a\" = {}", "line 1, column 10: expected '{' after the labels of a block"),
        ("a = \"x", "line 1, column 5: this string is never closed"),
        ("a = \"${x\"", "line 1, column 5: this string is never closed"),
        ("a = \"x\n\"", "line 1, column 7: a string must not hold a line break"),
        ("a = \"\\q\"", "line 1, column 7: this escape is not known"),
        ("a = [1 2]", "line 1, column 8: expected ',' or ']' in a list"),
        ("a = <<EOF\nx", "line 1, column 5: this heredoc is never closed"),
        ("a =", "line 1, column 4: expected a value"),
        ("a = {}}", "line 1, column 7: expected a name or the end"),
        ("/* x", "line 1, column 1: this comment is never closed"),
        ("a = 99999999999999999999", "line 1, column 5: expected a number"),
        ("{\n\"a\": 1,\n\"a\": 2}", "line 3, column 1: \"a\" is set twice"),
        ("{\n\"a\": }", "line 2, column 6: this is not JSON"),
        ("{\"a\": 1} x", "line 1, column 10: this is not JSON"),
    ] {
        let error = parse(text).unwrap_err().to_string();
        assert!(error.starts_with(place), "{text}: {error}");
    }
}

#[test]
fn strings_keep_what_looks_like_a_template() {
    let body = ok(r#"a = "x/{{identity.entity.id}}/${foo("bar")}/\u00e9\x41\101\n\"" "#);
    assert_eq!(string(&body, "a"), "x/{{identity.entity.id}}/${foo(\"bar\")}/éAA\n\"");
}

#[test]
fn heredocs() {
    assert_eq!(string(&ok("a = <<EOF\none\n  two\nEOF\nb = 1"), "a"), "one\n  two\n");
    assert_eq!(string(&ok("a = <<-EOF\n  one\n    two\n  EOF\n"), "a"), "one\n  two\n");
    assert_eq!(string(&ok("a = <<-EOF\n one\n  EOF"), "a"), " one\n");
}

#[test]
fn numbers() {
    let body = ok("a = 10 b = -3 c = 1.5 d = 0x1F e = 010 f = 1e3 g = 0");
    let values: Vec<_> = body.items.iter().map(|i| i.value.clone()).collect();
    use Value::{Float, Int};
    assert_eq!(values, [Int(10), Int(-3), Float(1.5), Int(31), Int(8), Float(1000.0), Int(0)]);
}

#[test]
fn json_and_hcl_give_the_same_blocks() {
    for text in [
        "path \"a\" { x = 1 } path \"b\" { x = 2 }",
        "path = { \"a\" = { x = 1 } \"b\" = { x = 2 } }",
        r#"{"path": {"a": {"x": 1}, "b": {"x": 2}}}"#,
        r#"{"path": [{"a": {"x": 1}}, {"b": {"x": 2}}]}"#,
        r#"{"path": {"a": [{"x": 1}], "b": {"x": 2}}}"#,
    ] {
        let body = ok(text);
        let blocks = body.blocks("path", 1).unwrap();
        let seen: Vec<_> = blocks.iter().map(|b| (b.labels.clone(), b.body.get("x").unwrap().value.clone())).collect();
        assert_eq!(seen, [(vec!["a"], Value::Int(1)), (vec!["b"], Value::Int(2))], "{text}");
    }
    assert!(ok("path = 1").blocks("path", 1).is_err());
    assert!(ok("path \"a\" \"b\" {}").blocks("path", 1).is_err());
    assert_eq!(ok("path { x = 1 }").blocks("path", 1).unwrap()[0].labels.len(), 0);
}

#[test]
fn limits() {
    let nested = |n: usize| format!("a = {}{}", "[".repeat(n), "]".repeat(n));
    assert!(parse(&nested(64)).is_ok());
    assert!(parse(&nested(65)).is_err());
    assert!(parse(&"a {".repeat(100_000)).is_err());
    assert!(parse(&format!("{{\"a\":{}", "[".repeat(100_000))).is_err());
    assert!(parse(&format!("{{\"a\":{}{}}}", "[".repeat(100), "]".repeat(100))).is_err());
    assert!(parse(&" ".repeat(1024 * 1024 + 1)).is_err());
}

#[test]
fn layout() {
    let text = "# top\npath \"a\"\n{ capabilities=[\"read\",  \"list\"] # why\n policy = \"x\" }\npath \"b\" {}\n# end";
    let want = "# top\npath \"a\" {\n  capabilities = [\"read\", \"list\"] # why\n  policy       = \"x\"\n}\n\npath \"b\" {}\n\n# end\n";
    assert_eq!(fmt(text).unwrap(), want);
    assert_eq!(fmt(want).unwrap(), want);
}

/// Lines and comments are no part of the meaning.
fn bare(body: &Body) -> Body {
    let item = |i: &Item| Item {
        line: 0,
        comments: vec![],
        trailing: None,
        value: bare_value(&i.value),
        key: i.key.clone(),
        labels: i.labels.clone(),
        form: i.form,
    };
    Body { items: body.items.iter().map(item).collect(), comments: vec![] }
}

fn bare_value(value: &Value) -> Value {
    match value {
        Value::List(list) => Value::List(list.iter().map(bare_value).collect()),
        Value::Object(body) => Value::Object(bare(body)),
        other => other.clone(),
    }
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::Int),
        (-1e300..1e300).prop_map(Value::Float),
        any::<String>().prop_map(|s| Value::String(s.replace('\0', ""))),
        "[${}\"\\\\a\n ]{0,12}".prop_map(Value::String),
    ];
    leaf.prop_recursive(4, 40, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::List),
            prop::collection::vec(("[a-z\" .{-]{0,4}", prop::collection::vec("[a*/+{}$]{0,5}", 0..3), inner), 0..5)
                .prop_map(|members| Value::Object(body_of(members))),
        ]
    })
}

fn body_of(members: Vec<(String, Vec<String>, Value)>) -> Body {
    let items = members.into_iter().enumerate().map(|(at, (key, labels, value))| {
        let form = if matches!(value, Value::Object(_)) { Form::Block } else { Form::Attribute };
        let labels = if form == Form::Block { labels } else { vec![] };
        Item { key: format!("{key}{at}"), labels, value, form, line: 0, comments: vec![], trailing: None }
    });
    Body { items: items.collect(), comments: vec![] }
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in any::<String>()) {
        let _ = parse(&text);
    }

    #[test]
    fn any_hcl_like_text_is_read_or_refused(text in "([a-z]{1,3}|[ \n]|[{}\\[\\]=,\"$#/*<-]|EOF|\"[a-z${}]*\"|[0-9.xe]{1,4}){0,60}") {
        if let Ok(body) = parse(&text) {
            let laid_out = print(&body);
            let again = parse(&laid_out).unwrap();
            prop_assert_eq!(bare(&again), bare(&body), "{}", laid_out);
            prop_assert_eq!(fmt(&laid_out).unwrap(), laid_out);
        }
    }

    #[test]
    fn what_is_printed_reads_back(members in prop::collection::vec(("[a-z]{1,4}", prop::collection::vec("[a*/+{}$]{0,5}", 0..3), values()), 0..5)) {
        let body = body_of(members);
        let text = print(&body);
        prop_assert_eq!(bare(&parse(&text).unwrap()), body, "{}", text);
    }
}

/// Generated texts with what the original parser (Go, hcl v1.0.1-vault-7) made of them: a list of items, each a list of key
/// and labels with the value; `null` for a refusal.
#[test]
fn the_original_parser_reads_the_same() {
    for (at, line) in include_str!("../testdata/hcl1.jsonl").lines().enumerate() {
        let (text, want): (String, serde_json::Value) = serde_json::from_str(line).unwrap();
        let seen = parse(&text).map_or(serde_json::Value::Null, |body| as_list(&body));
        assert_eq!(seen, want, "line {}: {text}", at + 1);
    }
}

fn as_list(body: &Body) -> serde_json::Value {
    let item = |i: &Item| {
        let names: Vec<&String> = std::iter::once(&i.key).chain(&i.labels).collect();
        serde_json::json!([names, as_json(&i.value)])
    };
    body.items.iter().map(item).collect()
}

fn as_json(value: &Value) -> serde_json::Value {
    match value {
        Value::Object(body) => as_list(body),
        Value::List(list) => list.iter().map(as_json).collect(),
        // The original writes whole floats without a point.
        Value::Float(n) if n.fract() == 0.0 => serde_json::json!(*n as i64),
        other => other.to_json(),
    }
}
