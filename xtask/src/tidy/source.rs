//! The files that tidy reads.
use std::path::Path;
use walkdir::{DirEntry, WalkDir};

/// Folders that hold nothing of ours.
const SKIPPED: [&str; 6] = ["target", "node_modules", "dist", "testdata", "__pycache__", "templates"];

const READ: [&str; 11] = ["rs", "md", "toml", "py", "sh", "ts", "tsx", "js", "css", "html", "go"];

/// A file of the project.
pub struct Source {
    /// From the root, with forward slashes.
    pub path: String,
    pub text: String,
}

impl Source {
    pub fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// Whether the whole file serves tests: it is in a folder of tests, or is the sibling file of a module's tests.
    pub fn is_test(&self) -> bool {
        let file = self.path.rsplit('/').next().unwrap_or_default();
        let folder = self.path.split('/').any(|part| matches!(part, "tests" | "benches" | "fuzz" | "sim"));
        folder
            || file == "tests.rs"
            || file.starts_with("tests_")
            || file.ends_with("_test.go")
            || file.contains(".test.")
    }

    /// Its lines with their numbers from 1, up to where tests begin.
    pub fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let all = if self.is_test() { "" } else { self.text.as_str() };
        let inline_tests = |line: &str| line.starts_with("#[cfg(test)]");
        let mut lines = all.lines().enumerate().map(|(i, line)| (i + 1, line)).peekable();
        std::iter::from_fn(move || {
            let (number, line) = lines.next()?;
            let ends = inline_tests(line) && lines.peek().is_some_and(|(_, next)| next.ends_with('{'));
            (!ends).then_some((number, line))
        })
    }
}

/// All files that people read and write, sorted by path. Errors: a file that cannot be read.
pub fn read_tree(root: &Path) -> Result<Vec<Source>, String> {
    let walk = WalkDir::new(root).sort_by_file_name().into_iter().filter_entry(|e| e.depth() == 0 || wanted(e));
    let mut out = Vec::new();
    for entry in walk {
        let entry = entry.map_err(|e| e.to_string())?;
        let extension = entry.path().extension().and_then(|e| e.to_str()).unwrap_or_default();
        if !entry.file_type().is_file() || !READ.contains(&extension) {
            continue;
        }
        let path = entry.path().strip_prefix(root).map_err(|e| e.to_string())?;
        let text = std::fs::read_to_string(entry.path()).map_err(|e| format!("{}: {e}", path.display()))?;
        out.push(Source { path: path.to_string_lossy().replace('\\', "/"), text });
    }
    Ok(out)
}

fn wanted(entry: &DirEntry) -> bool {
    let name = entry.file_name().to_string_lossy();
    let hidden = name.starts_with('.') && name != ".ci" && name != ".cargo";
    let skipped = entry.file_type().is_dir() && SKIPPED.contains(&name.as_ref());
    !hidden && !skipped
}
