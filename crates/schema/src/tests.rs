use crate::*;
use kw_types::Ttl;

/// Makes a thing.
#[derive(Request, Debug)]
struct Make {
    /// Its name.
    #[capture]
    name: String,
    /// How long it lives.
    #[field(default = "1h")]
    ttl: Ttl,
    tags: Vec<String>,
    #[field(name = "type")]
    kind: Option<String>,
    meta: KeyValues,
}

fn table() -> RouteTable<u8> {
    let mut table = RouteTable::default();
    for (pattern, verb, handler) in [
        ("things/{name}", Verb::Read, 1),
        ("things", Verb::List, 2),
        ("data/{path...}", Verb::List, 3),
        ("{path...}", Verb::Read, 4),
    ] {
        table.add(pattern, Op { verb, access: Access::Token, doc: "", fields: vec![], answer: vec![], handler });
    }
    table
}

fn found(path: &str, verb: Verb) -> Option<(u8, Captures)> {
    match table().find(path, verb) {
        Found::Op { op, captures, .. } => Some((op.handler, captures)),
        _ => None,
    }
}

#[test]
fn patterns_match_in_order() {
    assert_eq!(found("things/a-b.c", Verb::Read).unwrap().0, 1);
    assert_eq!(found("things/-a", Verb::Read).unwrap().0, 4);
    assert_eq!(found("things/", Verb::List).unwrap().0, 2);
    assert_eq!(found("things", Verb::List).unwrap().0, 2);
    let (handler, captures) = found("data/a/b/", Verb::List).unwrap();
    assert_eq!((handler, captures.get("path")), (3, Some("a/b/")));
    assert_eq!(found("data", Verb::List).unwrap().1.get("path"), Some(""));
    assert!(matches!(table().find("things", Verb::Delete), Found::Path(_)));
}

fn parse(body: &str) -> Result<Make, kw_types::Fault> {
    let params = Params::from_json(body.as_bytes())?;
    let Found::Op { captures, .. } = table().find("things/x", Verb::Read) else { unreachable!() };
    Make::parse(&Input { captures, params })
}

#[test]
fn lenient_values() {
    let make = parse(r#"{"ttl": 90, "tags": "a, b,", "type": 5, "meta": {"k": 1}}"#).unwrap();
    assert_eq!((make.name.as_str(), make.ttl.seconds()), ("x", 90));
    assert_eq!(make.tags, ["a", "b"]);
    assert_eq!(make.kind.as_deref(), Some("5"));
    assert_eq!(make.meta.0["k"], "1");
    assert_eq!(parse("").unwrap().ttl.seconds(), 3600);
    assert_eq!(parse(r#"{"ttl": null}"#).unwrap().ttl.seconds(), 3600);
}

#[test]
fn bad_bodies_are_refused_without_showing_them() {
    for body in [
        "{",
        "[]",
        "5",
        "  ",
        r#"{"a":1,"a":2}"#,
        r#"{"d":{"k":1,"k":2}}"#,
        r#"{"ttl":"LEAKME"}"#,
        r#"{"tags":{"LEAKME":1}}"#,
        r#"{"x": 1e999}"#,
        "{\"a\": \"\u{1}\"}",
    ] {
        let fault = parse(body).unwrap_err();
        assert_eq!(fault.kind().status(), 400, "{body}");
        assert!(!fault.to_string().contains("LEAKME"), "{fault}");
    }
    let deep = format!("{}1{}", r#"{"a":"#.repeat(100), "}".repeat(100));
    assert!(parse(&deep).is_ok());
    assert!(parse(&format!("{}1{}", r#"{"a":"#.repeat(100_000), "}".repeat(100_000))).is_err());
}

#[test]
fn fields_are_described() {
    let mut fields = Vec::new();
    Make::fields(&mut fields);
    assert_eq!(Make::DOC, "Makes a thing.");
    let names: Vec<_> = fields.iter().map(|f| f.name).collect();
    assert_eq!(names, ["name", "ttl", "tags", "type", "meta"]);
    assert_eq!(fields[1].default, Some("1h"));
}

#[test]
fn a_literal_may_end_a_pattern_after_a_rest() {
    let mut table = RouteTable::default();
    for (pattern, verb, handler) in [
        ("mounts/{path...}/tune", Verb::Read, 1),
        ("mounts/{path...}", Verb::Read, 2),
        ("mounts/{path...}", Verb::Delete, 3),
    ] {
        table.add(pattern, Op { verb, access: Access::Token, doc: "", fields: vec![], answer: vec![], handler });
    }
    let cases = [
        ("mounts/a/b/tune", Verb::Read, 1, "a/b"),
        ("mounts/a/tuned", Verb::Read, 2, "a/tuned"),
        ("mounts/tune", Verb::Read, 2, "tune"),
        ("mounts/a/tune", Verb::Delete, 3, "a/tune"),
    ];
    for (path, verb, handler, captured) in cases {
        let Found::Op { op, captures, .. } = table.find(path, verb) else { panic!("{path} finds nothing") };
        assert_eq!((op.handler, captures.get("path")), (handler, Some(captured)), "{path}");
    }
}

mod properties {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_body_makes_the_parser_panic(body in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Params::from_json(&body);
        }

        #[test]
        fn no_json_like_text_makes_it_panic(body in "[{}\\[\\]\",:0-9a-e.\\\\ntrufls -]{0,80}") {
            if let Ok(params) = Params::from_json(body.as_bytes()) {
                // What was taken, a plain parser takes too, and finds the same names.
                let value: serde_json::Value = if body.is_empty() || body == "null" { serde_json::json!({}) } else { serde_json::from_str(&body).unwrap() };
                prop_assert_eq!(value.as_object().unwrap().len(), params.iter().count());
            }
        }

        #[test]
        fn documents_keep_their_meaning(map in prop::collection::btree_map(".{0,8}", prop_oneof![any::<i64>().prop_map(serde_json::Value::from), ".{0,8}".prop_map(serde_json::Value::from)], 0..6)) {
            let pretty = serde_json::to_string_pretty(&map).unwrap();
            let raw: Box<serde_json::value::RawValue> = serde_json::from_str(&pretty).unwrap();
            let object = RawObject::coerce(&Raw::Json(&raw)).unwrap();
            prop_assert_eq!(object.text(), serde_json::to_string(&map).unwrap());
        }

        #[test]
        fn any_query_is_pairs_or_an_error(query in "[a-z=&%+0-9A-F]{0,40}") {
            let mut params = Params::default();
            let _ = params.add_pairs(&query);
        }
    }
}

#[test]
fn reading_and_listing_a_path_are_one_method_of_openapi() {
    let op = |verb| Op {
        verb,
        access: Access::Token,
        doc: "Does. More.",
        fields: Vec::new(),
        answer: Vec::new(),
        handler: (),
    };
    for verbs in [[Verb::Read, Verb::List], [Verb::List, Verb::Read]] {
        let mut paths = serde_json::Map::new();
        for verb in verbs {
            crate::openapi_path(&mut paths, "m/", "a/{path...}", &op(verb));
        }
        let get = &paths["/m/a/{path}"]["get"];
        assert_eq!(get["summary"], "Does.");
        assert_eq!(get["parameters"].as_array().unwrap().len(), 1);
        assert_eq!(
            (get["parameters"][0]["name"].as_str(), get["parameters"][0]["required"].as_bool()),
            (Some("list"), Some(false))
        );
    }
}
