//! From characters to tokens.
use crate::{Error, quoted};

/// A token with the place where it begins.
#[derive(Clone, Debug)]
pub(crate) struct Token<'a> {
    pub kind: Kind<'a>,
    pub line: u32,
    pub column: u32,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Kind<'a> {
    Ident(&'a str),
    String(String),
    Heredoc(String),
    Int(i64),
    Float(f64),
    Bool(bool),
    Comment(&'a str),
    OpenBrace,
    CloseBrace,
    OpenBracket,
    CloseBracket,
    Comma,
    Assign,
    End,
}

impl Kind<'_> {
    /// What it is, in words for an error.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Ident(_) => "a name",
            Self::String(_) => "a string",
            Self::Heredoc(_) => "a heredoc",
            Self::Int(_) | Self::Float(_) => "a number",
            Self::Bool(_) => "a boolean",
            Self::Comment(_) => "a comment",
            Self::OpenBrace => "'{'",
            Self::CloseBrace => "'}'",
            Self::OpenBracket => "'['",
            Self::CloseBracket => "']'",
            Self::Comma => "','",
            Self::Assign => "'='",
            Self::End => "the end of the text",
        }
    }
}

/// A place in the text, for errors.
#[derive(Clone, Copy)]
pub(crate) struct Place(u32, u32);

impl Place {
    pub(crate) fn error(self, text: impl Into<String>) -> Error {
        Error::new(self.0, self.1, text.into())
    }
}

/// Where the reading stands.
pub(crate) struct Lexer<'a> {
    pub(crate) rest: &'a str,
    pub(crate) line: u32,
    pub(crate) column: u32,
}

impl<'a> Lexer<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { rest: text, line: 1, column: 1 }
    }

    /// The next token; [`Kind::End`] again and again at the end.
    pub(crate) fn next(&mut self) -> Result<Token<'a>, Error> {
        self.take_while(|c| matches!(c, ' ' | '\t' | '\n' | '\r'));
        let (line, column) = (self.line, self.column);
        let kind = match self.peek() {
            None => Kind::End,
            Some('"') => Kind::String(quoted::string(self)?),
            Some('<') => Kind::Heredoc(quoted::heredoc(self)?),
            Some('#' | '/') => Kind::Comment(self.comment()?),
            Some(c) if is_letter(c) => self.word(),
            Some(c) if c.is_ascii_digit() || matches!(c, '-' | '.') => self.number()?,
            Some(c) => self.mark(c)?,
        };
        Ok(Token { kind, line, column })
    }

    pub(crate) fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    /// Takes one character and counts it.
    pub(crate) fn bump(&mut self) -> Option<char> {
        let mut chars = self.rest.chars();
        let taken = chars.next()?;
        self.rest = chars.as_str();
        if taken == '\n' {
            self.line += 1;
            self.column = 1;
        } else {
            self.column += 1;
        }
        Some(taken)
    }

    /// Takes characters as long as they fit.
    pub(crate) fn take_while(&mut self, fits: impl Fn(char) -> bool) -> &'a str {
        let end = self.rest.find(|c| !fits(c)).unwrap_or(self.rest.len());
        self.take(end)
    }

    pub(crate) fn place(&self) -> Place {
        Place(self.line, self.column)
    }

    /// An error at the place where the reading stands.
    pub(crate) fn error(&self, text: impl Into<String>) -> Error {
        self.place().error(text)
    }

    /// Takes `len` bytes, which must end between two characters.
    fn take(&mut self, len: usize) -> &'a str {
        let (taken, _) = self.rest.split_at_checked(len).unwrap_or((self.rest, ""));
        for _ in taken.chars() {
            self.bump();
        }
        taken
    }

    fn comment(&mut self) -> Result<&'a str, Error> {
        if self.rest.starts_with("/*") {
            let Some(end) = self.rest.get(2..).and_then(|rest| rest.find("*/")) else {
                return Err(self.error("this comment is never closed: expected */"));
            };
            return Ok(self.take(end + 4));
        }
        if self.rest.starts_with('/') && !self.rest.starts_with("//") {
            return Err(self.error("expected // or /* for a comment"));
        }
        Ok(self.take_while(|c| c != '\n').trim_end())
    }

    fn word(&mut self) -> Kind<'a> {
        match self.take_while(is_word) {
            "true" => Kind::Bool(true),
            "false" => Kind::Bool(false),
            word => Kind::Ident(word),
        }
    }

    fn number(&mut self) -> Result<Kind<'a>, Error> {
        let start = self.place();
        let wrong = || start.error("expected a number of 64 bits");
        let text = self.take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '+' | '.'));
        let (negative, digits) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let whole = |digits: &str, radix: u32| {
            let signed = if negative { format!("-{digits}") } else { digits.to_owned() };
            i64::from_str_radix(&signed, radix).map(Kind::Int).map_err(|_| wrong())
        };
        if let Some(hex) = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
            return if hex.bytes().all(|b| b.is_ascii_hexdigit()) { whole(hex, 16) } else { Err(wrong()) };
        }
        if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) {
            // A leading zero means octal, as in the original language.
            let octal = digits.len() > 1 && digits.starts_with('0');
            return whole(digits, if octal { 8 } else { 10 });
        }
        if !digits.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'-' | b'+')) {
            return Err(wrong());
        }
        match text.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(Kind::Float(number)),
            _ => Err(wrong()),
        }
    }

    fn mark(&mut self, mark: char) -> Result<Kind<'a>, Error> {
        let kind = match mark {
            '{' => Kind::OpenBrace,
            '}' => Kind::CloseBrace,
            '[' => Kind::OpenBracket,
            ']' => Kind::CloseBracket,
            ',' => Kind::Comma,
            '=' => Kind::Assign,
            '\'' => return Err(self.error("strings are written in double quotes")),
            _ => return Err(self.error("this character cannot stand here")),
        };
        self.bump();
        Ok(kind)
    }
}

/// Whether a name may begin with it.
pub(crate) fn is_letter(c: char) -> bool {
    c.is_ascii_alphabetic() || c == '_' || (!c.is_ascii() && c.is_alphabetic())
}

/// Whether a name may go on with it.
pub(crate) fn is_word(c: char) -> bool {
    is_letter(c) || c.is_numeric() || matches!(c, '-' | '.')
}
