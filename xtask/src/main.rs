//! The chores of the project, as `cargo xtask CHORE`. `check` is all of them that can fail, in one command.
mod check;
mod conform;
mod dev_server;
mod machine;
mod release;
mod scaffold;
mod schema;
mod tidy;

use machine::Machine;
use std::process::ExitCode;

const HELP: &str = "\
cargo xtask check [FROM]            everything that must hold, fast feedback first; FROM is the step to begin with
cargo xtask tidy                    how the code must read: sizes, crate graph, words
cargo xtask schema [--check]        writes api/schema.json from the routes, or says that it is stale
cargo xtask conform [--update] [--only AREA,...] [--on SITE,...]
                                    the wire scenarios on all stores, against conformance/areas.toml
cargo xtask clients                 real client libraries against a development server
cargo xtask docs [FILE...]          runs the commands that the README and docs/ show
cargo xtask release                 target/release/keywright, optimised by what a server does under load
cargo xtask new secrets|auth NAME   a new engine or auth method that is green from the start";

/// What every chore ends with: the error says what to do.
type Outcome = Result<(), String>;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &[String]) -> Outcome {
    let machine = Machine::find()?;
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["check"] => check::all(&machine, None),
        ["check", from] => check::all(&machine, Some(from)),
        ["tidy"] => tidy::all(&machine.root),
        ["schema"] => schema::write(&machine),
        ["schema", "--check"] => schema::is_fresh(&machine),
        ["conform", flags @ ..] => conform::run(&machine, flags),
        ["nodes", arguments @ ..] => conform::nodes(&machine, arguments),
        ["clients"] => check::clients(&machine),
        ["docs", files @ ..] => check::docs(&machine, files),
        ["release"] => release::build(&machine),
        ["new", "secrets", name] => scaffold::secrets(&machine.root, name),
        ["new", "auth", name] => scaffold::auth(&machine.root, name),
        [] | ["help" | "-h" | "--help"] => {
            println!("{HELP}");
            Ok(())
        }
        other => Err(format!("there is no chore `{}`\n\n{HELP}", other.join(" "))),
    }
}
