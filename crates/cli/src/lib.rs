//! The command line: Vault's commands, flags, environment variables and exit codes.
//!
//! Everything is declared once, in tables of [`Command`] and [`Flag`]: the parser, the help, the shell completions and `docs/cli.md`
//! are readers of them. [`run`] is the only way in; it takes its arguments, environment and streams as values, so that a test is
//! a call of it. The `server` command alone is not run here: the binary takes it before it comes this far.
//!
//! A new command is a `Command` in the table of its group's folder; a new group is a folder and a line in `commands::GROUPS`.
mod ask;
mod brand;
mod call;
mod commands;
mod completion;
mod data;
mod declare;
mod dispatch;
mod docs;
mod environment;
mod failure;
mod flags;
mod help;
mod output;
mod parse;
mod session;
mod terminal;
mod token_helper;

pub use brand::Brand;
pub use declare::{Command, Flag, Kind};
pub use dispatch::{run, run_process};
pub use docs::reference_tables;
pub use environment::Environment;
pub use failure::for_people;
pub use terminal::Terminal;
pub use token_helper::keep_token;

#[cfg(test)]
mod tests;
