//! What is logged, and how.

/// The least important events that are logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogLevel {
    Trace,
    Debug,
    Info,
    Warn,
    Error,
}

/// The form of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Standard,
    /// One JSON object a line.
    Json,
}

impl LogLevel {
    /// The words of `log_level`, those of Vault included.
    pub(super) const WORDS: &'static [(&'static str, Self)] = &[
        ("trace", Self::Trace),
        ("debug", Self::Debug),
        ("info", Self::Info),
        ("notice", Self::Info),
        ("warn", Self::Warn),
        ("warning", Self::Warn),
        ("error", Self::Error),
        ("err", Self::Error),
    ];
}

impl LogFormat {
    /// The words of `log_format`.
    pub(super) const WORDS: &'static [(&'static str, Self)] = &[("standard", Self::Standard), ("json", Self::Json)];
}

impl LogLevel {
    /// The level of a word of [`LogLevel::WORDS`], in any case.
    pub fn parse(word: &str) -> Option<Self> {
        Self::WORDS.iter().find(|(w, _)| w.eq_ignore_ascii_case(word)).map(|(_, level)| *level)
    }
}

impl LogFormat {
    /// The format of a word of [`LogFormat::WORDS`].
    pub fn parse(word: &str) -> Option<Self> {
        Self::WORDS.iter().find(|(w, _)| w.eq_ignore_ascii_case(word)).map(|(_, format)| *format)
    }
}
