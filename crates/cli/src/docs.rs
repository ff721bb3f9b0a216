//! The tables of `docs/cli.md`, read from the declarations.
use crate::commands;
use crate::declare::{Flag, Shared};
use crate::flags;
use std::fmt::Write;

/// Every command with its flags, in Markdown. The checked-in page holds this text between two marks; a test compares them.
pub fn reference_tables() -> String {
    let mut out = String::from("### Flags of most commands\n\n");
    flag_table(&mut out, flags::HTTP.iter());
    out.push_str("\n### Flags of the output\n\n");
    flag_table(&mut out, flags::FORMAT_ONLY.iter().chain(flags::FIELD_ONLY));
    out.push_str("\n### Commands\n\nThe last column says which shared flags a command takes besides its own.\n\n");
    out.push_str("| Command | Arguments | What it does | Its own flags | Shared flags |\n|---|---|---|---|---|\n");
    for command in commands::all() {
        let own: Vec<_> = command.flags.iter().map(|f| format!("`-{}`", f.name)).collect();
        let shared = match command.shared {
            Shared::Nothing => "none",
            Shared::Http => "server",
            Shared::HttpFormat => "server, `-format`",
            Shared::HttpField => "server, `-format`, `-field`",
        };
        let args =
            if command.args.is_empty() { String::new() } else { format!("`{}`", command.args.replace('|', "\\|")) };
        _ = writeln!(out, "| `{}` | {args} | {} | {} | {shared} |", command.name, command.summary, own.join(" "));
    }
    for command in commands::all().filter(|c| !c.flags.is_empty()) {
        _ = write!(out, "\n#### `{}`\n\n", command.name);
        flag_table(&mut out, command.flags.iter());
    }
    out
}

fn flag_table<'a>(out: &mut String, flags: impl Iterator<Item = &'a Flag>) {
    out.push_str("| Flag | Value | Environment | Default | Meaning |\n|---|---|---|---|---|\n");
    for flag in flags {
        let names: Vec<_> = std::iter::once(&flag.name).chain(flag.aliases).map(|n| format!("`-{n}`")).collect();
        let env = if flag.env.is_empty() { String::new() } else { format!("`VAULT_{}`", flag.env) };
        let default = if flag.default.is_empty() { String::new() } else { format!("`{}`", flag.default) };
        let help = flag.help.replace('|', "\\|");
        _ = writeln!(out, "| {} | {} | {env} | {default} | {help} |", names.join(", "), flag.value_name());
    }
}
