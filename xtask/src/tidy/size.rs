//! A function fits one screen, and a file is one idea.
use super::{Finding, Source};

const FUNCTION_LINES_MAX: usize = 70;
const FILE_LINES_MAX: usize = 800;
/// Half of the files are shorter than this.
const FILE_LINES_MEDIAN_MAX: usize = 180;
/// A long list of flat entries reads well at any length; its file says so with this comment.
const TABLE: &str = "// tidy: table";

pub fn check(sources: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in sources.iter().filter(|s| is_code(&s.path)) {
        let lines = source.text.lines().count();
        if lines > FILE_LINES_MAX && !source.text.contains(TABLE) {
            let what = format!("{lines} lines; a file has at most {FILE_LINES_MAX}: cut it by ideas");
            findings.push(Finding::new(&source.path, what));
        }
        for function in functions(source).into_iter().filter(|f| f.lines > FUNCTION_LINES_MAX) {
            let what = format!(
                "`{}` has {} lines; a function has at most {FUNCTION_LINES_MAX}: give its steps names",
                function.name, function.lines
            );
            findings.push(Finding::new(format!("{}:{}", source.path, function.line), what));
        }
    }
    let median = percentile(&file_lengths(sources), 50);
    if median > FILE_LINES_MEDIAN_MAX {
        let what = format!("the median file has {median} lines; at most {FILE_LINES_MEDIAN_MAX}");
        findings.push(Finding::new("(all files)", what));
    }
    findings
}

/// One line of figures: files and functions of the product, tests apart.
pub fn figures(sources: &[Source]) -> String {
    let files = file_lengths(sources);
    let mut functions: Vec<usize> =
        product(sources).flat_map(|s| functions(s).into_iter().map(|f| f.lines)).collect::<Vec<_>>();
    functions.sort_unstable();
    let show = |sorted: &[usize]| {
        format!(
            "median {}, p90 {}, longest {}",
            percentile(sorted, 50),
            percentile(sorted, 90),
            percentile(sorted, 100)
        )
    };
    format!(
        "{} files of {} lines ({}); {} functions ({})",
        files.len(),
        files.iter().sum::<usize>(),
        show(&files),
        functions.len(),
        show(&functions)
    )
}

/// A function that rustfmt has laid out.
#[derive(Debug, PartialEq, Eq)]
pub struct Function {
    pub name: String,
    /// Where it begins.
    pub line: usize,
    pub lines: usize,
}

/// Finds functions by their layout: the code is formatted, so the brace that closes one stands below its first letter.
pub fn functions(source: &Source) -> Vec<Function> {
    let lines: Vec<&str> = source.text.lines().collect();
    let mut out = Vec::new();
    if !source.is_rust() {
        return out;
    }
    for (start, line) in lines.iter().enumerate() {
        let Some(name) = function_name(line.trim_start()) else { continue };
        let indent = line.len() - line.trim_start().len();
        let closes = |l: &str| l.len() - l.trim_start().len() == indent && ends(l.trim());
        let Some(length) = lines.iter().skip(start).position(|l| closes(l)) else { continue };
        out.push(Function { name: name.to_owned(), line: start + 1, lines: length + 1 });
    }
    out
}

/// Whether a line at the function's own indent is its last: its brace, or all of it, or a declaration without a body.
fn ends(line: &str) -> bool {
    let one_line = line.ends_with('}') && line.contains('{');
    line.starts_with('}') || one_line || line.ends_with(';')
}

fn function_name(line: &str) -> Option<&str> {
    const BEFORE: [&str; 5] = ["const ", "async ", "unsafe ", "extern \"C\" ", "default "];
    let mut rest = line;
    if let Some(public) = rest.strip_prefix("pub") {
        rest = match public.strip_prefix('(') {
            Some(scope) => scope.split_once(") ")?.1,
            None => public.strip_prefix(' ')?,
        };
    }
    while let Some(shorter) = BEFORE.iter().find_map(|word| rest.strip_prefix(word)) {
        rest = shorter;
    }
    let name = rest.strip_prefix("fn ")?;
    name.split(['(', '<']).next()
}

fn is_code(path: &str) -> bool {
    [".rs", ".py", ".ts", ".tsx", ".js", ".go", ".sh"].iter().any(|ext| path.ends_with(ext))
}

fn product(sources: &[Source]) -> impl Iterator<Item = &Source> {
    sources.iter().filter(|s| s.is_rust() && !s.is_test() && s.path.starts_with("crates/"))
}

fn file_lengths(sources: &[Source]) -> Vec<usize> {
    let mut lengths: Vec<usize> = product(sources).map(|s| s.text.lines().count()).collect();
    lengths.sort_unstable();
    lengths
}

fn percentile(sorted: &[usize], percent: usize) -> usize {
    let last = sorted.len().saturating_sub(1);
    sorted.get(last * percent / 100).copied().unwrap_or(0)
}
