//! Strings in double quotes, and heredocs.
use crate::Error;
use crate::lexer::{Lexer, is_word};

const LINE_BREAK: &str = "a string must not hold a line break: write \\n, or use a heredoc";
const KNOWN: &str =
    "this escape is not known: use one of \\n \\r \\t \\a \\b \\f \\v \\\\ \\\" \\xhh \\uhhhh \\Uhhhhhhhh";

/// Takes a string with its quotes. What stands in `${ }` is kept as it is, quotes and backslashes too, since the
/// original language leaves it to a later evaluation.
pub(crate) fn string(lexer: &mut Lexer<'_>) -> Result<String, Error> {
    let open = lexer.place();
    lexer.bump();
    let mut out = String::new();
    let mut braces = 0_usize;
    loop {
        let here = lexer.place();
        match lexer.bump() {
            None => return Err(open.error("this string is never closed: expected \"")),
            Some('"') if braces == 0 => return Ok(out),
            Some('\n') if braces == 0 => return Err(here.error(LINE_BREAK)),
            Some('\0') => return Err(here.error("a string must not hold a null character")),
            Some('$') if braces == 0 && lexer.peek() == Some('{') => {
                lexer.bump();
                braces = 1;
                out.push_str("${");
            }
            Some('\\') if braces == 0 => out.push(escape(lexer)?),
            Some(other) => {
                match other {
                    '{' if braces > 0 => braces += 1,
                    '}' if braces > 0 => braces -= 1,
                    _ => {}
                }
                out.push(other);
            }
        }
    }
}

/// Takes `<<NAME` or `<<-NAME`, the lines after it, and the line that holds the name alone.
pub(crate) fn heredoc(lexer: &mut Lexer<'_>) -> Result<String, Error> {
    let open = lexer.place();
    let Some(rest) = lexer.rest.strip_prefix("<<") else {
        return Err(lexer.error("expected << for a heredoc"));
    };
    let indented = rest.starts_with('-');
    for _ in 0..(if indented { 3 } else { 2 }) {
        lexer.bump();
    }
    let name = lexer.take_while(|c| is_word(c) && c != '-' && c != '.');
    if name.is_empty() {
        return Err(lexer.error("expected a name after << for a heredoc"));
    }
    lexer.take_while(|c| c == '\r');
    if lexer.bump() != Some('\n') {
        return Err(lexer.error("expected a line break after the name of the heredoc"));
    }
    let mut lines = Vec::new();
    loop {
        let line = lexer.take_while(|c| c != '\n');
        let line = line.strip_suffix('\r').unwrap_or(line);
        if line.trim_start() == name {
            let margin = line.strip_suffix(name).unwrap_or("");
            // The line break behind the name is part of the heredoc.
            lexer.bump();
            return Ok(join(&lines, if indented { margin } else { "" }));
        }
        if lexer.bump().is_none() {
            return Err(open.error("this heredoc is never closed: expected its name on a line of its own"));
        }
        lines.push(line);
    }
}

/// The lines, less their common margin: the white space before the closing name, if every line begins with it.
fn join(lines: &[&str], margin: &str) -> String {
    let common = lines.iter().all(|line| line.starts_with(margin));
    let mut out = String::new();
    for line in lines {
        out.push_str(if common { line.strip_prefix(margin).unwrap_or(line) } else { line });
        out.push('\n');
    }
    out
}

/// Takes what follows a backslash.
fn escape(lexer: &mut Lexer<'_>) -> Result<char, Error> {
    let here = lexer.place();
    Ok(match lexer.bump() {
        Some('n') => '\n',
        Some('r') => '\r',
        Some('t') => '\t',
        Some('a') => '\u{7}',
        Some('b') => '\u{8}',
        Some('f') => '\u{c}',
        Some('v') => '\u{b}',
        Some('\\') => '\\',
        Some('"') => '"',
        Some('x') => ascii(lexer, 0, 2, 16)?,
        Some('u') => code_point(lexer, 4)?,
        Some('U') => code_point(lexer, 8)?,
        Some(digit @ '0'..='7') => ascii(lexer, digit.to_digit(8).unwrap_or(0), 2, 8)?,
        _ => return Err(here.error(KNOWN)),
    })
}

/// A byte by its number. Above 127 it would be half a character, and the tree holds whole ones only.
fn ascii(lexer: &mut Lexer<'_>, first: u32, digits: usize, radix: u32) -> Result<char, Error> {
    let here = lexer.place();
    let value = number(lexer, first, digits, radix)?;
    u8::try_from(value)
        .ok()
        .filter(u8::is_ascii)
        .map(char::from)
        .ok_or_else(|| here.error("\\x and octal escapes go up to 127: use \\u"))
}

fn code_point(lexer: &mut Lexer<'_>, digits: usize) -> Result<char, Error> {
    let here = lexer.place();
    char::from_u32(number(lexer, 0, digits, 16)?).ok_or_else(|| here.error("this escape is no character"))
}

fn number(lexer: &mut Lexer<'_>, first: u32, digits: usize, radix: u32) -> Result<u32, Error> {
    let mut value = first;
    for _ in 0..digits {
        let here = lexer.place();
        let digit =
            lexer.bump().and_then(|c| c.to_digit(radix)).ok_or_else(|| here.error("this escape has too few digits"))?;
        value = value.wrapping_mul(radix).wrapping_add(digit);
    }
    Ok(value)
}
