//! Tokens.
mod create;
mod existing;

use crate::declare::{Command, Flag, Kind, Shared};

const ACCESSOR: Flag = Flag::new("accessor", Kind::Bool, "The argument is an accessor, not a token.");
const INCREMENT: Flag =
    Flag::new("increment", Kind::Duration, "How long the token should live from now on.").aliases(&["i"]);
const SELF: Flag = Flag::new("self", Kind::Bool, "Revoke the token in use.");
const MODE: Flag = Flag::new(
    "mode",
    Kind::Text,
    "What to revoke: orphan (this token, not its children) or path (all tokens that the path made). By default, the token and its children.",
);
const POLICY: Flag = Flag::new("policy", Kind::List, "A policy of the token; may be given more than once.");
const TTL: Flag = Flag::new("ttl", Kind::Duration, "How long the token lives at first.");
const EXPLICIT_MAX_TTL: Flag =
    Flag::new("explicit-max-ttl", Kind::Duration, "How long the token lives at most, whatever its renewals.");
const PERIOD: Flag =
    Flag::new("period", Kind::Duration, "Make the token live this long after each renewal, without an end.");
const RENEWABLE: Flag = Flag::new("renewable", Kind::Bool, "Whether the token can be renewed.").default("true");
const ORPHAN: Flag = Flag::new("orphan", Kind::Bool, "Make a token without a parent.");
const NO_DEFAULT_POLICY: Flag = Flag::new("no-default-policy", Kind::Bool, "Leave the default policy out.");
const USE_LIMIT: Flag = Flag::new("use-limit", Kind::Int, "How often the token can be used.");
const DISPLAY_NAME: Flag = Flag::new("display-name", Kind::Text, "Name to show in logs.");
const METADATA: Flag = Flag::new("metadata", Kind::Pairs, "What to note in the token; shows in the audit log.");
const ROLE: Flag = Flag::new("role", Kind::Text, "Token role to make the token with.");
const TYPE: Flag = Flag::new("type", Kind::Text, "service or batch.").default("service");
const ID: Flag = Flag::new("id", Kind::Text, "The token's own text; needs sudo.");
const ENTITY_ALIAS: Flag = Flag::new("entity-alias", Kind::Text, "Entity alias to bind the token to; needs -role.");

pub(super) const COMMANDS: &[Command] = &[
    Command {
        name: "token create",
        args: "",
        arity: (0, 0),
        summary: "Make a token",
        details: "Makes a token as a child of the one in use.\n\n$ token create -policy=app -ttl=1h\n$ token create -field=token -orphan -period=24h",
        shared: Shared::HttpField,
        flags: &[
            POLICY,
            TTL,
            EXPLICIT_MAX_TTL,
            PERIOD,
            RENEWABLE,
            ORPHAN,
            NO_DEFAULT_POLICY,
            USE_LIMIT,
            DISPLAY_NAME,
            METADATA,
            ROLE,
            TYPE,
            ID,
            ENTITY_ALIAS,
        ],
        run: create::create,
    },
    Command {
        name: "token lookup",
        args: "[TOKEN | ACCESSOR]",
        arity: (0, 1),
        summary: "Show what a token is",
        details: "Shows what a token is: the one in use, or the one given; - reads it from standard input.\n\n$ token lookup\n$ token lookup -accessor 9793c9b3-...",
        shared: Shared::HttpField,
        flags: &[ACCESSOR],
        run: existing::lookup,
    },
    Command {
        name: "token renew",
        args: "[TOKEN]",
        arity: (0, 1),
        summary: "Renew a token",
        details: "Renews a token: the one in use, or the one given.\n\n$ token renew -increment=30m",
        shared: Shared::HttpFormat,
        flags: &[ACCESSOR, INCREMENT],
        run: existing::renew,
    },
    Command {
        name: "token revoke",
        args: "[TOKEN | ACCESSOR]",
        arity: (0, 1),
        summary: "Revoke a token",
        details: "Revokes a token and its children, with all their leases.\n\n$ token revoke -self\n$ token revoke -accessor 9793c9b3-...",
        shared: Shared::Http,
        flags: &[ACCESSOR, SELF, MODE],
        run: existing::revoke,
    },
    Command {
        name: "token capabilities",
        args: "[TOKEN] PATH",
        arity: (1, 2),
        summary: "Show what a token may do on a path",
        details: "Shows what the token in use, or the one given, may do on a path.\n\n$ token capabilities secret/data/app",
        shared: Shared::HttpFormat,
        flags: &[ACCESSOR],
        run: existing::capabilities,
    },
];
