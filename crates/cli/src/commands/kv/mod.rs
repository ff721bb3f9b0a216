//! The key-value engine, both versions.
mod locate;
mod metadata;
mod read;
mod versions;
mod write;

use crate::declare::{ANY, Command, Flag, Kind, Shared};

const MOUNT: Flag =
    Flag::new("mount", Kind::Text, "Path of the mount. Without it the first argument begins with the mount's path.");
const VERSION: Flag = Flag::new("version", Kind::Int, "The version.");
const VERSIONS: Flag = Flag::new("versions", Kind::List, "The versions, separated by commas.");
const CAS: Flag = Flag::new("cas", Kind::Int, "Write only if this is the newest version; 0: only if there is none.");
const METHOD: Flag = Flag::new(
    "method",
    Kind::Text,
    "How to patch: patch (HTTP PATCH), or rw (read, then write with the check -cas). The default tries patch, then rw.",
);
const REMOVE_DATA: Flag = Flag::new("remove-data", Kind::List, "A key to take out of the secret.");
const CUSTOM_METADATA: Flag = Flag::new("custom-metadata", Kind::Pairs, "What to note beside the secret.");
const REMOVE_CUSTOM: Flag = Flag::new("remove-custom-metadata", Kind::List, "A note to take away.");
const CAS_REQUIRED: Flag = Flag::new("cas-required", Kind::Bool, "Refuse writes without -cas.");
const DELETE_AFTER: Flag =
    Flag::new("delete-version-after", Kind::Duration, "Delete each version this long after it was written.");
const MAX_VERSIONS: Flag = Flag::new("max-versions", Kind::Int, "How many versions to keep.");

pub(super) const COMMANDS: &[Command] = &[
    Command {
        name: "kv get",
        args: "KEY",
        arity: (1, 1),
        summary: "Read a secret",
        details: "Reads a secret: the newest version, or the one named.\n\n$ kv get -mount=secret app/database\n$ kv get -field=password secret/app/database",
        shared: Shared::HttpField,
        flags: &[MOUNT, VERSION],
        run: read::get,
    },
    Command {
        name: "kv put",
        args: "KEY [DATA]",
        arity: (1, ANY),
        summary: "Write a secret",
        details: "Writes a secret in place of what is there. Data is key=value, key=@file, key=- (standard input), @file or - (a JSON object).\n\n$ kv put -mount=secret app/database user=app password=-",
        shared: Shared::HttpField,
        flags: &[MOUNT, CAS],
        run: write::put,
    },
    Command {
        name: "kv patch",
        args: "KEY [DATA]",
        arity: (1, ANY),
        summary: "Change some keys of a secret",
        details: "Writes the keys that are named and keeps the others.\n\n$ kv patch -mount=secret app/database password=-",
        shared: Shared::HttpField,
        flags: &[MOUNT, CAS, METHOD, REMOVE_DATA],
        run: write::patch,
    },
    Command {
        name: "kv delete",
        args: "PATH",
        arity: (1, 1),
        summary: "Delete versions of a secret",
        details: "Deletes the newest version, or those named; they can be undeleted. In version 1 of the engine the secret is gone.\n\n$ kv delete -mount=secret -versions=1,2 app/database",
        shared: Shared::HttpField,
        flags: &[MOUNT, VERSIONS],
        run: versions::delete,
    },
    Command {
        name: "kv undelete",
        args: "KEY",
        arity: (1, 1),
        summary: "Bring deleted versions back",
        details: "Brings deleted versions back.\n\n$ kv undelete -mount=secret -versions=3 app/database",
        shared: Shared::HttpFormat,
        flags: &[MOUNT, VERSIONS],
        run: versions::undelete,
    },
    Command {
        name: "kv destroy",
        args: "KEY",
        arity: (1, 1),
        summary: "Remove versions for good",
        details: "Removes the data of versions for good.\n\n$ kv destroy -mount=secret -versions=1 app/database",
        shared: Shared::HttpFormat,
        flags: &[MOUNT, VERSIONS],
        run: versions::destroy,
    },
    Command {
        name: "kv rollback",
        args: "KEY",
        arity: (1, 1),
        summary: "Make an older version the newest",
        details: "Writes an older version again as the newest.\n\n$ kv rollback -mount=secret -version=2 app/database",
        shared: Shared::HttpFormat,
        flags: &[MOUNT, VERSION],
        run: versions::rollback,
    },
    Command {
        name: "kv list",
        args: "PATH",
        arity: (0, 1),
        summary: "List the names of secrets",
        details: "Lists the names below a path.\n\n$ kv list -mount=secret app/",
        shared: Shared::HttpFormat,
        flags: &[MOUNT],
        run: read::list,
    },
    Command {
        name: "kv scan",
        args: "PATH",
        arity: (0, 1),
        summary: "List the names of secrets with all that is below",
        details: "Lists the names below a path, and below those, to the end.\n\n$ kv scan -mount=secret app/",
        shared: Shared::HttpFormat,
        flags: &[MOUNT],
        run: read::scan,
    },
    Command {
        name: "kv enable-versioning",
        args: "KEY",
        arity: (1, 1),
        summary: "Turn a mount of version 1 into version 2",
        details: "Turns a mount of version 1 into version 2. There is no way back.\n\n$ kv enable-versioning secret",
        shared: Shared::HttpFormat,
        flags: &[],
        run: metadata::enable_versioning,
    },
];

pub(super) const METADATA: &[Command] = &[
    Command {
        name: "kv metadata get",
        args: "KEY",
        arity: (1, 1),
        summary: "Show a secret's versions and settings",
        details: "Shows a secret's settings, notes and versions.\n\n$ kv metadata get -mount=secret app/database",
        shared: Shared::HttpFormat,
        flags: &[MOUNT],
        run: metadata::get,
    },
    Command {
        name: "kv metadata put",
        args: "KEY",
        arity: (1, 1),
        summary: "Set a secret's settings",
        details: "Sets a secret's settings and notes, before or after it has its first version.\n\n$ kv metadata put -mount=secret -max-versions=5 -custom-metadata=owner=payments app/database",
        shared: Shared::HttpFormat,
        flags: &[MOUNT, CUSTOM_METADATA, MAX_VERSIONS, CAS_REQUIRED, DELETE_AFTER],
        run: metadata::put,
    },
    Command {
        name: "kv metadata patch",
        args: "KEY",
        arity: (1, 1),
        summary: "Change some of a secret's settings",
        details: "Changes the settings and notes that are named and keeps the others.\n\n$ kv metadata patch -mount=secret -remove-custom-metadata=owner app/database",
        shared: Shared::HttpFormat,
        flags: &[MOUNT, CUSTOM_METADATA, REMOVE_CUSTOM, MAX_VERSIONS, CAS_REQUIRED, DELETE_AFTER],
        run: metadata::patch,
    },
    Command {
        name: "kv metadata delete",
        args: "PATH",
        arity: (1, 1),
        summary: "Remove a secret with all its versions",
        details: "Removes a secret with all its versions, for good.\n\n$ kv metadata delete -mount=secret app/database",
        shared: Shared::Http,
        flags: &[MOUNT],
        run: metadata::delete,
    },
];
