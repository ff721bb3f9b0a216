//! Secrets engines and auth methods: two groups of commands with one meaning.
mod change;
mod listing;
mod tune;

use crate::declare::{ANY, Command, Flag, Kind, Shared};

/// Which of the two tables of mounts a command is about.
#[derive(Clone, Copy)]
struct Table {
    /// The API's prefix.
    api: &'static str,
    /// In sentences.
    noun: &'static str,
    /// What the server puts before the path when it moves one.
    prefix: &'static str,
}

const ENGINES: Table = Table { api: "sys/mounts", noun: "secrets engine", prefix: "" };
const METHODS: Table = Table { api: "sys/auth", noun: "auth method", prefix: "auth/" };

const DETAILED: Flag = Flag::new("detailed", Kind::Bool, "Show everything about each mount.");
const DESCRIPTION: Flag = Flag::new("description", Kind::Text, "What the mount is for.");
const PATH: Flag = Flag::new("path", Kind::Text, "Where to mount it, if not under the name of its type.");
const DEFAULT_TTL: Flag =
    Flag::new("default-lease-ttl", Kind::Duration, "How long leases last by default; -1 for the server's own default.");
const MAX_TTL: Flag =
    Flag::new("max-lease-ttl", Kind::Duration, "How long leases last at most; -1 for the server's own maximum.");
const AUDIT_REQUEST: Flag =
    Flag::new("audit-non-hmac-request-keys", Kind::List, "A request field that the audit log shows in plain text.");
const AUDIT_RESPONSE: Flag =
    Flag::new("audit-non-hmac-response-keys", Kind::List, "An answer's field that the audit log shows in plain text.");
const VISIBILITY: Flag =
    Flag::new("listing-visibility", Kind::Text, "Whether the mount is listed without a token: unauth or hidden.");
const PASS_REQUEST: Flag =
    Flag::new("passthrough-request-headers", Kind::List, "A request header that the engine gets to see.");
const PASS_RESPONSE: Flag =
    Flag::new("allowed-response-headers", Kind::List, "A header that the engine may set in answers.");
const OPTIONS: Flag = Flag::new("options", Kind::Pairs, "An option of the mount.");
const VERSION: Flag = Flag::new("version", Kind::Int, "Version of the engine, for engines that have several.");
const LOCAL: Flag = Flag::new("local", Kind::Bool, "Keep the mount to this cluster.");
const SEAL_WRAP: Flag = Flag::new("seal-wrap", Kind::Bool, "Wrap critical values with the seal besides.");
const ENTROPY: Flag =
    Flag::new("external-entropy-access", Kind::Bool, "Let the mount use the server's external source of randomness.");
const NO_CACHE: Flag =
    Flag::new("force-no-cache", Kind::Bool, "Let the server keep nothing of this mount in its cache.");
const PLUGIN_NAME: Flag = Flag::new("plugin-name", Kind::Text, "Name of the plugin in the server's catalogue.");
const PLUGIN_VERSION: Flag = Flag::new("plugin-version", Kind::Text, "Version of the plugin.");
const TOKEN_TYPE: Flag =
    Flag::new("token-type", Kind::Text, "Type of the tokens: default-service, default-batch, service or batch.");
const LOCKOUT_THRESHOLD: Flag =
    Flag::new("user-lockout-threshold", Kind::Int, "Failed logins after which a user is locked out.");
const LOCKOUT_DURATION: Flag = Flag::new("user-lockout-duration", Kind::Duration, "How long a user is locked out.");
const LOCKOUT_RESET: Flag =
    Flag::new("user-lockout-counter-reset-duration", Kind::Duration, "After how long failed logins are forgotten.");
const LOCKOUT_DISABLE: Flag = Flag::new("user-lockout-disable", Kind::Bool, "Lock nobody out.");

pub(super) const SECRETS: &[Command] = &[
    Command {
        name: "secrets list",
        args: "",
        arity: (0, 0),
        summary: "List the secrets engines",
        details: "Lists the mounted secrets engines.\n\n$ secrets list -detailed",
        shared: Shared::HttpFormat,
        flags: &[DETAILED],
        run: |call| listing::list(call, ENGINES),
    },
    Command {
        name: "secrets enable",
        args: "TYPE",
        arity: (1, ANY),
        summary: "Mount a secrets engine",
        details: "Mounts a secrets engine.\n\n$ secrets enable -path=app kv-v2\n$ secrets enable -max-lease-ttl=30m database",
        shared: Shared::Http,
        flags: &[
            PATH,
            DESCRIPTION,
            DEFAULT_TTL,
            MAX_TTL,
            AUDIT_REQUEST,
            AUDIT_RESPONSE,
            VISIBILITY,
            PASS_REQUEST,
            PASS_RESPONSE,
            NO_CACHE,
            PLUGIN_NAME,
            PLUGIN_VERSION,
            OPTIONS,
            VERSION,
            LOCAL,
            SEAL_WRAP,
            ENTROPY,
        ],
        run: |call| change::enable(call, ENGINES),
    },
    Command {
        name: "secrets disable",
        args: "PATH",
        arity: (1, 1),
        summary: "Unmount a secrets engine with all its data",
        details: "Unmounts a secrets engine. Its leases are revoked and its data is deleted.\n\n$ secrets disable app/",
        shared: Shared::Http,
        flags: &[],
        run: |call| change::disable(call, ENGINES),
    },
    Command {
        name: "secrets move",
        args: "SOURCE DESTINATION",
        arity: (2, 2),
        summary: "Move a secrets engine to another path",
        details: "Moves a secrets engine with its data to another path. Its leases are revoked.\n\n$ secrets move app/ services/app/",
        shared: Shared::Http,
        flags: &[],
        run: |call| change::move_mount(call, ENGINES),
    },
    Command {
        name: "secrets tune",
        args: "PATH",
        arity: (1, 1),
        summary: "Change a secrets engine's settings",
        details: "Changes a mount's settings; what is not named stays.\n\n$ secrets tune -default-lease-ttl=18h database/",
        shared: Shared::Http,
        flags: &[
            DESCRIPTION,
            DEFAULT_TTL,
            MAX_TTL,
            AUDIT_REQUEST,
            AUDIT_RESPONSE,
            VISIBILITY,
            PASS_REQUEST,
            PASS_RESPONSE,
            PLUGIN_VERSION,
            OPTIONS,
            VERSION,
        ],
        run: |call| tune::tune(call, ENGINES),
    },
];

pub(super) const AUTH: &[Command] = &[
    Command {
        name: "auth list",
        args: "",
        arity: (0, 0),
        summary: "List the auth methods",
        details: "Lists the mounted auth methods.\n\n$ auth list -detailed",
        shared: Shared::HttpFormat,
        flags: &[DETAILED],
        run: |call| listing::list(call, METHODS),
    },
    Command {
        name: "auth enable",
        args: "TYPE",
        arity: (1, ANY),
        summary: "Mount an auth method",
        details: "Mounts an auth method.\n\n$ auth enable userpass\n$ auth enable -path=ci jwt",
        shared: Shared::Http,
        flags: &[
            PATH,
            DESCRIPTION,
            DEFAULT_TTL,
            MAX_TTL,
            AUDIT_REQUEST,
            AUDIT_RESPONSE,
            VISIBILITY,
            PASS_REQUEST,
            PASS_RESPONSE,
            PLUGIN_NAME,
            PLUGIN_VERSION,
            OPTIONS,
            VERSION,
            LOCAL,
            SEAL_WRAP,
            ENTROPY,
            TOKEN_TYPE,
        ],
        run: |call| change::enable(call, METHODS),
    },
    Command {
        name: "auth disable",
        args: "PATH",
        arity: (1, 1),
        summary: "Unmount an auth method with all its data",
        details: "Unmounts an auth method. The tokens that it made are revoked.\n\n$ auth disable userpass/",
        shared: Shared::Http,
        flags: &[],
        run: |call| change::disable(call, METHODS),
    },
    Command {
        name: "auth move",
        args: "SOURCE DESTINATION",
        arity: (2, 2),
        summary: "Move an auth method to another path",
        details: "Moves an auth method with its data to another path. The tokens that it made are revoked.\n\n$ auth move ci/ pipelines/",
        shared: Shared::Http,
        flags: &[],
        run: |call| change::move_mount(call, METHODS),
    },
    Command {
        name: "auth tune",
        args: "PATH",
        arity: (1, 1),
        summary: "Change an auth method's settings",
        details: "Changes a mount's settings; what is not named stays.\n\n$ auth tune -user-lockout-threshold=10 userpass/",
        shared: Shared::Http,
        flags: &[
            DESCRIPTION,
            DEFAULT_TTL,
            MAX_TTL,
            AUDIT_REQUEST,
            AUDIT_RESPONSE,
            VISIBILITY,
            PASS_REQUEST,
            PASS_RESPONSE,
            PLUGIN_VERSION,
            OPTIONS,
            VERSION,
            TOKEN_TYPE,
            LOCKOUT_THRESHOLD,
            LOCKOUT_DURATION,
            LOCKOUT_RESET,
            LOCKOUT_DISABLE,
        ],
        run: |call| tune::tune(call, METHODS),
    },
    Command {
        name: "auth help",
        args: "TYPE | PATH",
        arity: (1, 1),
        summary: "Show how to log in with an auth method",
        details: "Shows how to log in with a kind of auth method, or with the one that is mounted at a path.\n\n$ auth help userpass",
        shared: Shared::Http,
        flags: &[],
        run: change::help,
    },
];
