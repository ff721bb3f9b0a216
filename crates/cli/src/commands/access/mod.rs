//! Reading and writing any path of the API.
mod look;
mod unwrap;
mod write;

use crate::declare::{ANY, Command, Flag, Kind, Shared};

const FORCE: Flag =
    Flag::new("force", Kind::Bool, "Write even without data, for paths that need none.").aliases(&["f"]);
const AFTER: Flag = Flag::new("after", Kind::Text, "List what comes after this key, where the path can do that.");
const LIMIT: Flag = Flag::new("limit", Kind::Int, "List no more than this many keys, where the path can do that.");

pub(super) const COMMANDS: &[Command] = &[
    Command {
        name: "read",
        args: "PATH [K=V...]",
        arity: (1, ANY),
        summary: "Read data and retrieve secrets",
        details: "Reads a path. Data after the path goes into the query.\n\n$ read database/creds/reader\n$ read -field=certificate pki/cert/ca",
        shared: Shared::HttpField,
        flags: &[],
        run: look::read,
    },
    Command {
        name: "write",
        args: "PATH [DATA K=V...]",
        arity: (1, ANY),
        summary: "Write data, configuration and secrets",
        details: "Writes to a path. Data is key=value, key=@file, key=- (standard input), @file or - (a JSON object).\n\n$ write auth/approle/role/app policies=app ttl=1h\n$ write pki/issue/web @request.json",
        shared: Shared::HttpField,
        flags: &[FORCE],
        run: write::write,
    },
    Command {
        name: "patch",
        args: "PATH [DATA K=V...]",
        arity: (1, ANY),
        summary: "Change parts of data, configuration and secrets",
        details: "Sends a merge patch (RFC 7396) to a path: what is not named stays. Data is given as for write.\n\n$ patch pki/roles/web allow_any_name=true",
        shared: Shared::HttpField,
        flags: &[FORCE],
        run: write::patch,
    },
    Command {
        name: "delete",
        args: "PATH [K=V...]",
        arity: (1, ANY),
        summary: "Delete secrets and configuration",
        details: "Deletes a path. It succeeds where nothing was there.\n\n$ delete auth/approle/role/app",
        shared: Shared::HttpField,
        flags: &[],
        run: write::delete,
    },
    Command {
        name: "list",
        args: "PATH",
        arity: (1, 1),
        summary: "List data or secrets",
        details: "Lists the names below a path.\n\n$ list auth/approle/role",
        shared: Shared::HttpFormat,
        flags: &[AFTER, LIMIT],
        run: look::list,
    },
    Command {
        name: "scan",
        args: "PATH",
        arity: (1, 1),
        summary: "List data or secrets with all that is below",
        details: "Lists the names below a path, and below those, to the end.\n\n$ scan secret/metadata",
        shared: Shared::HttpFormat,
        flags: &[AFTER, LIMIT],
        run: look::scan,
    },
    Command {
        name: "path-help",
        args: "PATH",
        arity: (1, 1),
        summary: "Print the server's help for a path",
        details: "Prints what the server says about a path.\n\n$ path-help secret",
        shared: Shared::HttpFormat,
        flags: &[],
        run: look::path_help,
    },
    Command {
        name: "unwrap",
        args: "[TOKEN]",
        arity: (0, 1),
        summary: "Redeem a wrapping token",
        details: "Prints the answer that a wrapping token holds. That works once. Without a token, the one in use is redeemed; - reads it from standard input.\n\n$ unwrap s.wrapping",
        shared: Shared::HttpField,
        flags: &[],
        run: unwrap::unwrap,
    },
];
