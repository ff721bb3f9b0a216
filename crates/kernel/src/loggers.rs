//! How much each part of the server logs: shown and changed by `sys/loggers`, put in force by whoever owns the log.
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::OnceLock;
use tracing::Level;

/// Puts levels in force: `None` is all that is not named, else the beginning of a module's path.
pub type SetLevels = Box<dyn Fn(&[(Option<&'static str>, Level)]) + Send + Sync>;

/// The parts of the server by the names that operators know, with the modules whose lines they are.
const PARTS: [(&str, &str); 13] = [
    ("audit", "kw_kernel::audits"),
    ("auth", "kw_auth"),
    ("core", "kw_kernel"),
    ("expiration", "kw_kernel::lease"),
    ("http", "kw_http"),
    ("identity", "kw_kernel::identity"),
    ("outbound", "kw_outbound"),
    ("policy", "kw_kernel::policies"),
    ("secrets", "kw_secrets"),
    ("server", "kw_server"),
    ("storage", "kw_store"),
    ("system", "kw_kernel::sys"),
    ("token", "kw_kernel::token"),
];

/// The levels that were set since the server was started. They are this node's alone.
#[derive(Default)]
pub(crate) struct Loggers {
    control: OnceLock<(Level, SetLevels)>,
    set: Mutex<BTreeMap<&'static str, Level>>,
}

impl Loggers {
    /// Hands over the log, once. `level` is that of the configuration.
    pub fn steer(&self, level: Level, control: SetLevels) {
        if self.control.set((level, control)).is_err() {
            tracing::warn!("the log has an owner already");
        }
    }

    /// The level of each part, as words; `None` if nobody handed the log over.
    pub fn levels(&self) -> Option<BTreeMap<&'static str, String>> {
        let (usual, _) = self.control.get()?;
        let set = self.set.lock();
        let word = |part| set.get(part).unwrap_or(usual).to_string().to_lowercase();
        Some(PARTS.iter().map(|(part, _)| (*part, word(part))).collect())
    }

    /// Sets the level of one part or of all; `None` as level is that of the configuration. Gives whether there is such a part.
    pub fn set(&self, part: Option<&str>, level: Option<Level>) -> bool {
        let Some((usual, control)) = self.control.get() else { return false };
        let mut set = self.set.lock();
        let mut known = false;
        for (name, _) in PARTS.iter().filter(|(name, _)| part.is_none_or(|part| part == *name)) {
            known = true;
            match level {
                Some(level) => set.insert(name, level),
                None => set.remove(name),
            };
        }
        let of_parts = PARTS.iter().map(|(name, module)| (Some(*module), *set.get(name).unwrap_or(usual)));
        let all: Vec<_> = std::iter::once((None, *usual)).chain(of_parts).collect();
        control(&all);
        known
    }
}

/// Reads a level. Vault's `notice`, `warning` and `err` are taken too.
pub(crate) fn level(word: &str) -> Option<Level> {
    match word.to_ascii_lowercase().as_str() {
        "notice" => Some(Level::INFO),
        "warning" => Some(Level::WARN),
        "err" => Some(Level::ERROR),
        // Tracing's own reader takes digits too; nobody means those.
        word if word.bytes().all(|b| b.is_ascii_alphabetic()) => Level::from_str(word).ok(),
        _ => None,
    }
}
