//! Commands about this program itself.
use crate::call::Call;
use crate::completion::{self, Shell};
use crate::declare::{ANY, Command, Flag, Kind, Shared};
use crate::failure::Failure;

// The server's own parser reads these; here they are declared for help, completion and documentation.
const CONFIG: Flag =
    Flag::new("config", Kind::List, "Configuration file, or a directory of them; may be given more than once.");
const DEV: Flag = Flag::new("dev", Kind::Bool, "Run for development: in memory, unsealed, without TLS.");
const DEV_TOKEN: Flag =
    Flag::new("dev-root-token-id", Kind::Text, "Root token for development.").env("DEV_ROOT_TOKEN_ID");
const DEV_LISTEN: Flag = Flag::new("dev-listen-address", Kind::Text, "Address to listen on for development.")
    .env("DEV_LISTEN_ADDRESS")
    .default("127.0.0.1:8200");
const DEV_TLS: Flag =
    Flag::new("dev-tls", Kind::Bool, "Speak TLS in development, with an authority and a certificate made for it.");
const DEV_TLS_DIR: Flag = Flag::new(
    "dev-tls-cert-dir",
    Kind::Text,
    "Directory for what -dev-tls makes; by default a temporary one, which goes with the server.",
);
const DEV_TLS_SAN: Flag = Flag::new(
    "dev-tls-san",
    Kind::List,
    "Further name or address for the certificate of -dev-tls; may be given more than once.",
);
const DEV_PERSIST: Flag = Flag::new("dev-persist", Kind::Text, "Directory to keep the development data in.");
const DEV_NO_STORE: Flag =
    Flag::new("dev-no-store-token", Kind::Bool, "Do not keep the development root token in the token helper.");
const DEV_NO_KV: Flag = Flag::new("dev-no-kv", Kind::Bool, "Do not mount a key-value engine for development.");
const SERVER_LOG_LEVEL: Flag =
    Flag::new("log-level", Kind::Text, "Level of the log: trace, debug, info, warn or error.").env("LOG_LEVEL");
const SERVER_LOG_FORMAT: Flag =
    Flag::new("log-format", Kind::Text, "Form of the log: standard or json.").env("LOG_FORMAT");
const SERVER_LOG_FILE: Flag =
    Flag::new("log-file", Kind::Text, "File to log to, in place of standard error.").env("LOG_FILE");

const THREADS: Flag = Flag::new("threads", Kind::Int, "Number of event loops; by default one for each processor.");

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
        flags: &[
            CONFIG,
            DEV,
            DEV_TOKEN,
            DEV_LISTEN,
            DEV_TLS,
            DEV_TLS_DIR,
            DEV_TLS_SAN,
            DEV_PERSIST,
            DEV_NO_STORE,
            DEV_NO_KV,
            THREADS,
            SERVER_LOG_LEVEL,
            SERVER_LOG_FORMAT,
            SERVER_LOG_FILE,
        ],
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
    shared: Shared::HttpFormat,
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
