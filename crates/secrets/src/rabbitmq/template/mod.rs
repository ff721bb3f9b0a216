//! Templates of user names, as Vault has them: Go's text templates with a few functions.
//!
//! What is taken: text, `{{ }}` with pipelines, parentheses, texts, whole numbers, the fields `.DisplayName` and `.RoleName`, and
//! the functions of [`Function`]. Variables and control structures are refused when the template is written, not when it is used.
mod functions;
mod parse;

use functions::Function;
use kw_engine::{Rng, Time};

/// A template that was read and checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template(Vec<Part>);

/// What a template may show and use.
pub struct Scope<'a> {
    /// The display name of the token that asks.
    pub display_name: &'a str,
    pub role_name: &'a str,
    pub now: Time,
    pub rng: &'a dyn Rng,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Expr(Expr),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Expr {
    Text(String),
    Number(i64),
    DisplayName,
    RoleName,
    Call(Function, Vec<Expr>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Value {
    Text(String),
    Number(i64),
}

/// The most bytes of a template, and of any value while it is filled in.
const BYTES_MAX: usize = 4096;

impl Template {
    /// Reads a template. Errors: a text that says what is wrong, and shows at most the name of a function or field.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.len() > BYTES_MAX {
            return Err(format!("it is longer than {BYTES_MAX} bytes"));
        }
        parse::parts(text).map(Self)
    }

    /// Fills it in. Errors: a text that says what is wrong; also for an empty outcome.
    pub fn render(&self, scope: &Scope<'_>) -> Result<String, String> {
        let mut out = String::new();
        for part in &self.0 {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Expr(expr) => out.push_str(&text_of(eval(expr, scope)?)),
            }
        }
        match out.len() {
            0 => Err("it gives an empty text".to_owned()),
            1..=BYTES_MAX => Ok(out),
            _ => Err(format!("it gives more than {BYTES_MAX} bytes")),
        }
    }
}

fn eval(expr: &Expr, scope: &Scope<'_>) -> Result<Value, String> {
    let value = match expr {
        Expr::Text(text) => Value::Text(text.clone()),
        Expr::Number(number) => Value::Number(*number),
        Expr::DisplayName => Value::Text(scope.display_name.to_owned()),
        Expr::RoleName => Value::Text(scope.role_name.to_owned()),
        Expr::Call(function, args) => {
            let args = args.iter().map(|a| eval(a, scope)).collect::<Result<Vec<_>, _>>()?;
            function.call(args, scope)?
        }
    };
    match &value {
        Value::Text(text) if text.len() > BYTES_MAX => Err(format!("a value in it has more than {BYTES_MAX} bytes")),
        _ => Ok(value),
    }
}

fn text_of(value: Value) -> String {
    match value {
        Value::Text(text) => text,
        Value::Number(number) => number.to_string(),
    }
}

#[cfg(test)]
mod tests;
