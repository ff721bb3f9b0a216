//! From tokens to the tree.
use crate::ast::{Body, Form, Item, Value};
use crate::lexer::{Kind, Lexer, Token};
use crate::{DEPTH_MAX, Error};
use std::collections::HashSet;

/// Reads a whole text.
pub(crate) fn parse(text: &str) -> Result<Body, Error> {
    let mut parser = Parser::new(text)?;
    let body = parser.body(0)?;
    match parser.token.kind {
        Kind::End => Ok(body),
        _ => Err(parser.expected("a name or the end of the text")),
    }
}

/// One token of look-ahead; comments are set aside as they come by.
struct Parser<'a> {
    lexer: Lexer<'a>,
    token: Token<'a>,
    comments: Vec<(u32, String)>,
    /// The line on which the token before `token` ended.
    line_before: u32,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str) -> Result<Self, Error> {
        let token = Token { kind: Kind::End, line: 1, column: 1 };
        let mut parser = Self { lexer: Lexer::new(text), token, comments: Vec::new(), line_before: 0 };
        parser.advance()?;
        Ok(parser)
    }

    /// Steps to the next token and hands out the one before.
    fn advance(&mut self) -> Result<Token<'a>, Error> {
        self.line_before = self.lexer.line;
        loop {
            let token = self.lexer.next()?;
            match token.kind {
                Kind::Comment(text) => self.comments.push((token.line, text.to_owned())),
                _ => return Ok(std::mem::replace(&mut self.token, token)),
            }
        }
    }

    fn expected(&self, what: &str) -> Error {
        let text = format!("expected {what}, found {}", self.token.kind.name());
        Error::new(self.token.line, self.token.column, text)
    }

    /// Items up to a closing brace or the end, which stays.
    fn body(&mut self, depth: usize) -> Result<Body, Error> {
        let mut items: Vec<Item> = Vec::new();
        let mut attributes = HashSet::new();
        loop {
            self.hang_trailing(&mut items);
            if matches!(self.token.kind, Kind::End | Kind::CloseBrace) {
                return Ok(Body { items, comments: self.take_comments() });
            }
            let (line, column) = (self.token.line, self.token.column);
            let item = self.item(depth)?;
            if item.form == Form::Attribute && !attributes.insert(item.key.clone()) {
                return Err(Error::new(line, column, format!("{:?} is set twice: keep one of them", item.key)));
            }
            items.push(item);
            if self.token.kind == Kind::Comma {
                self.advance()?;
            }
        }
    }

    /// Gives the comment on the last line of the last item to that item.
    fn hang_trailing(&mut self, items: &mut [Item]) {
        if let Some(item) = items.last_mut()
            && item.trailing.is_none()
            && self.comments.first().is_some_and(|(line, _)| *line == self.line_before)
        {
            let text = self.comments.remove(0).1;
            // A comment over several lines cannot be put back behind the item.
            if text.contains('\n') { item.comments.push(text) } else { item.trailing = Some(text) }
        }
    }

    fn take_comments(&mut self) -> Vec<String> {
        self.comments.drain(..).map(|(_, text)| text).collect()
    }

    fn item(&mut self, depth: usize) -> Result<Item, Error> {
        let mut comments = self.take_comments();
        let line = self.token.line;
        let key = self.name("a name")?;
        let mut labels = Vec::new();
        while matches!(self.token.kind, Kind::Ident(_) | Kind::String(_)) {
            labels.push(self.name("a label")?);
        }
        let (value, form) = match self.token.kind {
            Kind::OpenBrace => (self.object(depth)?, Form::Block),
            Kind::Assign if labels.is_empty() => {
                self.advance()?;
                (self.value(depth)?, Form::Attribute)
            }
            Kind::Assign => return Err(self.expected("'{' after the labels of a block")),
            _ if labels.is_empty() => return Err(self.expected("'=' or '{' after the name")),
            _ => return Err(self.expected("'{'")),
        };
        // Comments inside a list have no place of their own in the tree; they move above the item. Those after it stay
        // for `hang_trailing` and the next item.
        let inside = self.comments.iter().take_while(|(at, _)| *at < self.line_before).count();
        comments.extend(self.comments.drain(..inside).map(|(_, text)| text));
        Ok(Item { key, labels, value, form, line, comments, trailing: None })
    }

    fn name(&mut self, what: &str) -> Result<String, Error> {
        match &self.token.kind {
            Kind::Ident(_) | Kind::String(_) => {}
            _ => return Err(self.expected(what)),
        }
        Ok(match self.advance()?.kind {
            Kind::Ident(name) => name.to_owned(),
            Kind::String(name) => name,
            _ => String::new(),
        })
    }

    fn value(&mut self, depth: usize) -> Result<Value, Error> {
        match self.token.kind {
            Kind::OpenBrace => return self.object(depth),
            Kind::OpenBracket => return self.list(depth),
            Kind::String(_) | Kind::Heredoc(_) | Kind::Int(_) | Kind::Float(_) | Kind::Bool(_) => {}
            Kind::Ident(_) => return Err(self.expected("a value; strings are written in double quotes")),
            _ => return Err(self.expected("a value")),
        }
        Ok(match self.advance()?.kind {
            Kind::String(text) | Kind::Heredoc(text) => Value::String(text),
            Kind::Int(number) => Value::Int(number),
            Kind::Float(number) => Value::Float(number),
            Kind::Bool(value) => Value::Bool(value),
            _ => Value::Null,
        })
    }

    fn object(&mut self, depth: usize) -> Result<Value, Error> {
        let depth = self.deeper(depth)?;
        let (line, column) = (self.token.line, self.token.column);
        self.advance()?;
        let body = self.body(depth)?;
        if self.token.kind != Kind::CloseBrace {
            let text = format!("expected '}}' for the '{{' of line {line}, column {column}, found the end of the text");
            return Err(Error::new(self.token.line, self.token.column, text));
        }
        self.advance()?;
        Ok(Value::Object(body))
    }

    fn list(&mut self, depth: usize) -> Result<Value, Error> {
        let depth = self.deeper(depth)?;
        self.advance()?;
        let mut values = Vec::new();
        loop {
            while self.token.kind == Kind::Comma {
                self.advance()?;
            }
            if self.token.kind != Kind::CloseBracket {
                values.push(self.value(depth)?);
            }
            match self.token.kind {
                Kind::Comma => {}
                Kind::CloseBracket => break,
                _ => return Err(self.expected("',' or ']' in a list")),
            }
        }
        self.advance()?;
        Ok(Value::List(values))
    }

    fn deeper(&self, depth: usize) -> Result<usize, Error> {
        if depth >= DEPTH_MAX {
            let text = format!("nested deeper than {DEPTH_MAX} levels");
            return Err(Error::new(self.token.line, self.token.column, text));
        }
        Ok(depth + 1)
    }
}
