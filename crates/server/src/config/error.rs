//! What is wrong, or worth saying, about a configuration.
use std::fmt;

/// A configuration that cannot be used. The text says what to do, and quotes no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    pub file: String,
    /// From 1; 0 where the file as a whole is meant.
    pub line: u32,
    pub text: String,
}

/// Something worth saying about a configuration that is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    pub level: Level,
    pub file: String,
    /// From 1.
    pub line: u32,
    pub text: String,
}

/// How loud to say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// A key of Vault's that has no meaning here.
    Debug,
    /// Something is done in another way than the key says.
    Info,
    /// A key that is not known, or whose effect somebody will miss.
    Warn,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        place(f, &self.file, self.line, &self.text)
    }
}

impl std::error::Error for ConfigError {}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        place(f, &self.file, self.line, &self.text)
    }
}

fn place(f: &mut fmt::Formatter<'_>, file: &str, line: u32, text: &str) -> fmt::Result {
    match line {
        0 => write!(f, "{file}: {text}"),
        line => write!(f, "{file}:{line}: {text}"),
    }
}
