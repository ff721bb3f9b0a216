//! From words to flags and arguments, by the rules of Go's `flag` package, which Vault's scripts are written for.
use crate::declare::{Command, Flag, Kind};
use kw_types::Ttl;

/// A command's words, read.
#[derive(Debug, Default)]
pub(crate) struct Parsed {
    /// The flags in the order given, by their first name.
    pub(crate) flags: Vec<(&'static str, String)>,
    /// What is no flag.
    pub(crate) args: Vec<String>,
    /// `-h`, `-help` or `--help` was among the flags.
    pub(crate) help: bool,
}

/// Reads flags until the first word that is none; from there on everything is an argument, even what begins with a dash.
///
/// Errors: a text that names the flag and not its value.
pub(crate) fn parse(command: &Command, words: &[String]) -> Result<Parsed, String> {
    let mut parsed = Parsed::default();
    let mut rest = words.iter();
    while let Some(word) = rest.next() {
        let Some(flag) = word.strip_prefix('-').filter(|f| !f.is_empty()) else {
            parsed.args.push(word.clone());
            break;
        };
        let flag = flag.strip_prefix('-').unwrap_or(flag);
        if flag.is_empty() {
            break;
        }
        let (name, inline) = match flag.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (flag, None),
        };
        let Some(declared) = command.all_flags().find(|f| f.name == name || f.aliases.contains(&name)) else {
            if matches!(name, "h" | "help") {
                parsed.help = true;
                continue;
            }
            return Err(format!("flag provided but not defined: -{name}"));
        };
        let value = match (inline, declared.kind) {
            (Some(value), _) => value,
            (None, Kind::Bool) => "true".to_owned(),
            (None, _) => rest.next().cloned().ok_or_else(|| format!("flag needs an argument: -{name}"))?,
        };
        parsed.flags.push((declared.name, checked(declared, value)?));
    }
    parsed.args.extend(rest.cloned());
    Ok(parsed)
}

/// Reads Go's words for true and false.
pub(crate) fn boolean(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

fn checked(flag: &Flag, value: String) -> Result<String, String> {
    let wrong = |what: &str| Err(format!("invalid value for flag -{}: {what}", flag.name));
    match flag.kind {
        Kind::Text | Kind::List => Ok(value),
        Kind::Bool => match boolean(&value) {
            Some(value) => Ok(value.to_string()),
            None => wrong("must be true or false"),
        },
        Kind::Int if value.parse::<i64>().is_err() => wrong("must be a whole number"),
        Kind::Int => Ok(value),
        // Tuning takes "-1" for "as the system has it".
        Kind::Duration if !value.starts_with('-') && value != "system" => match Ttl::parse(&value) {
            Ok(_) => Ok(value),
            Err(what) => wrong(what),
        },
        Kind::Duration => Ok(value),
        Kind::Pairs if !value.contains('=') => wrong("must be key=value"),
        Kind::Pairs => Ok(value),
    }
}
