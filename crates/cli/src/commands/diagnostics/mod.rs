//! Looking at a server from outside: status, log, a bundle for whoever helps; and logging in to hosts.
mod debug;
mod monitor;
mod ssh;
mod status;
mod versions;

use crate::declare::{ANY, Command, Flag, Kind, Shared};

pub(super) use status::show_seal_status;

const LOG_FORMAT: Flag = Flag::new("log-format", Kind::Text, "Form of the log: standard or json.");
const DURATION: Flag = Flag::new("duration", Kind::Duration, "How long to look.").default("2m");
const INTERVAL: Flag = Flag::new("interval", Kind::Duration, "Time between two looks at the status.").default("30s");
const METRICS_INTERVAL: Flag =
    Flag::new("metrics-interval", Kind::Duration, "Time between two looks at the metrics.").default("10s");
const OUTPUT: Flag = Flag::new("output", Kind::Text, "File to write, with .tar.gz added if it is missing.");
const TARGET: Flag = Flag::new(
    "target",
    Kind::List,
    "What to look at: config, host, metrics, replication-status, server-status. By default everything.",
);
const ROLE: Flag = Flag::new("role", Kind::Text, "Role to use.");
const MODE: Flag = Flag::new("mode", Kind::Text, "How to log in; otp is the one there is.").default("otp");
const MOUNT_POINT: Flag = Flag::new("mount-point", Kind::Text, "Where the SSH engine is mounted.").default("ssh/");
const NO_EXEC: Flag = Flag::new("no-exec", Kind::Bool, "Show the password and do not connect.");
const STRICT: Flag = Flag::new("strict-host-key-checking", Kind::Text, "ssh's option StrictHostKeyChecking.")
    .env("SSH_STRICT_HOST_KEY_CHECKING")
    .default("ask");
const KNOWN_HOSTS: Flag =
    Flag::new("user-known-hosts-file", Kind::Text, "ssh's option UserKnownHostsFile.").env("SSH_USER_KNOWN_HOSTS_FILE");
const EXECUTABLE: Flag =
    Flag::new("ssh-executable", Kind::Text, "The ssh program.").env("SSH_EXECUTABLE").default("ssh");

pub(super) const COMMANDS: &[Command] = &[
    Command {
        name: "status",
        args: "",
        arity: (0, 0),
        summary: "Print whether the server is sealed, and its state",
        details: "Prints the server's state. It answers whether or not the server is sealed.\n\nExit codes: 0 unsealed, 1 error, 2 sealed.",
        shared: Shared::HttpField,
        flags: &[],
        run: status::status,
    },
    Command {
        name: "version-history",
        args: "",
        arity: (0, 0),
        summary: "List the versions that the server has had",
        details: "Lists the versions of the server that have run on its data, and since when.",
        shared: Shared::HttpFormat,
        flags: &[],
        run: versions::version_history,
    },
    Command {
        name: "monitor",
        args: "",
        arity: (0, 0),
        summary: "Stream the server's log",
        details: "Streams the server's log until it is interrupted.\n\n$ monitor -log-level=debug",
        shared: Shared::Http,
        flags: &[LOG_FORMAT],
        run: monitor::monitor,
    },
    Command {
        name: "debug",
        args: "",
        arity: (0, 0),
        summary: "Collect what helps to find a fault",
        details: "Looks at status, metrics and configuration for a while and writes what it saw to a tar.gz file. It holds no secrets and no tokens.\n\n$ debug -duration=1m -interval=15s -output=keywright-debug.tar.gz",
        shared: Shared::Http,
        flags: &[DURATION, INTERVAL, METRICS_INTERVAL, OUTPUT, TARGET],
        run: debug::debug,
    },
    Command {
        name: "ssh",
        args: "USER@HOST [SSH OPTIONS]",
        arity: (1, ANY),
        summary: "Log in to a host with a one-time password",
        details: "Asks the SSH engine for a one-time password and logs in with it. With sshpass installed nothing has to be typed.\n\n$ ssh -role=ops root@10.0.0.5",
        shared: Shared::HttpField,
        flags: &[ROLE, MODE, MOUNT_POINT, NO_EXEC, STRICT, KNOWN_HOSTS, EXECUTABLE],
        run: ssh::ssh,
    },
];
