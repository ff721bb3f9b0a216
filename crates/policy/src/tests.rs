use crate::*;
use kw_types::{Time, Ttl};
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

fn now() -> Time {
    Time::from_seconds(1_800_000_000)
}
const OPERATIONS: [Operation; 7] = [
    Operation::Create,
    Operation::Read,
    Operation::Update,
    Operation::Delete,
    Operation::List,
    Operation::Patch,
    Operation::Scan,
];

fn policy(text: &str) -> Policy {
    Policy::parse(text).unwrap_or_else(|e| panic!("{e}: {text}"))
}

fn acl(text: &str) -> Acl {
    Acl::compile([("p", &policy(text))], None, now())
}

fn ask(acl: &Acl, operation: Operation, path: &str) -> Decision {
    acl.decide(&Ask { path, operation, params: &NoParams, wrap_ttl: None })
}

fn sends(acl: &Acl, operation: Operation, path: &str, params: Value) -> Decision {
    let params: Map<String, Value> = params.as_object().unwrap().clone();
    acl.decide(&Ask { path, operation, params: &params, wrap_ttl: None })
}

fn updates(acl: &Acl, params: Value) -> bool {
    sends(acl, Operation::Update, "x", params).allowed
}

#[test]
fn bad_policies_are_refused_with_their_line() {
    for (text, want) in [
        ("path \"a\" {", "line 1: column 11: expected '}'"),
        ("path \"a\" {\n capabilities = [\"fly\"] }", "line 2: invalid capability \"fly\""),
        ("nonsense", "line 1: column 9: expected '='"),
        ("path \"a\" { capability = [\"read\"] }", "line 1: path \"a\": unknown key \"capability\""),
        ("path \"a\" { policy = \"bogus\" }", "line 1: invalid policy"),
        ("path \"+*\" { capabilities = [\"read\"] }", "line 1: path \"+*\": '+*' is forbidden"),
        ("path \"a/+*\" { }", "line 1: path \"a/+*\": '+*' is forbidden"),
        ("path \"a/{{x}}/+*\" { }", "line 1: path"),
        (
            "path \"a\" { min_wrapping_ttl = \"2h\" max_wrapping_ttl = \"1h\" }",
            "line 1: max_wrapping_ttl cannot be less",
        ),
        ("other \"a\" { }", "line 1: unknown key \"other\""),
        ("path \"a\" { min_wrapping_ttl = \"x\" }", "line 1: error parsing min_wrapping_ttl"),
        ("path \"a\" { max_wrapping_ttl = \"500ms\" }", "line 1: \"max_wrapping_ttl\" must be a whole second"),
        ("path \"a\" { allowed_parameters = \"x\" }", "line 1: \"allowed_parameters\" must be an object of lists"),
        ("path \"a\" { allowed_parameters = { \"A\" = [] \"a\" = [] } }", "line 1: parameter \"a\" is named twice"),
        ("path \"a\" { capabilities = \"read\" }", "line 1: \"capabilities\" must be a list"),
        ("path \"a\" { capabilities = [1] }", "line 1: \"capabilities\" must be a list of strings"),
        ("path \"a\" { capabilities = [] capabilities = [] }", "line 1: column 30: \"capabilities\" is set twice"),
        (
            "path \"a\" { denied_parameters {} denied_parameters {} }",
            "line 1: path \"a\": \"denied_parameters\" is set",
        ),
        ("path \"a\" { pagination_limit = -1 }", "line 1: \"pagination_limit\" must be a whole number"),
        ("path \"a\" { expiration = \"soon\" }", "line 1: \"expiration\" must be a time"),
        ("path \"a\" { mfa_methods = [\"x\"] }", "line 1: path \"a\": \"mfa_methods\" is not enforced"),
        ("path \"a\" { control_group = {} }", "line 1: path \"a\": \"control_group\" is not enforced"),
        ("path \"a/{{b\" { }", "line 1: path \"a/{{b\": {{ and }} do not pair up"),
        ("path \"a/b}}\" { }", "line 1: path"),
        ("path \"a\" \"b\" { }", "line 1: column 1: \"path\" takes at most 1 label"),
        ("path 'a' { }", "line 1: column 6: strings are written"),
        ("path = \"a\"", "line 1: column 1: \"path\" must be a block"),
        ("name = 1", "line 1: name must be a string"),
        ("{\"path\": {\"a\": {\"capabilities\": \"read\"}}", "line 1: column"),
    ] {
        let error = Policy::parse(text).unwrap_err().to_string();
        let want = format!("failed to parse policy: {want}");
        assert!(error.starts_with(&want), "{text}\n  {error}\n  {want}");
    }
}

#[test]
fn odd_policies_are_taken() {
    for text in [
        "name = \"x\"\npath \"a\" { capabilities = [\"read\"] }",
        "# only a comment",
        "",
        "path \"a\" { }",
        "path { capabilities = [\"read\"] }",
        "path \"a\" { capabilities = [] }",
        "path \"a\" { capabilities = [\"read\", \"read\"] }\npath \"a\" { capabilities = [\"list\"] }",
        "path \"a\" { capabilities = [\"subscribe\", \"recover\", \"scan\"] comment = \"why\" }",
        "path \"a\" { min_wrapping_ttl = 0 max_wrapping_ttl = \"0s\" pagination_limit = 5 expiration = \"2030-01-01T00:00:00Z\" }",
        builtin::DEFAULT_TEXT,
        builtin::RESPONSE_WRAPPING_TEXT,
    ] {
        policy(text);
    }
    assert_eq!(acl("path \"/lead\" { policy = \"read\" }").capabilities("lead"), ["list", "read"]);
}

#[test]
fn every_operation_needs_its_own_capability() {
    for granted in OPERATIONS {
        let acl = acl(&format!("path \"a\" {{ capabilities = [\"{}\"] }}", granted.needs().as_str()));
        for operation in OPERATIONS {
            let decision = ask(&acl, operation, "a");
            assert_eq!(decision.allowed, operation == granted, "{granted:?} {operation:?}");
            let names: Vec<_> = decision.granted_by.names().collect();
            assert_eq!(names, if decision.allowed { vec!["p"] } else { vec![] });
            assert!(!decision.sudo);
        }
    }
    let acl = acl("path \"a\" { capabilities = [\"sudo\"] }");
    let decision = ask(&acl, Operation::Read, "a");
    assert!(decision.sudo && !decision.allowed);
    assert_eq!(decision.reason.to_string(), "the rule for path \"a\" lacks the capability \"read\"");
    assert_eq!(ask(&acl, Operation::Read, "b").reason, Reason::NoRule);
}

#[test]
fn old_words() {
    for (word, want) in [
        ("deny", "deny"),
        ("read", "list read"),
        ("write", "create delete list read update"),
        ("sudo", "create delete list read sudo update"),
    ] {
        let acl = acl(&format!("path \"x\" {{ policy = \"{word}\" }}"));
        assert_eq!(acl.capabilities("x").join(" "), want);
    }
}

#[test]
fn the_most_specific_path_counts() {
    let rules = [
        ("a/*", "read"),
        ("a/b", "update"),
        ("a/b*", "list"),
        ("a/+/c", "delete"),
        ("a/+/*", "patch"),
        ("+/+/c", "create"),
        ("a/+/+/d", "scan"),
        ("e/+/f", "sudo"),
        ("e/*", "read"),
        ("e/+/*", "list"),
        ("g/+/h/*", "read"),
        ("g/x/+/*", "list"),
        ("i/+", "read"),
        ("j/+/bar*", "read"),
    ];
    let text: String = rules.iter().map(|(p, c)| format!("path \"{p}\" {{ capabilities = [\"{c}\"] }}\n")).collect();
    let acl = acl(&text);
    for (path, want) in [
        ("a/b", "update"),
        ("a/bx", "list"),
        ("a/x", "read"),
        ("a/x/c", "delete"),
        ("a/b/c", "list"),
        ("a/x/y", "read"),
        ("z/x/c", "create"),
        ("a/x/y/d", "scan"),
        ("e/x/f", "sudo"),
        ("e/x/g", "read"),
        ("e/x", "read"),
        ("g/x/h/y", "list"),
        ("i/x", "read"),
        ("i/", "read"),
        ("i/x/y", "deny"),
        ("i", "deny"),
        ("j/a/barbaz/deeper", "read"),
        ("j/a/ba", "deny"),
        ("/a/b", "update"),
        ("", "deny"),
    ] {
        assert_eq!(acl.capabilities(path), [want], "{path}");
    }
    assert_eq!(self::acl("path \"*\" { policy = \"read\" }").capabilities("any/thing"), ["list", "read"]);
}

#[test]
fn lists_are_tried_with_and_without_the_slash() {
    for rule in ["d", "d/", "d*", "+"] {
        let acl = acl(&format!("path \"{rule}\" {{ capabilities = [\"list\"] }}"));
        assert!(ask(&acl, Operation::List, "d/").allowed, "{rule}");
        assert!(ask(&acl, Operation::List, "d").allowed, "{rule}");
    }
    let acl = acl("path \"d/*\" { capabilities = [\"read\"] }");
    assert!(!ask(&acl, Operation::List, "d/").allowed);
}

#[test]
fn a_list_does_not_slip_past_a_deny() {
    let acl =
        acl("path \"m/*\" { capabilities = [\"list\", \"scan\"] } path \"m/private/*\" { capabilities = [\"deny\"] }");
    for operation in [Operation::List, Operation::Scan] {
        for path in ["m/private", "m/private/", "m/private/x/", "m/private/x"] {
            let decision = ask(&acl, operation, path);
            assert!(matches!(decision.reason, Reason::Denied { .. }), "{path}");
        }
        assert!(ask(&acl, operation, "m/public").allowed);
    }
}

#[test]
fn deny_wins_in_a_union() {
    let read = policy("path \"m/*\" { capabilities = [\"read\", \"update\"] }");
    let list = policy("path \"m/*\" { capabilities = [\"list\"] }");
    let deny = policy("path \"m/*\" { capabilities = [\"read\", \"deny\"] }");
    let both = Acl::compile([("read", &read), ("list", &list)], None, now());
    assert_eq!(both.capabilities("m/a"), ["list", "read", "update"]);
    assert_eq!(ask(&both, Operation::List, "m/").granted_by.names().collect::<Vec<_>>(), ["list"]);
    for order in [[("d", &deny), ("r", &read)], [("r", &read), ("d", &deny)]] {
        let acl = Acl::compile(order, None, now());
        let decision = ask(&acl, Operation::Read, "m/a");
        assert_eq!(decision.reason, Reason::Denied { policy: "d".into(), path: "m/*".into() });
        assert_eq!(acl.capabilities("m/a"), ["deny"]);
    }
}

#[test]
fn allowed_parameters_as_vault_compares_them() {
    let acl = acl("path \"x\" { capabilities = [\"update\"]
        allowed_parameters = { \"color\" = [\"red\", \"b*\", 7, true] \"size\" = [] \"both\" = [[\"a\", \"b\"]] } }");
    for (params, want) in [
        (json!({}), true),
        (json!({"color": "red"}), true),
        (json!({"color": "blue", "size": 9}), true),
        (json!({"color": "green"}), false),
        (json!({"shape": "round"}), false),
        (json!({"COLOR": "red"}), true),
        (json!({"color": "RED"}), false),
        (json!({"color": " red"}), false),
        (json!({"color": ["red"]}), false),
        (json!({"color": "reddish"}), false),
        (json!({"color": null}), false),
        (json!({"color": 7}), true),
        (json!({"color": 7.0}), true),
        (json!({"color": "7"}), true),
        (json!({"color": true}), true),
        (json!({"both": ["a", "b"]}), true),
        (json!({"both": ["a"]}), false),
    ] {
        assert_eq!(updates(&acl, params.clone()), want, "{params}");
    }
    let star =
        self::acl("path \"x\" { capabilities = [\"update\"] allowed_parameters = { \"*\" = [] \"a\" = [\"1\"] } }");
    assert!(updates(&star, json!({"b": 1, "a": "1"})));
    assert!(!updates(&star, json!({"a": "2"})));
}

struct Listed(Map<String, Value>);
impl Params for Listed {
    fn each(&self, f: &mut dyn FnMut(&str, &Value)) {
        self.0.each(f);
    }
    fn is_list(&self, _name: &str) -> bool {
        true
    }
}

#[test]
fn every_element_of_a_list_must_be_allowed() {
    let acl = acl("path \"x\" { capabilities = [\"update\"] allowed_parameters = { \"policies\" = [\"app-*\"] } }");
    for (value, want) in [
        (json!("app-a"), true),
        (json!("app-a,app-b"), true),
        (json!("app-a,admin"), false),
        (json!(["app-a", "app-b"]), true),
        (json!(["app-a", "admin"]), false),
        (json!([]), false),
    ] {
        let params = Listed([("policies".to_owned(), value.clone())].into_iter().collect());
        let decision = acl.decide(&Ask { path: "x", operation: Operation::Update, params: &params, wrap_ttl: None });
        assert_eq!(decision.allowed, want, "{value}");
    }
}

#[test]
fn denied_parameters_in_every_spelling() {
    let acl = acl("path \"x\" { capabilities = [\"update\", \"delete\"] denied_parameters = {
        \"secret\" = [] \"policies\" = [\"admin*\"] \"flag\" = [true] \"ttl\" = [\"24h\"] \"n\" = [10] } }");
    for params in [
        json!({"secret": null}),
        json!({"Secret": 1}),
        json!({"policies": "admin1"}),
        json!({"policies": ["x", "admin1"]}),
        json!({"policies": "foo,admin1"}),
        json!({"policies": " admin1"}),
        json!({"policies": "\tADMIN1 "}),
        json!({"policies": "[\"foo\", \"\\u0061dmin1\"]"}),
        json!({"policies": [["admin1"]]}),
        json!({"policies": {"a": "admin"}}),
        json!({"flag": true}),
        json!({"flag": "T"}),
        json!({"flag": 1}),
        json!({"flag": "1"}),
        json!({"ttl": 86400}),
        json!({"ttl": "1440m"}),
        json!({"ttl": "1d"}),
        json!({"n": "10"}),
        json!({"n": "1e1"}),
    ] {
        assert!(!updates(&acl, params.clone()), "{params}");
    }
    for params in [json!({"ok": 1}), json!({"policies": "user"}), json!({"flag": false}), json!({"ttl": "1h", "n": 11})]
    {
        assert!(updates(&acl, params.clone()), "{params}");
    }
    assert!(sends(&acl, Operation::Delete, "x", json!({"secret": 1})).allowed);
    let all = self::acl("path \"x\" { capabilities = [\"update\"] denied_parameters = { \"*\" = [] } }");
    assert!(!updates(&all, json!({"a": 1})));
    assert!(updates(&all, json!({})));
}

#[test]
fn required_parameters() {
    let acl = acl("path \"x\" { capabilities = [\"update\"] required_parameters = [\"who\", \"Why\"] }");
    assert!(updates(&acl, json!({"who": null, "why": "", "more": 3})));
    let decision = sends(&acl, Operation::Update, "x", json!({"who": 1}));
    assert_eq!(decision.reason, Reason::MissingParameter { name: "why".to_owned(), path: "x".into() });
}

#[test]
fn joined_rules_keep_the_terms_of_both() {
    let a = policy("path \"x\" { capabilities = [\"update\"] allowed_parameters = { \"a\" = [\"1\"] } }");
    let b = policy("path \"x\" { capabilities = [\"read\"] allowed_parameters = { \"a\" = [\"2\"] \"b\" = [] } }");
    let c = policy("path \"x\" { required_parameters = [\"a\"] denied_parameters = { \"c\" = [] } }");
    let acl = Acl::compile([("a", &a), ("b", &b), ("c", &c)], None, now());
    assert!(updates(&acl, json!({"a": "1", "b": 5})));
    assert!(updates(&acl, json!({"a": "2"})));
    assert!(!updates(&acl, json!({"a": "3"})));
    assert!(!updates(&acl, json!({"b": 5})));
    assert!(!updates(&acl, json!({"a": "1", "c": 5})));
}

#[test]
fn wrapping_bounds() {
    let acl = acl("path \"x\" { capabilities = [\"read\"] min_wrapping_ttl = \"10s\" max_wrapping_ttl = 60 }");
    for (ttl, want) in [(None, false), (Some(5), false), (Some(10), true), (Some(60), true), (Some(61), false)] {
        let wrap_ttl = ttl.map(Ttl::from_seconds);
        let decision = acl.decide(&Ask { path: "x", operation: Operation::Read, params: &NoParams, wrap_ttl });
        assert_eq!(decision.allowed, want, "{ttl:?}");
    }
    let low = policy("path \"x\" { capabilities = [\"read\"] max_wrapping_ttl = 5 }");
    let high = policy("path \"x\" { capabilities = [\"read\"] min_wrapping_ttl = 9 }");
    let none_fits = Acl::compile([("l", &low), ("h", &high)], None, now());
    let wrap_ttl = Some(Ttl::from_seconds(7));
    assert!(!none_fits.decide(&Ask { path: "x", operation: Operation::Read, params: &NoParams, wrap_ttl }).allowed);
}

#[test]
fn pages() {
    let acl = acl("path \"x/\" { capabilities = [\"list\"] pagination_limit = 10 }
                   path \"y/\" { capabilities = [\"list\"] pagination_limit = 10 required_parameters = [\"limit\"] }
                   path \"z/\" { capabilities = [\"list\"] }");
    for (path, params, want) in [
        ("x/", json!({}), Some(Some(10))),
        ("x/", json!({"limit": 5}), Some(Some(5))),
        ("x/", json!({"limit": "10"}), Some(Some(10))),
        ("x/", json!({"limit": "max"}), Some(Some(10))),
        ("x/", json!({"limit": 0}), Some(Some(10))),
        ("x/", json!({"limit": 11}), None),
        ("x/", json!({"limit": -1}), None),
        ("x/", json!({"limit": "many"}), None),
        ("y/", json!({}), None),
        ("y/", json!({"limit": "max"}), Some(Some(10))),
        ("z/", json!({"limit": 999}), Some(None)),
    ] {
        let decision = sends(&acl, Operation::List, path, params.clone());
        assert_eq!(decision.allowed.then_some(decision.list_limit), want, "{path} {params}");
    }
}

#[test]
fn paths_expire() {
    let text = "path \"a\" { capabilities = [\"read\"] expiration = \"2030-01-01T00:00:00Z\" } path \"*\" { capabilities = [\"list\"] }";
    let until = Time::parse("2030-01-01T00:00:00Z").unwrap();
    let acl = acl(text);
    assert_eq!(acl.capabilities("a"), ["read"]);
    assert_eq!(acl.valid_until(), Some(until));
    let later = Acl::compile([("p", &policy(text))], None, until);
    assert_eq!(later.capabilities("a"), ["list"]);
    assert_eq!(later.valid_until(), None);
}

#[test]
fn root() {
    let none = policy("");
    for acl in [Acl::root(), Acl::compile([("root", &none)], None, now())] {
        let decision = ask(&acl, Operation::Delete, "any");
        assert!(acl.is_root() && decision.allowed && decision.sudo && acl.has_any_access("x/"));
        assert_eq!(decision.granted_by.names().collect::<Vec<_>>(), ["root"]);
        assert_eq!(acl.capabilities("x"), ["root"]);
        assert_eq!(serde_json::to_value(acl.resultant()).unwrap(), json!({"root": true}));
    }
    let other = policy("path \"a\" { policy = \"read\" }");
    assert!(!Acl::compile([("root", &none), ("other", &other)], None, now()).is_root());
    assert!(!Acl::compile([], None, now()).is_root());
}

struct Person {
    metadata: BTreeMap<String, String>,
    alias: BTreeMap<String, String>,
}

impl Person {
    fn new(team: &str) -> Self {
        Self {
            metadata: [("team".to_owned(), team.to_owned())].into_iter().collect(),
            alias: [("k".to_owned(), "v".to_owned())].into_iter().collect(),
        }
    }

    fn identity(&self) -> Identity<'_> {
        Identity {
            id: "e-1",
            name: "ann",
            metadata: &self.metadata,
            aliases: vec![AliasRef {
                mount_accessor: "acc_1",
                id: "a-1",
                name: "ann@x",
                metadata: &self.alias,
                custom_metadata: &self.alias,
            }],
            groups: vec![GroupRef { id: "g-1", name: "ops", metadata: &self.metadata }],
        }
    }
}

#[test]
fn templates_are_filled_from_the_identity() {
    let person = Person::new("blue");
    for (directive, want) in [
        ("identity.entity.id", Some("e-1")),
        (" identity.entity.name ", Some("ann")),
        ("identity.entity.metadata.team", Some("blue")),
        ("identity.entity.metadata.absent", None),
        ("identity.entity.metadata", None),
        ("identity.entity.aliases.acc_1.id", Some("a-1")),
        ("identity.entity.aliases.acc_1.name", Some("ann@x")),
        ("identity.entity.aliases.acc_1.metadata.k", Some("v")),
        ("identity.entity.aliases.acc_1.custom_metadata.k", Some("v")),
        ("identity.entity.aliases.acc_2.name", None),
        ("identity.groups.ids.g-1.name", Some("ops")),
        ("identity.groups.ids.g-2.name", None),
        ("identity.groups.names.ops.id", Some("g-1")),
        ("identity.groups.names.ops.metadata.team", Some("blue")),
        ("identity.groups.colors.ops.id", None),
        ("time.now", None),
        ("", None),
    ] {
        let policy = policy(&format!("path \"m/{{{{{directive}}}}}/*\" {{ capabilities = [\"read\"] }}"));
        assert!(policy.is_templated());
        let acl = Acl::compile([("p", &policy)], Some(&person.identity()), now());
        let paths: Vec<_> = acl.resultant().glob_paths.unwrap().into_keys().collect();
        assert_eq!(paths, want.map(|v| format!("m/{v}/")).into_iter().collect::<Vec<_>>(), "{directive}");
        assert!(!Acl::compile([("p", &policy)], None, now()).has_any_access("m/"));
    }
}

#[test]
fn template_values_gain_no_meaning() {
    let policy = policy(
        "path \"m/{{identity.entity.metadata.team}}/+/*\" { capabilities = [\"read\"] }
                         path \"m/{{identity.entity.metadata.team}}\" { capabilities = [\"read\"] }",
    );
    for value in ["+", "*", "a*", "a/b", "..", "../x", "{{identity.entity.id}}", "a\nb", "", ".", "}}", "a\\b"] {
        let person = Person::new(value);
        let acl = Acl::compile([("p", &policy)], Some(&person.identity()), now());
        assert!(!acl.has_any_access("m/") && !acl.has_any_access(""), "{value:?}");
    }
    let person = Person::new("a,b c");
    assert!(Acl::compile([("p", &policy)], Some(&person.identity()), now()).has_any_access("m/"));
}

#[test]
fn mounts_that_are_reached() {
    for (rule, seen) in [
        ("secret/data/a", true),
        ("secret/*", true),
        ("secret/", true),
        ("sec*", true),
        ("*", true),
        ("+/data/x", true),
        ("secret/+/x", true),
        ("+", true),
        ("other/*", false),
        ("+/+/x", true),
        ("other/+", false),
        ("secretive/*", false),
    ] {
        let text = format!("path \"{rule}\" {{ capabilities = [\"read\"] }}");
        assert_eq!(acl(&text).has_any_access("secret/"), seen, "{rule}");
        assert!(!acl(&text.replace("read", "deny")).has_any_access("secret/"), "{rule}");
    }
}

#[test]
fn resultant_form() {
    let acl = acl(
        "path \"a/*\" { capabilities = [\"read\"] min_wrapping_ttl = 5 denied_parameters = { \"x\" = [1] } } path \"b\" { policy = \"deny\" }",
    );
    let want = json!({
        "root": false,
        "exact_paths": {"b": {"capabilities": ["deny"]}},
        "glob_paths": {"a/": {"capabilities": ["read"], "min_wrapping_ttl": 5, "denied_parameters": {"x": [1]}}},
    });
    assert_eq!(serde_json::to_value(acl.resultant()).unwrap(), want);
}

#[test]
fn the_default_policy_grants_what_clients_need() {
    let person = Person::new("x");
    let default = policy(builtin::DEFAULT_TEXT);
    let acl = Acl::compile([("default", &default)], Some(&person.identity()), now());
    for (path, want) in [
        ("cubbyhole/x", "create delete list read update"),
        ("sys/wrapping/unwrap", "update"),
        ("auth/token/renew-self", "update"),
        ("auth/token/lookup-self", "read"),
        ("identity/entity/id/e-1", "read"),
        ("identity/entity/name/ann", "read"),
        ("identity/entity/id/e-2", "deny"),
        ("identity/oidc/provider/main/authorize", "read update"),
        ("sys/tools/hash/sha2-256", "update"),
        ("sys/seal", "deny"),
    ] {
        assert_eq!(acl.capabilities(path).join(" "), want, "{path}");
    }
}

/// Vault's rules for paths in the plainest words: all that match, sorted, the last one counts.
fn model(rules: &[(String, u8)], path: &str) -> u8 {
    let joined = |wanted: &str| rules.iter().filter(|(p, _)| p == wanted).fold(0, |set, (_, bits)| set | bits);
    let exact = |path: &str| rules.iter().any(|(p, _)| p == path && !is_pattern(p)).then(|| joined(path));
    let patterns = |path: &str| {
        let matching = rules.iter().filter(|(p, _)| is_pattern(p) && naive_match(p, path));
        matching.max_by_key(|(p, _)| naive_rank(p)).map(|(p, _)| joined(p))
    };
    let bare = path.strip_suffix('/');
    exact(path)
        .or_else(|| bare.and_then(exact))
        .or_else(|| patterns(path))
        .or_else(|| bare.and_then(patterns))
        .unwrap_or(0)
}

fn is_pattern(rule: &str) -> bool {
    rule.ends_with('*') || rule.split('/').any(|part| part == "+")
}

fn naive_match(rule: &str, path: &str) -> bool {
    let (text, glob) = rule.strip_suffix('*').map_or((rule, false), |t| (t, true));
    let (parts, segments): (Vec<_>, Vec<_>) = (text.split('/').collect(), path.split('/').collect());
    if parts.len() > segments.len() || (!glob && parts.len() != segments.len()) {
        return false;
    }
    let last = parts.len() - 1;
    parts.iter().zip(&segments).enumerate().all(|(at, (part, segment))| {
        *part == "+" || part == segment || (glob && at == last && segment.starts_with(part))
    })
}

fn naive_rank(rule: &str) -> (usize, bool, i64, usize, String) {
    let text = rule.trim_end_matches('*');
    let wildcards = text.split('/').filter(|part| *part == "+").count() as i64;
    (text.find('+').unwrap_or(text.len()), !rule.ends_with('*'), -wildcards, text.len(), text.to_owned())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn the_matcher_agrees_with_the_model(
        rules in prop::collection::vec(("(a|b|ab|\\+)(/(a|b|ab|\\+|)){0,3}\\*?", 1_u8..8), 0..8),
        paths in prop::collection::vec("(a|b|ab|abc)(/(a|b|ab|abc|)){0,3}", 1..20),
    ) {
        let rules: Vec<_> = rules.into_iter().filter(|(p, _)| !p.contains("+*")).collect();
        let words = ["read", "list", "update"];
        let text: String = rules.iter().map(|(path, bits)| {
            let granted: Vec<_> = words.iter().enumerate().filter(|(at, _)| bits & (1 << at) != 0).map(|(_, w)| w).collect();
            format!("path {path:?} {{ capabilities = {granted:?} }}\n")
        }).collect();
        let acl = acl(&text);
        for path in paths {
            let seen = acl.capabilities(&path);
            let bits = words.iter().enumerate().filter(|(_, w)| seen.contains(w)).fold(0, |set, (at, _)| set | 1 << at);
            prop_assert_eq!(bits, model(&rules, &path), "{} in\n{}", path, text);
        }
    }

    #[test]
    fn nothing_panics(
        path in "[a+*/{}. ]{0,12}",
        asked in "[a+*/{}. ]{0,12}",
        value in any::<String>(),
        rule in any::<String>(),
        text in any::<String>(),
    ) {
        let _ = Policy::parse(&text);
        let rule = serde_json::to_string(&json!({"path": {path: {
            "capabilities": ["update", "list"],
            "denied_parameters": {"a": [rule]},
            "allowed_parameters": {"a": [], "b": [rule]},
        }}})).unwrap();
        if let Ok(policy) = Policy::parse(&rule) {
            let person = Person::new(&value);
            let acl = Acl::compile([("p", &policy)], Some(&person.identity()), now());
            for operation in OPERATIONS {
                sends(&acl, operation, &asked, json!({"a": value, "b": [value], "limit": value}));
            }
            acl.has_any_access(&asked);
            acl.resultant();
        }
    }
}
