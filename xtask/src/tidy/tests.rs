use super::{Source, graph, kernel, size, words};
use std::path::Path;

fn rust(path: &str, text: &str) -> Source {
    Source { path: path.to_owned(), text: text.to_owned() }
}

fn texts(findings: &[super::Finding]) -> Vec<String> {
    findings.iter().map(|f| format!("{}: {}", f.at, f.what)).collect()
}

#[test]
fn the_tree_is_tidy() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    super::all(root).unwrap();
}

#[test]
fn functions_are_found_by_their_layout() {
    let text = "pub(crate) const fn one() -> u8 { 1 }\ntrait T {\n    fn declared(&self);\n    async fn two<A>(\n        a: A,\n    ) where\n        A: Copy,\n    {\n        if true {\n        }\n    }\n}\nlet f = fn_like();\n";
    let found = size::functions(&rust("crates/x/src/a.rs", text));
    let short: Vec<_> = found.iter().map(|f| (f.name.as_str(), f.line, f.lines)).collect();
    assert_eq!(short, [("one", 1, 1), ("declared", 3, 1), ("two", 4, 8)]);
}

#[test]
fn long_functions_and_files_are_findings() {
    let body = |lines: usize| format!("fn long() {{\n{}}}\n", "    step();\n".repeat(lines));
    assert!(size::check(&[rust("crates/x/src/a.rs", &body(68))]).is_empty());
    assert_eq!(size::check(&[rust("crates/x/src/a.rs", &body(69))]).len(), 1);
    let list = "    1,\n".repeat(900);
    let table = format!("// tidy: table\n{list}");
    let at_fault = |text: &str| texts(&size::check(&[rust("crates/x/tests/a.rs", text)]));
    assert_eq!(at_fault(&list).len(), 1);
    assert!(at_fault(&table).is_empty());
}

#[test]
fn words_count_outside_of_tests() {
    let text = "fn a() { b.unwrap() }\n// b.unwrap() in a comment\n#[cfg(test)]\nmod tests {\n    x.unwrap();\n}\n";
    let found = texts(&words::check(&[rust("crates/x/src/a.rs", text), rust("crates/x/src/tests.rs", "a.unwrap()")]));
    assert_eq!(found.len(), 1, "{found:?}");
    let in_docs = Source { path: "docs/a.md".into(), text: ["see ", "/wo", "rk/x"].concat() };
    assert_eq!(words::check(&[in_docs]).len(), 1);
    assert_eq!(words::check(&[rust("crates/x/src/a.rs", "/// `sys/root/x`, `{name}/root/x`, `/root/`\n")]), []);
    assert_eq!(words::check(&[rust("crates/x/src/utils.rs", "")]).len(), 1);
    assert_eq!(words::check(&[rust("crates/x/src/a.rs", "mod common {\n}\n")]).len(), 1);
}

#[test]
fn the_kernel_names_no_engine() {
    let list = rust("crates/secrets/src/lib.rs", "x\nengines![kv, ssh];\n");
    let code = rust(
        "crates/kernel/src/a.rs",
        "if kind == \"kv\" {}\n// \"kv\"\nlet x = \"kvetch\";\np.starts_with(\"sys/\");\n",
    );
    assert_eq!(kernel::check(&[list, code]).len(), 2);
}

#[test]
fn arrows_point_down() {
    let of = |name: &str, text: &str| graph::of_crate(name, &text.parse().unwrap()).len();
    assert_eq!(of("http", "[dependencies]\nkw-kernel.workspace = true\nkw-types.workspace = true\nhyper = \"1\""), 0);
    assert_eq!(of("kernel", "[dependencies]\nkw-http.workspace = true"), 1);
    assert_eq!(of("cli", "[dependencies]\nkw-secrets.workspace = true"), 1);
    assert_eq!(of("auth", "[dev-dependencies]\nkw-store.workspace = true\nkw-auth.workspace = true"), 0);
    assert_eq!(of("auth", "[dev-dependencies]\nkw-kernel.workspace = true"), 1);
    assert_eq!(of("unheard-of", ""), 1);
}
