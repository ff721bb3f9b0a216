//! Commands about this program itself.
use crate::call::Call;
use crate::completion::{self, Shell};
use crate::declare::{ANY, Command, Shared};
use crate::failure::Failure;

pub(super) const COMMANDS: &[Command] = &[
    Command {
        name: "completion",
        args: "bash|zsh|fish",
        arity: (1, 1),
        summary: "Print a shell's completion script",
        details: "Prints the script that completes commands and flags. For bash:\n\n$ completion bash > /etc/bash_completion.d/keywright\n\nThe flag -autocomplete-install before any command adds it to your shells' start files.",
        shared: Shared::Nothing,
        flags: &[],
        run: completion,
    },
    Command {
        name: "server",
        args: "",
        arity: (0, ANY),
        summary: "Start a server",
        details: "Starts a server from configuration files, or one for development that keeps everything in memory:\n\n$ server -config=/etc/keywright/server.hcl\n$ server -dev",
        shared: Shared::Nothing,
        flags: &[],
        run: server,
    },
    Command {
        name: "version",
        args: "",
        arity: (0, 0),
        summary: "Print the version of this program",
        details: "Prints the version of this program; `status` prints the server's.",
        shared: Shared::Nothing,
        flags: &[],
        run: version,
    },
];

pub(super) const PRINT: &[Command] = &[Command {
    name: "print token",
    args: "",
    arity: (0, 0),
    summary: "Print the token in use",
    details: "Prints the token that other commands would use: from the environment, else from the token helper.",
    shared: Shared::Http,
    flags: &[],
    run: print_token,
}];

fn completion(call: &mut Call) -> Result<i32, Failure> {
    let shell = Shell::parse(call.arg(0));
    let shell = shell.ok_or_else(|| Failure::local("The shell must be bash, zsh or fish."))?;
    let script = completion::script(shell, call.brand);
    call.write(&script).map(|()| 0)
}

fn server(_call: &mut Call) -> Result<i32, Failure> {
    Err(Failure::local("This program was built without the server."))
}

fn version(call: &mut Call) -> Result<i32, Failure> {
    call.say(call.brand.version_line()).map(|()| 0)
}

fn print_token(call: &mut Call) -> Result<i32, Failure> {
    let session = call.session()?;
    let token = session.token().map(|t| t.expose().as_str()).unwrap_or_default();
    call.say(token).map(|()| 0)
}
