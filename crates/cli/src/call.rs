//! One invocation of a command: its flags, arguments, environment and streams.
use crate::declare::{Command, Flag};
use crate::failure::Failure;
use crate::output::Format;
use crate::parse::Parsed;
use crate::session::Session;
use crate::{Brand, Environment, Terminal, flags, parse};
use std::collections::BTreeMap;

/// What a command's function is given.
pub(crate) struct Call<'a, 't> {
    pub(crate) brand: Brand,
    pub(crate) command: &'static Command,
    pub(crate) env: &'a Environment,
    pub(crate) terminal: &'a mut Terminal<'t>,
    parsed: Parsed,
}

impl<'a, 't> Call<'a, 't> {
    pub(crate) fn new(
        brand: Brand,
        command: &'static Command,
        env: &'a Environment,
        terminal: &'a mut Terminal<'t>,
        parsed: Parsed,
    ) -> Self {
        Self { brand, command, env, terminal, parsed }
    }

    /// Connects to no server yet, but reads everything that says how.
    pub(crate) fn session(&self) -> Result<Session, Failure> {
        Session::new(self)
    }

    /// The arguments.
    pub(crate) fn args(&self) -> &[String] {
        &self.parsed.args
    }

    /// One argument; empty where it is missing, which the command's arity mostly rules out.
    pub(crate) fn arg(&self, index: usize) -> &str {
        self.parsed.args.get(index).map_or("", String::as_str)
    }

    /// A flag's text: as given, else from the environment.
    pub(crate) fn text(&self, flag: &Flag) -> Option<&str> {
        let given = self.parsed.flags.iter().rev().find(|(name, _)| *name == flag.name);
        match given {
            Some((_, value)) => Some(value.as_str()),
            None if flag.env.is_empty() => None,
            None => self.env.own(flag.env),
        }
    }

    /// A flag's text, or what stands in for it.
    pub(crate) fn text_or<'s>(&'s self, flag: &Flag, otherwise: &'s str) -> &'s str {
        self.text(flag).unwrap_or(otherwise)
    }

    /// Whether a flag is set and not to `false`.
    pub(crate) fn on(&self, flag: &Flag) -> bool {
        self.text(flag).and_then(parse::boolean).unwrap_or(false)
    }

    /// A number.
    pub(crate) fn int(&self, flag: &Flag) -> Option<i64> {
        self.text(flag)?.parse().ok()
    }

    /// Everything that a repeatable flag was given.
    pub(crate) fn all(&self, flag: &Flag) -> Vec<String> {
        self.parsed.flags.iter().filter(|(name, _)| *name == flag.name).map(|(_, value)| value.clone()).collect()
    }

    /// Everything that a flag of key=value was given; the last one wins for a key.
    pub(crate) fn pairs(&self, flag: &Flag) -> BTreeMap<String, String> {
        let pair = |text: String| text.split_once('=').map(|(k, v)| (k.to_owned(), v.to_owned()));
        self.all(flag).into_iter().filter_map(pair).collect()
    }

    /// The form of the output.
    pub(crate) fn format(&self) -> Result<Format, Failure> {
        let text = self.text_or(&flags::FORMAT, "table");
        Format::parse(text).ok_or_else(|| Failure::local(format!("Invalid output format: {text}")))
    }

    /// Writes an answer and a newline.
    pub(crate) fn say(&mut self, text: impl AsRef<str>) -> Result<(), Failure> {
        self.write(&format!("{}\n", text.as_ref()))
    }

    /// Writes an answer as it is.
    pub(crate) fn write(&mut self, text: &str) -> Result<(), Failure> {
        self.write_bytes(text.as_bytes())
    }

    /// Writes bytes to standard output. A reader that has gone away (`| head`) ends the command without a word.
    pub(crate) fn write_bytes(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let written = self.terminal.output.write_all(bytes).and_then(|()| self.terminal.output.flush());
        written.map_err(|e| match e.kind() {
            std::io::ErrorKind::BrokenPipe => Failure::silent(1),
            _ => Failure::local(format!("Cannot write the output: {e}")),
        })
    }

    /// Writes a warning to standard error.
    pub(crate) fn warn(&mut self, text: impl AsRef<str>) {
        // There is nowhere left to complain to when standard error is gone.
        let _best_effort = writeln!(self.terminal.errors, "{}", text.as_ref());
    }

    /// Whether a person may be asked.
    pub(crate) fn may_ask(&self) -> bool {
        self.terminal.interactive && !self.on(&flags::NON_INTERACTIVE)
    }
}
