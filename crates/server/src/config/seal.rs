//! What opens the store: `seal` blocks, as Vault's.
use super::section::Section;
use super::{ConfigError, Notice, keys};
use kw_types::Secret;
use std::collections::BTreeMap;

/// One `seal "KIND" { }` block. Of Shamir's, which has nothing to set, there is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealStanza {
    pub kind: SealKind,
    /// Unique among all; the kind where none is set.
    pub name: String,
    /// The lowest is tried first.
    pub priority: u32,
    /// Only left to move away from.
    pub disabled: bool,
    /// The keys of its kind, as written: any of them may be a secret.
    pub settings: BTreeMap<&'static str, Secret<String>>,
    pub file: String,
    pub line: u32,
}

/// The kinds that open by themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SealKind {
    Pkcs11,
    Static,
    Transit,
}

impl SealKind {
    const WORDS: [(&'static str, Self); 3] =
        [("pkcs11", Self::Pkcs11), ("static", Self::Static), ("transit", Self::Transit)];

    /// The word in the configuration.
    pub fn word(self) -> &'static str {
        Self::WORDS.iter().find(|(_, kind)| *kind == self).map_or("", |(word, _)| word)
    }

    /// From that word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::WORDS.iter().find(|(name, _)| *name == word).map(|(_, kind)| *kind)
    }

    fn keys(self) -> &'static [keys::Key] {
        match self {
            Self::Pkcs11 => keys::SEAL_PKCS11,
            Self::Static => keys::SEAL_STATIC,
            Self::Transit => keys::SEAL_TRANSIT,
        }
    }
}

impl SealStanza {
    /// One without settings, which the environment has all of.
    pub fn of_environment(kind: SealKind) -> Self {
        let (name, settings) = (kind.word().to_owned(), BTreeMap::new());
        Self { kind, name, priority: 1, disabled: false, settings, file: "the environment".to_owned(), line: 0 }
    }
}

/// Reads all blocks. Errors: kinds that there are not, names that occur twice.
pub(super) fn read(top: &Section<'_>, notices: &mut Vec<Notice>) -> Result<Vec<SealStanza>, ConfigError> {
    let mut stanzas: Vec<SealStanza> = Vec::new();
    for block in top.blocks("seal", 2)? {
        if block.label(0) == Some("shamir") {
            block.check_keys(keys::SEAL_SHAMIR, notices);
            continue;
        }
        let stanza = read_one(&block, notices)?;
        if stanzas.iter().any(|other| other.name == stanza.name) {
            let text = "two seals have the same name: give each one of its own, as in seal \"transit\" \"old\" { .. }; a seal keeps its name for life";
            return Err(block.wrong_here(text));
        }
        stanzas.push(stanza);
    }
    Ok(stanzas)
}

fn read_one(block: &Section<'_>, notices: &mut Vec<Notice>) -> Result<SealStanza, ConfigError> {
    let kind = block.label(0).and_then(SealKind::parse).ok_or_else(|| {
        block.wrong_here("this seal type is not supported: use \"shamir\", \"static\", \"transit\" or \"pkcs11\"")
    })?;
    block.check_keys(kind.keys(), notices);
    let name = match block.label(1) {
        Some(name) => name.to_owned(),
        None => block.string("name")?.unwrap_or_else(|| kind.word().to_owned()),
    };
    let priority = block.integer("priority")?.unwrap_or(1);
    let priority = u32::try_from(priority).ok().filter(|priority| *priority > 0);
    let priority = priority.ok_or_else(|| block.wrong("priority", "priority must be a number from 1 on"))?;
    let mut settings = BTreeMap::new();
    for key in kind.keys().iter().filter(|key| key.role == keys::Role::Used && !COMMON.contains(&key.name)) {
        if let Some(text) = block.text(key.name)? {
            settings.insert(key.name, Secret::new(text));
        }
    }
    let place = block.wrong_here("");
    let disabled = block.bool("disabled", false)?;
    Ok(SealStanza { kind, name, priority, disabled, settings, file: place.file, line: place.line })
}

/// The keys of every kind.
const COMMON: [&str; 3] = ["name", "priority", "disabled"];
