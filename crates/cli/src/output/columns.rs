//! Texts in columns, four spaces apart, as Vault's command line sets them.

/// The widest line of running text.
const LINE_MAX: usize = 78;

/// Sets rows in columns. An empty cell shows as `n/a`; the last column is not filled up.
pub(crate) fn columns(rows: &[Vec<String>]) -> String {
    let cell = |text: &String| if text.trim().is_empty() { "n/a".to_owned() } else { text.trim().to_owned() };
    let rows: Vec<Vec<String>> = rows.iter().map(|row| row.iter().map(cell).collect()).collect();
    let count = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |i: usize| rows.iter().filter_map(|row| row.get(i)).map(|c| c.chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..count).map(width).collect();
    let line = |row: &Vec<String>| {
        let mut out = String::new();
        for (i, (cell, width)) in row.iter().zip(&widths).enumerate() {
            out.push_str(cell);
            if i + 1 < row.len() {
                out.push_str(&" ".repeat(width.saturating_sub(cell.chars().count()) + 4));
            }
        }
        out
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// The same with a first row of titles and a second of dashes under them.
pub(crate) fn titled(titles: &[&str], rows: &[Vec<String>]) -> String {
    let head = titles.iter().map(|t| (*t).to_owned()).collect();
    let dashes = titles.iter().map(|t| "-".repeat(t.chars().count())).collect();
    let all: Vec<Vec<String>> = [head, dashes].into_iter().chain(rows.iter().cloned()).collect();
    columns(&all)
}

/// `Key` and `Value`.
pub(crate) fn key_value_table(rows: &[(String, String)]) -> String {
    let rows: Vec<Vec<String>> = rows.iter().map(|(k, v)| vec![k.clone(), v.clone()]).collect();
    titled(&["Key", "Value"], &rows)
}

/// One column of names under a title.
pub(crate) fn list_table(title: &str, names: &[String]) -> String {
    let rows: Vec<Vec<String>> = names.iter().map(|n| vec![n.clone()]).collect();
    titled(&[title], &rows)
}

/// `=== Title ===` over something `width` characters wide: at least two signs on each side, the same number on both.
pub(crate) fn heading(title: &str, width: usize) -> String {
    let room = width.saturating_sub(title.chars().count() + 2);
    let signs = if room == 0 { 2 } else { room.div_ceil(2) };
    let side = "=".repeat(signs);
    format!("{side} {title} {side}")
}

/// A warning as an item of a list, broken at words.
pub(super) fn bullet(text: &str) -> String {
    let mut out = String::new();
    let mut line = "  *".to_owned();
    for word in text.split_whitespace() {
        if line.chars().count() + 1 + word.chars().count() > LINE_MAX {
            out.push_str(&line);
            out.push('\n');
            line = format!("  {word}");
        } else {
            line.push(' ');
            line.push_str(word);
        }
    }
    out.push_str(&line);
    out.push('\n');
    out
}
