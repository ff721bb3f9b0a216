//! The environment as a value.
use std::collections::BTreeMap;

/// The prefixes under which each of our variables may be set, the strongest first.
const PREFIXES: [&str; 3] = ["KEYWRIGHT_", "BAO_", "VAULT_"];

/// Environment variables, read once.
#[derive(Clone, Debug, Default)]
pub struct Environment(BTreeMap<String, String>);

impl Environment {
    /// The process's own. Variables that are not UTF-8 are left out.
    pub fn of_process() -> Self {
        let readable = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        Self(std::env::vars_os().filter_map(readable).collect())
    }

    /// The one of our variables that counts: `KEYWRIGHT_ADDR` before `BAO_ADDR` before `VAULT_ADDR` for `"ADDR"`.
    /// An empty one counts as not set.
    pub fn own(&self, suffix: &str) -> Option<&str> {
        self.own_with_name(suffix).map(|(_, value)| value)
    }

    /// As [`Environment::own`], with the name under which it was found.
    pub fn own_with_name(&self, suffix: &str) -> Option<(String, &str)> {
        PREFIXES.iter().find_map(|prefix| {
            let name = format!("{prefix}{suffix}");
            let value = self.0.get(&name).filter(|v| !v.is_empty())?;
            Some((name, value.as_str()))
        })
    }

    /// Any other variable, by its whole name.
    pub fn other(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|v| !v.is_empty())
    }
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for Environment {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        Self(pairs.into_iter().map(|(n, v)| (n.into(), v.into())).collect())
    }
}
