//! What operators do: keys, seals, storage.
mod drill;
mod generate_root;
mod init;
mod keys;
mod nodes;
mod otp;
mod rekey;
mod release;
mod seal;
mod snapshot;

use crate::call::Call;
use crate::declare::{ANY, Command, Flag, Kind, Shared};
use crate::failure::Failure;

const KEY_SHARES: Flag =
    Flag::new("key-shares", Kind::Int, "Number of key shares to make.").aliases(&["n"]).default("5");
const KEY_THRESHOLD: Flag =
    Flag::new("key-threshold", Kind::Int, "Number of shares that unseal the server.").aliases(&["t"]).default("3");
const PGP_KEYS: Flag = Flag::new(
    "pgp-keys",
    Kind::List,
    "Files with the PGP keys to encrypt the shares with, one for each, separated by commas.",
);
const ROOT_PGP_KEY: Flag =
    Flag::new("root-token-pgp-key", Kind::Text, "File with the PGP key to encrypt the root token with.");
const RECOVERY_SHARES: Flag =
    Flag::new("recovery-shares", Kind::Int, "Number of recovery shares, where the seal opens by itself.");
const RECOVERY_THRESHOLD: Flag =
    Flag::new("recovery-threshold", Kind::Int, "Number of shares that make a recovery key.");
const RECOVERY_PGP_KEYS: Flag = Flag::new("recovery-pgp-keys", Kind::List, "As -pgp-keys, for the recovery shares.");
const RECOVERY_OPENS: Flag = Flag::new(
    "recovery-opens-store",
    Kind::Bool,
    "Whether enough recovery shares open the store without the seal, for when its key service is lost.",
)
.default("true");
const STATUS: Flag = Flag::new("status", Kind::Bool, "Only show how things stand.");
const RESET: Flag = Flag::new("reset", Kind::Bool, "Forget the shares given so far.");
const MIGRATE: Flag =
    Flag::new("migrate", Kind::Bool, "The share is given to move the store to the seal of the server's configuration.");
const RECOVERY: Flag = Flag::new(
    "recovery",
    Kind::Bool,
    "The share is a recovery share, given to open the store since its seal does not.",
);
const INIT: Flag = Flag::new("init", Kind::Bool, "Begin.");
const CANCEL: Flag = Flag::new("cancel", Kind::Bool, "Give up and forget the shares given so far.");
const NONCE: Flag = Flag::new("nonce", Kind::Text, "The operation's nonce, as its beginning showed it.");
const VERIFY: Flag = Flag::new(
    "verify",
    Kind::Bool,
    "With -init: have the new shares proven before they count. Otherwise: give a new share as proof.",
);
const TARGET: Flag = Flag::new("target", Kind::Text, "Which key: barrier or recovery.").default("barrier");
const BACKUP: Flag = Flag::new("backup", Kind::Bool, "Keep the PGP-encrypted shares in the server.");
const BACKUP_RETRIEVE: Flag = Flag::new("backup-retrieve", Kind::Bool, "Show the shares that are kept.");
const BACKUP_DELETE: Flag = Flag::new("backup-delete", Kind::Bool, "Delete the shares that are kept.");
const DECODE: Flag =
    Flag::new("decode", Kind::Text, "The encoded token to decode; - reads it from standard input. Needs -otp.");
const GENERATE_OTP: Flag = Flag::new("generate-otp", Kind::Bool, "Print a one-time password for -init.");
const OTP: Flag = Flag::new("otp", Kind::Text, "The one-time password, with -init or -decode.");
const PGP_KEY: Flag = Flag::new("pgp-key", Kind::Text, "File with the PGP key to encrypt the new root token with.");
// The migration's own parser reads these; here they are declared for help, completion and documentation.
const MIGRATE_CONFIG: Flag =
    Flag::new("config", Kind::Text, "File with the blocks storage_source and storage_destination.");
const MIGRATE_START: Flag =
    Flag::new("start", Kind::Text, "Copy only rows with this key or a later one, in the order of bytes.");
const MIGRATE_RESET: Flag =
    Flag::new("reset", Kind::Bool, "Take the mark of a migration from the source, so that it can be served again.");
const MIGRATE_PARALLEL: Flag =
    Flag::new("max-parallel", Kind::Int, "How many pages are written at once.").default("10");
const MIGRATE_LOG_LEVEL: Flag =
    Flag::new("log-level", Kind::Text, "Level of the log: trace, debug, info, warn or error.").default("warn");
const FORCE: Flag = Flag::new("force", Kind::Bool, "Restore even where the seal's keys differ.").aliases(&["f"]);

pub(super) const COMMANDS: &[Command] = &[
    Command {
        name: "operator init",
        args: "",
        arity: (0, 0),
        summary: "Initialise a server",
        details: "Makes the root key, splits it into key shares, and prints them with the first root token. They are shown this once.\n\n$ operator init -key-shares=5 -key-threshold=3",
        shared: Shared::HttpFormat,
        flags: &[
            KEY_SHARES,
            KEY_THRESHOLD,
            PGP_KEYS,
            ROOT_PGP_KEY,
            RECOVERY_SHARES,
            RECOVERY_THRESHOLD,
            RECOVERY_PGP_KEYS,
            RECOVERY_OPENS,
            STATUS,
        ],
        run: init::init,
    },
    Command {
        name: "operator unseal",
        args: "[KEY]",
        arity: (0, 1),
        summary: "Give a share of the unseal key",
        details: "Gives one share. Without an argument it is asked for; - reads it from standard input. A server that is opened by its seal needs no share: it is asked to try again.\n\n$ operator unseal\n$ operator unseal -migrate\n$ operator unseal -recovery",
        shared: Shared::HttpFormat,
        flags: &[RESET, MIGRATE, RECOVERY],
        run: seal::unseal,
    },
    Command {
        name: "operator seal",
        args: "",
        arity: (0, 0),
        summary: "Seal the server",
        details: "Makes the server forget its keys. It answers nothing until it is unsealed.",
        shared: Shared::Http,
        flags: &[],
        run: seal::seal,
    },
    Command {
        name: "operator step-down",
        args: "",
        arity: (0, 0),
        summary: "Make the active node step down",
        details: "Makes the active node give its place to another.",
        shared: Shared::Http,
        flags: &[],
        run: seal::step_down,
    },
    Command {
        name: "operator rekey",
        args: "[KEY]",
        arity: (0, 1),
        summary: "Make new unseal shares",
        details: "Makes new shares of the unseal key, or with -target=recovery of the recovery key, while the server runs. Begin with -init, then give shares until there are enough.\n\n$ operator rekey -init -key-shares=5 -key-threshold=3\n$ operator rekey -nonce=...",
        shared: Shared::HttpFormat,
        flags: &[
            INIT,
            CANCEL,
            STATUS,
            VERIFY,
            NONCE,
            KEY_SHARES,
            KEY_THRESHOLD,
            PGP_KEYS,
            TARGET,
            BACKUP,
            BACKUP_RETRIEVE,
            BACKUP_DELETE,
        ],
        run: rekey::rekey,
    },
    Command {
        name: "operator generate-root",
        args: "[KEY]",
        arity: (0, 1),
        summary: "Make a new root token from key shares",
        details: "Makes a root token. Begin with -init, give shares until there are enough, decode the result.\n\n$ operator generate-root -init\n$ operator generate-root -nonce=...\n$ operator generate-root -decode=... -otp=...",
        shared: Shared::HttpFormat,
        flags: &[INIT, CANCEL, STATUS, NONCE, DECODE, GENERATE_OTP, OTP, PGP_KEY],
        run: generate_root::generate_root,
    },
    Command {
        name: "operator rotate",
        args: "",
        arity: (0, 0),
        summary: "Rotate the encryption key",
        details: "Adds a new encryption key, which is used from now on. Old data stays readable.",
        shared: Shared::HttpFormat,
        flags: &[],
        run: keys::rotate,
    },
    Command {
        name: "operator key-status",
        args: "",
        arity: (0, 0),
        summary: "Show the encryption key in use",
        details: "Shows the term and age of the encryption key in use.",
        shared: Shared::HttpFormat,
        flags: &[],
        run: keys::status,
    },
    Command {
        name: "operator migrate",
        args: "",
        arity: (0, ANY),
        summary: "Copy all data to another store",
        details: "Copies all rows, encrypted as they are, from one store to another, compares both and marks the old one as moved. No server may run on either. A run that was interrupted is started again and goes on where it was.\n\n$ operator migrate -config=migrate.hcl\n\nmigrate.hcl:\n\n  storage_source \"embedded\" { path = \"/var/lib/keywright\" }\n  storage_destination \"postgresql\" { connection_url = \"postgres://...\" }",
        shared: Shared::Nothing,
        flags: &[MIGRATE_CONFIG, MIGRATE_START, MIGRATE_RESET, MIGRATE_PARALLEL, MIGRATE_LOG_LEVEL],
        run: migrate,
    },
    Command {
        name: "operator release",
        args: "",
        arity: (0, 0),
        summary: "Let a restored copy revoke what it holds",
        details: "A server whose data was restored from a snapshot revokes no lease of before, since the original may still be serving. This tells it that it takes the original's place. With -status it only shows how many leases wait.\n\n$ operator release -status\n$ operator release",
        shared: Shared::HttpFormat,
        flags: &[STATUS],
        run: release::release,
    },
    Command {
        name: "operator members",
        args: "",
        arity: (0, 0),
        summary: "List the nodes",
        details: "Lists the nodes of the cluster.",
        shared: Shared::HttpFormat,
        flags: &[],
        run: nodes::members,
    },
];

pub(super) const SEAL: &[Command] = &[
    Command {
        name: "operator seal drill",
        args: "[KEY]",
        arity: (0, 1),
        summary: "Prove that key shares open the store",
        details: "Tries out recovery shares (unseal shares, where the server is opened by them), one after the other, on an open server. The last one needed shows whether they open the store. Nothing is changed or opened.\n\n$ operator seal drill\n$ operator seal drill -status",
        shared: Shared::HttpFormat,
        flags: &[STATUS, CANCEL],
        run: drill::drill,
    },
    Command {
        name: "operator seal backends",
        args: "",
        arity: (0, 0),
        summary: "Show how the seals are doing",
        details: "Shows for each seal of the configuration whether it works, and whether it would open the store.",
        shared: Shared::HttpFormat,
        flags: &[],
        run: drill::backends,
    },
    Command {
        name: "operator seal accept-rollback",
        args: "MARK",
        arity: (1, 1),
        summary: "Let a store be opened that was put back to an older state",
        details: "Changes the file that the server's rollback_mark names, on the server's machine: the next time the store is opened, it may be older than this node has seen it. Needs no server.\n\n$ operator seal accept-rollback /etc/keywright/mark.json",
        shared: Shared::Nothing,
        flags: &[],
        run: drill::accept_rollback,
    },
];

pub(super) const RAFT: &[Command] = &[Command {
    name: "operator raft list-peers",
    args: "",
    arity: (0, 0),
    summary: "List the nodes of the storage",
    details: "Lists the nodes of the storage.",
    shared: Shared::HttpFormat,
    flags: &[],
    run: nodes::list_peers,
}];

pub(super) const SNAPSHOT: &[Command] = &[
    Command {
        name: "operator raft snapshot save",
        args: "FILE",
        arity: (1, 1),
        summary: "Save a snapshot to a file",
        details: "Saves a snapshot of all data, encrypted as it is stored. An existing file is kept unless the snapshot is complete.\n\n$ operator raft snapshot save backup.snap",
        shared: Shared::HttpFormat,
        flags: &[],
        run: snapshot::save,
    },
    Command {
        name: "operator raft snapshot restore",
        args: "FILE",
        arity: (1, 1),
        summary: "Restore a snapshot from a file",
        details: "Puts a snapshot in place of all data.\n\n$ operator raft snapshot restore backup.snap",
        shared: Shared::HttpFormat,
        flags: &[FORCE],
        run: snapshot::restore,
    },
];

/// The binary runs it before it comes here, since it links all stores and this crate none.
fn migrate(_call: &mut Call) -> Result<i32, Failure> {
    Err(Failure::local("This program was built without the server."))
}
