//! The flags of `keywright operator migrate`.
use crate::config::{Config, LogLevel, Migration, Notice};
use std::path::PathBuf;

/// How many pages are written at once where nothing else is said, as in Vault.
const PARALLEL: usize = 10;

/// More would only queue up in the store.
const PARALLEL_MAX: usize = 256;

/// What was asked on the command line.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Arguments {
    pub config: PathBuf,
    /// Only rows with this key or a later one are copied.
    pub start: String,
    /// Take the mark of a migration from the source, and do nothing else.
    pub reset: bool,
    /// How many pages are written at once.
    pub parallel: usize,
    pub log_level: LogLevel,
}

impl Arguments {
    /// Reads flags with one or two dashes, `-name=value` or `-name value`. Errors: what is wrong and what to do.
    pub fn parse(args: &[String]) -> Result<Self, String> {
        let (mut config, mut start, mut reset) = (None, String::new(), false);
        let (mut parallel, mut log_level) = (PARALLEL, LogLevel::Warn);
        let mut rest = args.iter();
        while let Some(arg) = rest.next() {
            let name = arg.strip_prefix("--").or_else(|| arg.strip_prefix('-'));
            let name = name.ok_or_else(|| format!("unexpected argument {arg:?}: flags begin with a dash"))?;
            let (name, value) = name.split_once('=').map_or((name, None), |(n, v)| (n, Some(v)));
            let mut text = || {
                let value = value.map(str::to_owned).or_else(|| rest.next().cloned());
                value.ok_or_else(|| format!("-{name} needs a value"))
            };
            match name {
                "config" => config = Some(PathBuf::from(text()?)),
                "start" => start = text()?,
                "max-parallel" => {
                    let number = text()?.parse().ok().filter(|n| (1..=PARALLEL_MAX).contains(n));
                    parallel = number.ok_or_else(|| format!("-max-parallel is a number from 1 to {PARALLEL_MAX}"))?;
                }
                "log-level" => {
                    let level = LogLevel::parse(&text()?);
                    log_level = level.ok_or("-log-level is one of trace, debug, info, warn, error")?;
                }
                "reset" => {
                    reset = match value {
                        None | Some("true" | "1") => true,
                        Some("false" | "0") => false,
                        Some(_) => return Err("-reset takes no value, or true or false".to_owned()),
                    }
                }
                _ => return Err(format!("unknown flag -{name}; see `keywright operator migrate -help`")),
            }
        }
        let config = config.ok_or("name the file with both storage blocks: -config=FILE")?;
        Ok(Self { config, start, reset, parallel, log_level })
    }

    pub fn load(&self) -> Result<(Migration, Vec<Notice>), String> {
        Config::load_migration(&self.config).map_err(|e| e.to_string())
    }
}
