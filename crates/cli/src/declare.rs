//! What a command and a flag are declared as.
use crate::call::Call;
use crate::failure::Failure;

/// What a flag takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Nothing, or `=true` / `=false`.
    Bool,
    /// A text.
    Text,
    /// A whole number; may be negative.
    Int,
    /// A time such as `30s`, `5m`, `1h30m`, or whole seconds.
    Duration,
    /// A text; may be given more than once.
    List,
    /// `key=value`; may be given more than once.
    Pairs,
}

/// A flag. `-name=value`, `-name value`, `--name=value` and `--name value` are all the same.
#[derive(Clone, Copy, Debug)]
pub struct Flag {
    /// Without its dashes.
    pub name: &'static str,
    /// Other names for it.
    pub aliases: &'static [&'static str],
    /// What it takes.
    pub kind: Kind,
    /// The environment variable that stands in for it, without its prefix; or empty.
    pub env: &'static str,
    /// What holds where it is not given, for the help; or empty.
    pub default: &'static str,
    /// A sentence or two.
    pub help: &'static str,
}

impl Flag {
    /// A flag without aliases, variable or default.
    pub const fn new(name: &'static str, kind: Kind, help: &'static str) -> Self {
        Self { name, aliases: &[], kind, env: "", default: "", help }
    }

    /// With an environment variable.
    pub const fn env(mut self, suffix: &'static str) -> Self {
        self.env = suffix;
        self
    }

    /// With a default, for the help.
    pub const fn default(mut self, text: &'static str) -> Self {
        self.default = text;
        self
    }

    /// With other names.
    pub const fn aliases(mut self, names: &'static [&'static str]) -> Self {
        self.aliases = names;
        self
    }

    /// What the help shows for its value.
    pub fn value_name(&self) -> &'static str {
        match self.kind {
            Kind::Bool => "",
            Kind::Text | Kind::List => "string",
            Kind::Int => "int",
            Kind::Duration => "duration",
            Kind::Pairs => "key=value",
        }
    }
}

/// Which shared flags a command has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shared {
    /// None: it speaks to no server.
    Nothing,
    /// How to reach the server.
    Http,
    /// That, and `-format`.
    HttpFormat,
    /// That, and `-field`.
    HttpField,
}

/// A command.
pub struct Command {
    /// All its words: `kv metadata get`.
    pub name: &'static str,
    /// Its arguments, for the usage line.
    pub args: &'static str,
    /// The fewest and the most arguments.
    pub arity: (usize, usize),
    /// A few words for the list of commands.
    pub summary: &'static str,
    /// What it does, with examples in which `$` begins a command without the program's name.
    pub details: &'static str,
    /// The shared flags.
    pub shared: Shared,
    /// Its own flags.
    pub flags: &'static [Flag],
    /// What it does; the number is the exit code.
    pub(crate) run: fn(&mut Call) -> Result<i32, Failure>,
}

/// For a command that takes any number of arguments from its fewest on.
pub const ANY: usize = usize::MAX;

impl Command {
    /// Every flag that it takes: its own, then the shared ones.
    pub fn all_flags(&self) -> impl Iterator<Item = &'static Flag> {
        let (http, format, field): (&[Flag], &[Flag], &[Flag]) = match self.shared {
            Shared::Nothing => (&[], &[], &[]),
            Shared::Http => (crate::flags::HTTP, &[], &[]),
            Shared::HttpFormat => (crate::flags::HTTP, crate::flags::FORMAT_ONLY, &[]),
            Shared::HttpField => (crate::flags::HTTP, crate::flags::FORMAT_ONLY, crate::flags::FIELD_ONLY),
        };
        self.flags.iter().chain(field).chain(format).chain(http)
    }
}
