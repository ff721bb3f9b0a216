//! The list of engines in `lib.rs`.

/// The text of `lib.rs` with one more name in its list, by the alphabet; `None` if it has no such list.
pub fn with(text: &str, opening: &str, name: &str) -> Option<String> {
    // The list begins a line; the macro's own definition does not.
    let start = text.find(&format!("\n{opening}"))? + 1 + opening.len();
    let (before, rest) = text.split_at(start);
    let (inside, after) = rest.split_once(']')?;
    let mut names: Vec<&str> = inside.split(',').map(str::trim).filter(|n| !n.is_empty()).collect();
    names.push(name);
    names.sort_unstable();
    let line = names.join(", ");
    let inside = if opening.len() + line.len() + "];".len() <= LINE_MAX { line } else { wrapped(&names) };
    Some(format!("{before}{inside}]{after}"))
}

/// As in `rustfmt.toml`, which does not reach into a macro's list.
const LINE_MAX: usize = 120;

fn wrapped(names: &[&str]) -> String {
    names.iter().map(|name| format!("\n    {name},")).collect::<String>() + "\n"
}
