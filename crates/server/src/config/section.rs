//! One block of the configuration (or the top level of all files), and its values by their types.
use super::keys::{Key, Role};
use super::source::Source;
use super::{ConfigError, Level, Notice};
use kw_hcl::{Body, Item, Value};
use kw_types::Ttl;
use std::path::PathBuf;

/// A set of keys with their places.
pub(super) struct Section<'a> {
    bodies: Vec<(&'a str, &'a Body)>,
    labels: Vec<&'a str>,
    line: u32,
}

impl<'a> Section<'a> {
    /// The top level of all files together.
    pub(super) fn top(sources: &'a [Source]) -> Self {
        let bodies = sources.iter().map(|source| (source.file.as_str(), &source.body)).collect();
        Self { bodies, labels: Vec::new(), line: 0 }
    }

    /// The blocks of that name, in order, each with up to `labels` labels.
    pub(super) fn blocks(&self, key: &'a str, labels: usize) -> Result<Vec<Section<'a>>, ConfigError> {
        let mut found = Vec::new();
        for (file, body) in &self.bodies {
            let blocks = body.blocks(key, labels).map_err(|e| error(file, e.line(), e.text()))?;
            found.extend(blocks.into_iter().map(|block| Section {
                bodies: vec![(*file, block.body)],
                labels: block.labels,
                line: block.line,
            }));
        }
        Ok(found)
    }

    pub(super) fn label(&self, at: usize) -> Option<&'a str> {
        self.labels.get(at).copied()
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.find(key).is_some()
    }

    /// Says what is to say about keys that are not known, or known and without effect.
    pub(super) fn check_keys(&self, known: &[Key], notices: &mut Vec<Notice>) {
        for (file, body) in &self.bodies {
            for item in &body.items {
                let key = known.iter().find(|key| key.name == item.key);
                let (level, text) = match key.map(|key| key.role) {
                    Some(Role::Used) => continue,
                    Some(Role::Idle) => (Level::Debug, format!("{:?} has no effect on this server", item.key)),
                    Some(Role::Missing) => (Level::Warn, format!("{:?} is not supported: it is ignored", item.key)),
                    None => (Level::Warn, format!("unknown key {:?}: it is ignored", item.key)),
                };
                notices.push(Notice { level, file: (*file).to_owned(), line: item.line, text });
            }
        }
    }

    pub(super) fn string(&self, key: &str) -> Result<Option<String>, ConfigError> {
        let Some((file, item)) = self.find(key) else { return Ok(None) };
        match &item.value {
            Value::String(text) => Ok(Some(text.clone()).filter(|text| !text.is_empty())),
            // Names and addresses are sometimes bare numbers.
            Value::Int(number) => Ok(Some(number.to_string())),
            _ => Err(must_be(file, item, "a string")),
        }
    }

    /// A string, number or boolean, as text.
    pub(super) fn text(&self, key: &str) -> Result<Option<String>, ConfigError> {
        match self.find(key) {
            Some((_, Item { value: Value::Bool(value), .. })) => Ok(Some(value.to_string())),
            _ => self.string(key),
        }
    }

    pub(super) fn path(&self, key: &str) -> Result<Option<PathBuf>, ConfigError> {
        Ok(self.string(key)?.map(PathBuf::from))
    }

    pub(super) fn url(&self, key: &str) -> Result<Option<String>, ConfigError> {
        let Some(url) = self.string(key)? else { return Ok(None) };
        let host = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
        if host.is_none_or(|host| host.is_empty() || host.contains(|c: char| c.is_whitespace() || c.is_control())) {
            return Err(self.wrong(key, &format!("{key} must be a URL such as \"https://vault.example.com:8200\"")));
        }
        Ok(Some(url.trim_end_matches('/').to_owned()))
    }

    pub(super) fn bool(&self, key: &str, default: bool) -> Result<bool, ConfigError> {
        let Some((file, item)) = self.find(key) else { return Ok(default) };
        let word = match &item.value {
            Value::Bool(value) => return Ok(*value),
            Value::Int(number) => number.to_string(),
            Value::String(text) => text.to_lowercase(),
            _ => String::new(),
        };
        match word.as_str() {
            "true" | "t" | "1" => Ok(true),
            "false" | "f" | "0" => Ok(false),
            _ => Err(must_be(file, item, "true or false")),
        }
    }

    pub(super) fn ttl(&self, key: &str) -> Result<Option<Ttl>, ConfigError> {
        let Some((file, item)) = self.find(key) else { return Ok(None) };
        let ttl = match &item.value {
            Value::Int(number) => u64::try_from(*number).map(Ttl::from_seconds).map_err(|_| ()),
            Value::Float(number) => Ttl::from_number(*number).map_err(|_| ()),
            Value::String(text) => Ttl::parse(text).map_err(|_| ()),
            _ => Err(()),
        };
        ttl.map(Some).map_err(|()| must_be(file, item, "a number of seconds or a duration such as \"90s\" or \"768h\""))
    }

    pub(super) fn integer(&self, key: &str) -> Result<Option<i64>, ConfigError> {
        let Some((file, item)) = self.find(key) else { return Ok(None) };
        let number = match &item.value {
            Value::Int(number) => Some(*number),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        };
        number.map(Some).ok_or_else(|| must_be(file, item, "a whole number"))
    }

    /// A number of bytes, perhaps with a unit: `kb`, `mb`, `gb` are taken as powers of 1024, like `kib`, `mib`, `gib`.
    pub(super) fn bytes(&self, key: &str) -> Result<Option<i64>, ConfigError> {
        let Some((file, item)) = self.find(key) else { return Ok(None) };
        let size = match &item.value {
            Value::Int(number) => Some(*number),
            Value::String(text) => size_of(text),
            _ => None,
        };
        size.map(Some).ok_or_else(|| must_be(file, item, "a number of bytes such as 33554432 or \"32mb\""))
    }

    /// A list of strings, or one string with commas.
    pub(super) fn strings(&self, key: &str) -> Result<Vec<String>, ConfigError> {
        let Some((file, item)) = self.find(key) else { return Ok(Vec::new()) };
        let wrong = || must_be(file, item, "a list of strings");
        match &item.value {
            Value::String(text) => {
                Ok(text.split(',').map(str::trim).filter(|s| !s.is_empty()).map(str::to_owned).collect())
            }
            Value::List(list) => list
                .iter()
                .map(|value| match value {
                    Value::String(text) => Ok(text.clone()),
                    _ => Err(wrong()),
                })
                .collect(),
            _ => Err(wrong()),
        }
    }

    /// One of some words, in any case.
    pub(super) fn word<T: Copy>(&self, key: &str, words: &[(&str, T)]) -> Result<Option<T>, ConfigError> {
        let Some(text) = self.string(key)? else { return Ok(None) };
        let found = words.iter().find(|(word, _)| word.eq_ignore_ascii_case(&text)).map(|(_, value)| *value);
        let all: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        found.map(Some).ok_or_else(|| self.wrong(key, &format!("{key} must be one of {}", all.join(", "))))
    }

    /// Keys and values of an inner block whose keys are free, as texts.
    pub(super) fn free(&self) -> Result<Vec<(String, String)>, ConfigError> {
        let mut out = Vec::new();
        for (file, item) in self.bodies.iter().flat_map(|(file, body)| body.items.iter().map(move |i| (*file, i))) {
            let text = match &item.value {
                Value::String(text) => text.clone(),
                Value::Bool(value) => value.to_string(),
                Value::Int(number) => number.to_string(),
                Value::Float(number) => number.to_string(),
                _ => return Err(must_be(file, item, "a string, a number or a boolean")),
            };
            out.push((item.key.clone(), text));
        }
        Ok(out)
    }

    /// An error at a key, or at the block where the key is not set.
    pub(super) fn wrong(&self, key: &str, text: &str) -> ConfigError {
        match self.find(key) {
            Some((file, item)) => error(file, item.line, text),
            None => self.wrong_here(text),
        }
    }

    /// An error at the block.
    pub(super) fn wrong_here(&self, text: &str) -> ConfigError {
        error(self.bodies.last().map_or("", |(file, _)| file), self.line, text)
    }

    /// A notice at the block.
    pub(super) fn notice(&self, level: Level, text: &str) -> Notice {
        let file = self.bodies.last().map_or("", |(file, _)| file).to_owned();
        Notice { level, file, line: self.line, text: text.to_owned() }
    }

    /// A notice at a key that is there.
    pub(super) fn notice_at(&self, key: &str, level: Level, text: &str) -> Notice {
        match self.find(key) {
            Some((file, item)) => Notice { level, file: file.to_owned(), line: item.line, text: text.to_owned() },
            None => self.notice(level, text),
        }
    }

    /// The item that counts: the one of the last file.
    fn find(&self, key: &str) -> Option<(&'a str, &'a Item)> {
        self.bodies.iter().rev().find_map(|(file, body)| Some((*file, body.get(key)?)))
    }
}

fn size_of(text: &str) -> Option<i64> {
    let text = text.trim().to_lowercase();
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '-').unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(digits)?;
    let factor: i64 = match unit.trim() {
        "" | "b" => 1,
        "k" | "kb" | "kib" => 1 << 10,
        "m" | "mb" | "mib" => 1 << 20,
        "g" | "gb" | "gib" => 1 << 30,
        _ => return None,
    };
    number.parse::<i64>().ok()?.checked_mul(factor)
}

fn must_be(file: &str, item: &Item, what: &str) -> ConfigError {
    let text = match &item.value {
        // A string may be a secret or just long; its kind says nothing.
        Value::String(_) => format!("{} must be {what}", item.key),
        other => format!("{} must be {what}, not {}", item.key, other.kind()),
    };
    error(file, item.line, &text)
}

fn error(file: &str, line: u32, text: &str) -> ConfigError {
    ConfigError { file: file.to_owned(), line, text: text.to_owned() }
}
