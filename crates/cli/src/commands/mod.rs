//! The commands, a folder for each group.
mod access;
mod audit;
mod diagnostics;
mod kv;
mod lease;
mod login;
mod mounts;
mod operator;
mod policy;
mod shell;
mod token;

use crate::declare::Command;

/// Commands that begin with the same words.
pub(crate) struct Group {
    /// Those words; empty for the commands of one word.
    pub(crate) name: &'static str,
    /// What they are for.
    pub(crate) summary: &'static str,
    /// The commands.
    pub(crate) commands: &'static [&'static [Command]],
}

/// All there is. A command is found by its words, so the order only matters for documentation.
pub(crate) static GROUPS: &[Group] = &[
    Group {
        name: "",
        summary: "",
        commands: &[access::COMMANDS, login::COMMANDS, diagnostics::COMMANDS, shell::COMMANDS],
    },
    Group { name: "audit", summary: "Interact with audit devices", commands: &[audit::COMMANDS] },
    Group { name: "auth", summary: "Interact with auth methods", commands: &[mounts::AUTH] },
    Group { name: "kv", summary: "Interact with the key-value engine", commands: &[kv::COMMANDS] },
    Group {
        name: "kv metadata",
        summary: "Interact with the metadata of versioned secrets",
        commands: &[kv::METADATA],
    },
    Group { name: "lease", summary: "Interact with leases", commands: &[lease::COMMANDS] },
    Group {
        name: "operator",
        summary: "Perform operator-specific tasks",
        commands: &[operator::COMMANDS, operator::SEAL],
    },
    Group { name: "operator raft", summary: "Interact with the storage", commands: &[operator::RAFT] },
    Group { name: "operator raft snapshot", summary: "Save and restore snapshots", commands: &[operator::SNAPSHOT] },
    Group { name: "policy", summary: "Interact with policies", commands: &[policy::COMMANDS] },
    Group { name: "print", summary: "Print what is in use", commands: &[shell::PRINT] },
    Group { name: "secrets", summary: "Interact with secrets engines", commands: &[mounts::SECRETS] },
    Group { name: "token", summary: "Interact with tokens", commands: &[token::COMMANDS] },
];

/// Every command.
pub(crate) fn all() -> impl Iterator<Item = &'static Command> {
    GROUPS.iter().flat_map(|g| g.commands.iter().copied().flatten())
}

/// The command that the words begin with, and the words after it.
pub(crate) fn find(words: &[String]) -> Option<(&'static Command, &[String])> {
    let longest = all().filter(|c| begins(words, c.name)).max_by_key(|c| c.name.len())?;
    Some((longest, words.get(longest.name.split(' ').count()..).unwrap_or_default()))
}

/// The group that the words begin with.
pub(crate) fn group(words: &[String]) -> Option<&'static Group> {
    GROUPS.iter().filter(|g| !g.name.is_empty() && begins(words, g.name)).max_by_key(|g| g.name.len())
}

fn begins(words: &[String], name: &str) -> bool {
    let mut words = words.iter();
    name.split(' ').all(|part| words.next().is_some_and(|w| w == part))
}
