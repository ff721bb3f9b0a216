//! Reading a template.
use super::functions::Function;
use super::{Expr, Part};
use std::iter::Peekable;
use std::str::Chars;

/// The deepest nesting of parentheses.
const DEPTH_MAX: usize = 16;

/// Splits a template at `{{` and `}}`; `{{-` and `-}}` take the white space on their side away, as in Go.
pub(super) fn parts(text: &str) -> Result<Vec<Part>, String> {
    let mut out = Vec::new();
    let mut rest = text;
    let mut trim = false;
    while let Some((before, action)) = rest.split_once("{{") {
        let (body, after) = split_action(action)?;
        let body = body.strip_prefix("- ").unwrap_or(body);
        let before = if trim { before.trim_start() } else { before };
        let before = if action.starts_with("- ") { before.trim_end() } else { before };
        push_text(&mut out, before);
        trim = body.ends_with(" -");
        let body = body.strip_suffix(" -").unwrap_or(body);
        out.push(Part::Expr(Parser { tokens: tokens(body)?.into_iter().peekable() }.whole()?));
        rest = after;
    }
    push_text(&mut out, if trim { rest.trim_start() } else { rest });
    Ok(out)
}

fn push_text(out: &mut Vec<Part>, text: &str) {
    if !text.is_empty() {
        out.push(Part::Text(text.to_owned()));
    }
}

/// Finds the `}}` that ends an action; one within a quoted text does not.
fn split_action(text: &str) -> Result<(&str, &str), String> {
    let mut quote = None;
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match quote {
            Some('"') if escaped => escaped = false,
            Some('"') if c == '\\' => escaped = true,
            Some(open) if c == open => quote = None,
            Some(_) => {}
            None if matches!(c, '"' | '`') => quote = Some(c),
            None => {
                let rest = text.get(at..).unwrap_or_default();
                if let (Some(after), Some(body)) = (rest.strip_prefix("}}"), text.get(..at)) {
                    return Ok((body, after));
                }
            }
        }
    }
    Err("an action that begins with {{ does not end with }}".to_owned())
}

#[derive(Debug, PartialEq, Eq)]
enum Token {
    Text(String),
    Number(i64),
    Field(String),
    Name(String),
    Open,
    Close,
    Pipe,
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut out = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        out.push(match c {
            c if c.is_whitespace() => continue,
            '(' => Token::Open,
            ')' => Token::Close,
            '|' => Token::Pipe,
            '"' => Token::Text(quoted(&mut chars)?),
            '`' => Token::Text(raw(&mut chars)?),
            '.' => Token::Field(word(String::new(), &mut chars)),
            c if c.is_ascii_digit() => {
                let number = word(c.to_string(), &mut chars);
                Token::Number(number.parse().map_err(|_| "a number in it is not a whole number")?)
            }
            c if c.is_ascii_alphabetic() => Token::Name(word(c.to_string(), &mut chars)),
            _ => return Err("an action holds a character that means nothing there".to_owned()),
        });
    }
    Ok(out)
}

fn word(mut begun: String, chars: &mut Peekable<Chars<'_>>) -> String {
    while let Some(c) = chars.next_if(|c| c.is_ascii_alphanumeric() || *c == '_') {
        begun.push(c);
    }
    begun
}

fn quoted(chars: &mut Peekable<Chars<'_>>) -> Result<String, String> {
    let mut out = String::new();
    while let Some(c) = chars.next() {
        match c {
            '"' => return Ok(out),
            '\\' => out.push(match chars.next() {
                Some('n') => '\n',
                Some('t') => '\t',
                Some(c @ ('"' | '\\')) => c,
                _ => return Err("a quoted text holds an escape other than \\\" \\\\ \\n \\t".to_owned()),
            }),
            c => out.push(c),
        }
    }
    Err("a quoted text does not end".to_owned())
}

fn raw(chars: &mut Peekable<Chars<'_>>) -> Result<String, String> {
    let mut out = String::new();
    for c in chars {
        if c == '`' {
            return Ok(out);
        }
        out.push(c);
    }
    Err("a quoted text does not end".to_owned())
}

struct Parser {
    tokens: Peekable<std::vec::IntoIter<Token>>,
}

impl Parser {
    fn whole(mut self) -> Result<Expr, String> {
        let expr = self.pipeline(0)?;
        if self.tokens.peek().is_some() { Err("a parenthesis closes what was not opened".to_owned()) } else { Ok(expr) }
    }

    /// Commands with `|` between: the value of each is the last argument of the next.
    fn pipeline(&mut self, depth: usize) -> Result<Expr, String> {
        if depth > DEPTH_MAX {
            return Err(format!("its parentheses are more than {DEPTH_MAX} deep"));
        }
        let mut expr = self.command(None, depth)?;
        while self.tokens.next_if_eq(&Token::Pipe).is_some() {
            expr = self.command(Some(expr), depth)?;
        }
        Ok(expr)
    }

    fn command(&mut self, piped: Option<Expr>, depth: usize) -> Result<Expr, String> {
        let Some(name) = self.function_name() else {
            let value = self.operand(depth)?.ok_or("an action is empty")?;
            let lone = piped.is_none() && matches!(self.tokens.peek(), None | Some(Token::Pipe | Token::Close));
            return if lone { Ok(value) } else { Err("only a function takes arguments".to_owned()) };
        };
        let mut args = Vec::new();
        while let Some(value) = self.operand(depth)? {
            args.push(value);
        }
        args.extend(piped);
        call(&name, args)
    }

    fn function_name(&mut self) -> Option<String> {
        match self.tokens.next_if(|t| matches!(t, Token::Name(_))) {
            Some(Token::Name(name)) => Some(name),
            _ => None,
        }
    }

    /// A value; `None` where the command ends.
    fn operand(&mut self, depth: usize) -> Result<Option<Expr>, String> {
        let Some(token) = self.tokens.next_if(|t| !matches!(t, Token::Pipe | Token::Close)) else { return Ok(None) };
        let expr = match token {
            Token::Text(text) => Expr::Text(text),
            Token::Number(number) => Expr::Number(number),
            Token::Field(name) => match name.as_str() {
                "DisplayName" => Expr::DisplayName,
                "RoleName" => Expr::RoleName,
                _ => return Err("the fields are .DisplayName and .RoleName".to_owned()),
            },
            Token::Name(name) => call(&name, Vec::new())?,
            Token::Open => {
                let inner = self.pipeline(depth + 1)?;
                self.tokens.next_if_eq(&Token::Close).ok_or("a parenthesis is not closed")?;
                inner
            }
            Token::Pipe | Token::Close => return Ok(None),
        };
        Ok(Some(expr))
    }
}

fn call(name: &str, args: Vec<Expr>) -> Result<Expr, String> {
    let (function, min, max) = Function::find(name).ok_or_else(|| format!("function {name:?} is not defined"))?;
    if (min..=max).contains(&args.len()) {
        Ok(Expr::Call(function, args))
    } else {
        Err(format!("wrong number of arguments for {name}: want {min}, got {}", args.len()))
    }
}
