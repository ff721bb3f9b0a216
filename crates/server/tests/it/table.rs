//! The table of known flaws in `docs/security.md` says what is true: every test that it names is there, and every row of the
//! list of flaws has its line.
use std::fs;
use std::path::{Path, PathBuf};

/// The list is kept outside of the repository, beside it or where this variable says.
const SHARED: &str = "KW_SHARED";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The cells of each line of the table.
fn lines() -> Vec<Vec<String>> {
    let text = fs::read_to_string(root().join("docs/security.md")).unwrap();
    let (_, table) = text.split_once("| Flaw | Test |").unwrap();
    let lines = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    lines.map(|line| line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect()).collect()
}

#[test]
fn every_test_that_the_table_names_is_there() {
    let mut named = 0;
    for line in lines() {
        assert_eq!(line.len(), 3, "{line:?}");
        let texts = [line[1].as_str(), line[2].as_str()].join(" ");
        for name in texts.split('`').skip(1).step_by(2).filter(|name| name.contains("::")) {
            let (file, test) = name.split_once("::").unwrap();
            let file = if file.starts_with("crates/") {
                root().join(file)
            } else {
                root().join("crates/server/tests/it").join(file)
            };
            let source = fs::read_to_string(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
            assert!(source.contains(&format!("fn {test}(")), "{name} is not there");
            named += 1;
        }
        assert!(line[1].contains("::") || (line[1] == "not built yet" && !line[2].is_empty()), "{line:?}");
    }
    assert!(named > 50, "{named}");
}

#[test]
fn every_known_flaw_has_its_line() {
    let shared = std::env::var(SHARED).map_or_else(|_| root().join("../shared"), PathBuf::from);
    let Ok(list) = fs::read_to_string(shared.join("reference/cve-cases.tsv")) else {
        return eprintln!("skipped: the list of flaws is not here");
    };
    let lines = lines();
    let flaws: Vec<&str> = list.lines().skip(1).filter_map(|line| line.split('\t').next()).collect();
    for flaw in &flaws {
        assert!(lines.iter().any(|line| line[0] == *flaw), "{flaw} is not in the table");
    }
    assert_eq!(lines.len(), flaws.len(), "the table has lines that are not of the list");
}
