//! From the program's arguments to an exit code.
use crate::call::Call;
use crate::commands;
use crate::declare::{Command, Shared};
use crate::failure::Failure;
use crate::{Brand, Environment, Terminal, completion, help, parse};
use std::io::IsTerminal;

/// Exit code for a word that is no command, as shells have it.
const UNKNOWN_COMMAND: i32 = 127;

/// Runs one command. `args` begins with the program's own name, which decides how it calls itself ([`Brand`]).
///
/// The answer is the exit code: 0 for success; 1 for wrong input or a failure on this machine; 2 for a refusal by the server or no
/// answer from it; 127 for an unknown command. `status` answers 0 for an unsealed server, 2 for a sealed one, 1 for any failure.
pub fn run(args: &[String], env: &Environment, terminal: &mut Terminal<'_>) -> i32 {
    let brand = Brand::of(args.first().map_or("", String::as_str));
    let words = args.get(1..).unwrap_or_default();
    match words.first().map(String::as_str) {
        None => return tell(terminal, &help::root(brand), UNKNOWN_COMMAND),
        Some("-h" | "-help" | "--help" | "help") => return answer(terminal, &help::root(brand)),
        Some("-v" | "-version" | "--version") => return answer(terminal, &brand.version_line()),
        Some("-autocomplete-install") => return settle(terminal, completion::install(brand, env)),
        Some("-autocomplete-uninstall") => return settle(terminal, completion::uninstall(brand, env)),
        Some(word) if word.starts_with('-') => {
            return tell(
                terminal,
                "Flags go after the command: for example `status -address=...`, not `-address=... status`.",
                1,
            );
        }
        Some(_) => {}
    }
    let Some((command, rest)) = commands::find(words) else { return unknown(brand, words, terminal) };
    match prepare(command, rest) {
        Err(message) => tell(terminal, &format!("{message}\n\n{}", help::pointer(brand, command)), 1),
        Ok(parsed) if parsed.help => answer(terminal, &help::command(brand, command)),
        Ok(parsed) => {
            let mut call = Call::new(brand, command, env, terminal, parsed);
            warn_of_late_flags(&mut call);
            let outcome = check(&call).and_then(|()| (command.run)(&mut call));
            finish(terminal, outcome)
        }
    }
}

/// Runs one command with the process's own arguments, environment and streams: what a binary calls.
pub fn run_process() -> i32 {
    let args: Vec<String> = std::env::args_os().map(|a| a.to_string_lossy().into_owned()).collect();
    let (mut input, mut output, mut errors) = (std::io::stdin(), std::io::stdout(), std::io::stderr());
    let interactive = input.is_terminal();
    let mut terminal = Terminal { input: &mut input, output: &mut output, errors: &mut errors, interactive };
    run(&args, &Environment::of_process(), &mut terminal)
}

fn prepare(command: &'static Command, words: &[String]) -> Result<parse::Parsed, String> {
    let parsed = parse::parse(command, words)?;
    let (least, most) = command.arity;
    let given = parsed.args.len();
    if parsed.help {
        Ok(parsed)
    } else if given < least {
        Err(format!("Not enough arguments (expected {least}, got {given})"))
    } else if given > most {
        let late = late_flags(command, &parsed.args).map(|text| format!("{text}\n")).unwrap_or_default();
        Err(format!("{late}Too many arguments (expected {most}, got {given})"))
    } else {
        Ok(parsed)
    }
}

/// What must hold before any request is made.
fn check(call: &Call) -> Result<(), Failure> {
    match call.command.shared {
        Shared::HttpFormat | Shared::HttpField => call.format().map(|_| ()),
        Shared::Nothing | Shared::Http => Ok(()),
    }
}

fn warn_of_late_flags(call: &mut Call) {
    if let Some(text) = late_flags(call.command, call.args()) {
        call.warn(text);
    }
}

/// A flag after the first argument is an argument; whoever wrote it mostly meant a flag.
fn late_flags(command: &Command, args: &[String]) -> Option<String> {
    // Everything after the host of `ssh` belongs to ssh.
    if command.name == "ssh" {
        return None;
    }
    let late = args.iter().skip(1).filter(|a| a.len() > 1 && a.starts_with('-'));
    let names: Vec<_> = late.filter_map(|a| a.split('=').next()).collect();
    let text = format!("Flags must come before the arguments. These were taken as arguments: {}", names.join(", "));
    (!names.is_empty()).then_some(text)
}

fn unknown(brand: Brand, words: &[String], terminal: &mut Terminal<'_>) -> i32 {
    match commands::group(words) {
        Some(group) => {
            let asked = words.iter().any(|w| matches!(w.as_str(), "-h" | "-help" | "--help"));
            let text = help::group(brand, group);
            if asked { answer(terminal, &text) } else { tell(terminal, &text, 1) }
        }
        None => tell(terminal, &help::root(brand), UNKNOWN_COMMAND),
    }
}

fn finish(terminal: &mut Terminal<'_>, outcome: Result<i32, Failure>) -> i32 {
    match outcome {
        Ok(code) => code,
        Err(Failure::DryRun(text)) => answer(terminal, &text),
        Err(Failure::Stopped { code, message }) if message.is_empty() => code,
        Err(Failure::Stopped { code, message }) => tell(terminal, &message, code),
    }
}

fn settle(terminal: &mut Terminal<'_>, outcome: Result<String, Failure>) -> i32 {
    match outcome {
        Ok(text) => answer(terminal, &text),
        Err(failure) => finish(terminal, Err(failure)),
    }
}

fn answer(terminal: &mut Terminal<'_>, text: &str) -> i32 {
    match writeln!(terminal.output, "{}", text.trim_end()).and_then(|()| terminal.output.flush()) {
        Ok(()) => 0,
        Err(_) => 1,
    }
}

fn tell(terminal: &mut Terminal<'_>, text: &str, code: i32) -> i32 {
    // There is nowhere left to complain to when standard error is gone.
    let _best_effort = writeln!(terminal.errors, "{}", text.trim_end());
    code
}
