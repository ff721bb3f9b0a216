//! Help, read from the declarations.
use crate::Brand;
use crate::commands::{self, GROUPS, Group};
use crate::declare::{Command, Flag};
use crate::flags;
use std::fmt::Write;

/// The commands that most people come for, in the order in which they need them.
const FIRST: [&str; 8] = ["read", "write", "delete", "list", "login", "server", "status", "unwrap"];

/// The list of all commands.
pub(crate) fn root(brand: Brand) -> String {
    let mut entries: Vec<(&str, &str)> = GROUPS.iter().map(|g| (g.name, g.summary)).collect();
    entries.retain(|(name, _)| !name.is_empty() && !name.contains(' '));
    entries.extend(commands::all().filter(|c| !c.name.contains(' ')).map(|c| (c.name, c.summary)));
    entries.sort_unstable();
    let first: Vec<_> = FIRST.iter().filter_map(|n| entries.iter().find(|(name, _)| name == n).copied()).collect();
    entries.retain(|(name, _)| !FIRST.contains(name));
    let program = brand.program();
    format!(
        "Usage: {program} <command> [args]\n\nCommon commands:\n{}\nOther commands:\n{}\nMore about a command: {program} <command> -help",
        lines(&first),
        lines(&entries)
    )
}

/// The commands of a group.
pub(crate) fn group(brand: Brand, group: &Group) -> String {
    let program = brand.program();
    let prefix = format!("{} ", group.name);
    let mut entries: Vec<(&str, &str)> = Vec::new();
    for command in commands::all() {
        if let Some(rest) = command.name.strip_prefix(&prefix).filter(|r| !r.contains(' ')) {
            entries.push((rest, command.summary));
        }
    }
    for inner in GROUPS {
        if let Some(rest) = inner.name.strip_prefix(&prefix).filter(|r| !r.contains(' ')) {
            entries.push((rest, inner.summary));
        }
    }
    entries.sort_unstable();
    format!(
        "Usage: {program} {} <subcommand> [options] [args]\n\n  {}.\n\nSubcommands:\n{}",
        group.name,
        group.summary,
        lines(&entries)
    )
}

/// All about one command.
pub(crate) fn command(brand: Brand, command: &Command) -> String {
    let program = brand.program();
    let options = if command.all_flags().next().is_some() { " [options]" } else { "" };
    let args = if command.args.is_empty() { String::new() } else { format!(" {}", command.args) };
    let mut out = format!("Usage: {program} {}{options}{args}\n\n", command.name);
    for line in command.details.lines() {
        match line.strip_prefix("$ ") {
            Some(example) => _ = writeln!(out, "      $ {program} {example}"),
            None if line.is_empty() => out.push('\n'),
            None => _ = writeln!(out, "  {line}"),
        }
    }
    let shared: Vec<&str> =
        [flags::HTTP, flags::FORMAT_ONLY, flags::FIELD_ONLY].concat().iter().map(|f| f.name).collect();
    let (common, own): (Vec<&Flag>, Vec<&Flag>) = command.all_flags().partition(|f| shared.contains(&f.name));
    section(&mut out, "Command options", &own, brand);
    section(&mut out, "Options of most commands", &common, brand);
    out
}

/// Where to read more, after an error.
pub(crate) fn pointer(brand: Brand, command: &Command) -> String {
    format!("See `{} {} -help`.", brand.program(), command.name)
}

fn section(out: &mut String, title: &str, flags: &[&Flag], brand: Brand) {
    if flags.is_empty() {
        return;
    }
    _ = writeln!(out, "\n{title}:");
    for flag in flags {
        let value = if flag.value_name().is_empty() { String::new() } else { format!("=<{}>", flag.value_name()) };
        _ = writeln!(out, "\n  -{}{value}", flag.name);
        let mut text = flag.help.to_owned();
        if !flag.aliases.is_empty() {
            _ = write!(text, " Also: -{}.", flag.aliases.join(", -"));
        }
        if !flag.default.is_empty() {
            _ = write!(text, " The default is {}.", flag.default);
        }
        if !flag.env.is_empty() {
            _ = write!(text, " Environment: {}_{}.", brand.variable(), flag.env);
        }
        for line in wrapped(&text, 72) {
            _ = writeln!(out, "      {line}");
        }
    }
}

fn lines(entries: &[(&str, &str)]) -> String {
    let width = entries.iter().map(|(name, _)| name.len()).max().unwrap_or(0) + 4;
    entries.iter().map(|(name, summary)| format!("    {name:width$}{summary}\n")).collect()
}

fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let Some(line) = lines.last_mut() else { break };
        if !line.is_empty() && line.len() + 1 + word.len() > width {
            lines.push(word.to_owned());
        } else {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines
}
