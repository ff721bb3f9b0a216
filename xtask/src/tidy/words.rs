//! Words that do not belong: what hides errors, what says nothing, and what is true on one machine only.
use super::{Finding, Source};

/// The rules lie apart from the code, since the code would break them by naming them.
const RULES: &str = include_str!("words.txt");

struct Rule {
    place: &'static str,
    word: &'static str,
    why: &'static str,
}

pub fn check(sources: &[Source]) -> Vec<Finding> {
    let rules = rules();
    let mut findings = Vec::new();
    for source in sources {
        findings.extend(names(source, &rules));
        for (number, line) in source.code() {
            let code = if source.is_rust() { without_comment(line) } else { "" };
            let broken = rules.iter().filter(|rule| match rule.place {
                "code" => code.contains(rule.word),
                "any" => says(line, rule.word),
                _ => false,
            });
            let at = format!("{}:{number}", source.path);
            findings.extend(broken.map(|rule| Finding::new(&at, format!("`{}`: {}", rule.word, rule.why))));
        }
    }
    findings
}

/// Whether a line has the word. One that begins with a slash is a folder at the root, and what is meant is a path into it.
fn says(line: &str, word: &str) -> bool {
    let in_name = |c: char| c.is_alphanumeric() || "-_.}>*".contains(c);
    line.match_indices(word).any(|(at, _)| {
        let (before, after) = (line.get(..at).unwrap_or_default(), line.get(at + word.len()..).unwrap_or_default());
        !word.starts_with('/') || (!before.ends_with(in_name) && after.starts_with(in_name))
    })
}

/// The code of a line. A `//` in a text is rare enough to be taken for a comment: all that is lost is a word behind it.
pub fn without_comment(line: &str) -> &str {
    line.split_once("//").map_or(line, |(code, _)| code)
}

/// Files, folders and modules with a name that says nothing.
fn names(source: &Source, rules: &[Rule]) -> Vec<Finding> {
    let banned = |name: &str| rules.iter().find(|rule| rule.place == "name" && rule.word == name);
    let complain = |rule: &Rule| format!("the name `{}`: {}", rule.word, rule.why);
    if !source.is_rust() {
        return Vec::new();
    }
    let parts = source.path.trim_end_matches(".rs").split('/');
    let mut findings: Vec<Finding> =
        parts.filter_map(banned).map(|rule| Finding::new(&source.path, complain(rule))).collect();
    for (i, line) in source.text.lines().enumerate() {
        let Some(inline) = line.trim().strip_suffix('{').and_then(|l| l.trim_end().rsplit_once("mod ")) else {
            continue;
        };
        findings
            .extend(banned(inline.1).map(|rule| Finding::new(format!("{}:{}", source.path, i + 1), complain(rule))));
    }
    findings
}

fn rules() -> Vec<Rule> {
    let lines = RULES.lines().filter(|line| !line.starts_with('#'));
    lines
        .filter_map(|line| {
            let mut parts = line.splitn(3, " | ");
            Some(Rule { place: parts.next()?, word: parts.next()?, why: parts.next()? })
        })
        .collect()
}
