//! A folder of `crates/secrets` or `crates/auth` is one engine: listed, explained, tested, and alone.
use super::words::without_comment;
use super::{Finding, Source};
use std::path::Path;

/// The crates of engines, each with the macro that lists them.
const CRATES: [(&str, &str); 2] = [("crates/secrets", "engines!["), ("crates/auth", "methods![")];

pub fn check(root: &Path, sources: &[Source]) -> Result<Vec<Finding>, String> {
    let mut findings = Vec::new();
    for (krate, list) in CRATES {
        let listed = listed(sources, krate, list);
        let mut folders = folders(root, krate)?;
        // A folder that no list names is either shared by engines, and then `lib.rs` says `mod`, or forgotten.
        let declared = |f: &str| lib(sources, krate).lines().any(|l| l == format!("mod {f};"));
        folders.retain(|folder| listed.contains(folder) || !declared(folder));
        for folder in &folders {
            let at = format!("{krate}/src/{folder}");
            if !listed.contains(folder) {
                findings.push(Finding::new(&at, format!("the list `{list}...]` does not name this folder")));
            }
            for (part, why) in [("README.md", "users read what it does there"), ("tests", "it has no tests")] {
                let found = sources.iter().any(|s| s.path.starts_with(&format!("{at}/{part}")));
                if !found {
                    findings.push(Finding::new(&at, format!("{part} is missing: {why}")));
                }
            }
        }
        findings.extend(strangers(sources, krate, &folders));
    }
    Ok(findings)
}

/// The names of all engines and auth methods, and of the method that the kernel has itself.
pub fn names(sources: &[Source]) -> Vec<String> {
    CRATES.iter().flat_map(|(krate, list)| listed(sources, krate, list)).collect()
}

/// Engines that know each other could not be changed, moved or removed alone.
fn strangers(sources: &[Source], krate: &str, folders: &[String]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let prefix = format!("{krate}/src/");
    for source in sources.iter().filter(|s| s.is_rust()) {
        let Some(own) = source.path.strip_prefix(&prefix).and_then(|p| p.split_once('/')).map(|(f, _)| f) else {
            continue;
        };
        for (i, line) in source.text.lines().enumerate() {
            let code = without_comment(line);
            let other = folders.iter().find(|f| *f != own && code.contains(&format!("crate::{f}::")));
            findings.extend(other.map(|other| {
                let what = format!("names the engine `{other}`: move what both need into a file beside the folders");
                Finding::new(format!("{}:{}", source.path, i + 1), what)
            }));
        }
    }
    findings
}

/// The words in the crate's list.
fn listed(sources: &[Source], krate: &str, list: &str) -> Vec<String> {
    let text = lib(sources, krate);
    // The line break tells the list from the macro's own definition.
    let Some((_, rest)) = text.split_once(&format!("\n{list}")) else { return Vec::new() };
    let inside = rest.split_once(']').map_or("", |(inside, _)| inside);
    inside.split(',').map(|word| word.trim().to_owned()).filter(|word| !word.is_empty()).collect()
}

fn lib<'s>(sources: &'s [Source], krate: &str) -> &'s str {
    let path = format!("{krate}/src/lib.rs");
    sources.iter().find(|s| s.path == path).map_or("", |s| s.text.as_str())
}

fn folders(root: &Path, krate: &str) -> Result<Vec<String>, String> {
    let mut out = Vec::new();
    for entry in std::fs::read_dir(root.join(krate).join("src")).map_err(|e| format!("{krate}: {e}"))? {
        let entry = entry.map_err(|e| e.to_string())?;
        if entry.path().is_dir() {
            out.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    out.sort();
    Ok(out)
}
