//! The kernel knows no engine: what it must know of one is a field of the engine's declaration, never a test of its name.
use super::words::without_comment;
use super::{Finding, Source, engines};

/// Where the kernel's code is.
const KERNEL: &str = "crates/kernel/src/";

/// Names of engines that files of the kernel may say: file or folder, name, reason. This list only shrinks.
#[rustfmt::skip]
const NAMED: [(&str, &str, &str); 2] = [
    ("crates/kernel/src/seal.rs", "cubbyhole", "it is mounted at the first start"),
    ("crates/kernel/src/sys/mounts/sort.rs", "cubbyhole", "the path is reserved for that mount"),
];

/// Prefixes of paths that files of the kernel may test: file or folder, prefix, reason. This list only shrinks.
#[rustfmt::skip]
const PREFIXES: [(&str, &str, &str); 3] = [
    ("crates/kernel/src/resolve.rs", "sys/", "the kernel's own routes, which no mount can shadow"),
    ("crates/kernel/src/seal.rs", "auth/", "the first mounts are of both sorts"),
    ("crates/kernel/src/sys/mounts/", "auth/", "a method's mount is told from an engine's by its path, in the API too"),
];

pub fn check(sources: &[Source]) -> Vec<Finding> {
    let names = engines::names(sources);
    let mut findings = Vec::new();
    for source in sources.iter().filter(|s| s.is_rust() && s.path.starts_with(KERNEL)) {
        for (number, line) in source.code() {
            let code = without_comment(line);
            let at = || format!("{}:{number}", source.path);
            let named = texts(code)
                .into_iter()
                .flat_map(words)
                .find(|word| names.iter().any(|name| name == word) && !allowed(&NAMED, &source.path, word));
            if let Some(name) = named {
                let what =
                    format!("the kernel names the engine `{name}`: let the engine declare what the kernel must know");
                findings.push(Finding::new(at(), what));
            }
            if let Some(prefix) = prefix_test(code)
                && !allowed(&PREFIXES, &source.path, prefix)
            {
                let what =
                    format!("a test for the path prefix `{prefix}`: let the route declare what the kernel must know");
                findings.push(Finding::new(at(), what));
            }
        }
    }
    findings
}

fn allowed(list: &[(&str, &str, &str)], path: &str, word: &str) -> bool {
    list.iter().any(|(at, w, _)| path.starts_with(at) && *w == word)
}

/// The literal in `starts_with("a/b")` and the like.
fn prefix_test(code: &str) -> Option<&str> {
    let calls = ["starts_with(\"", "strip_prefix(\"", "ends_with(\""];
    let literal = calls.iter().find_map(|call| code.split_once(call))?.1;
    let (prefix, _) = literal.split_once('"')?;
    (prefix.contains('/') && prefix.len() > 1).then_some(prefix)
}

/// The texts in a line of code.
fn texts(code: &str) -> Vec<&str> {
    code.split('"').skip(1).step_by(2).collect()
}

fn words(text: &str) -> Vec<&str> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').collect()
}
