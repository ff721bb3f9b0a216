//! The server's configuration, in Vault's language: HCL or JSON, one file or a directory of them.
//!
//! All defaults stand here and in `docs/configuration.md`. Reading has no effect but the reading: files that are named in the
//! configuration are not opened, addresses are not resolved.
mod audit;
mod error;
mod etcd;
mod keys;
mod listener;
mod lockout;
mod log;
mod migration;
mod seal;
mod section;
mod source;
mod storage;

pub use audit::AuditDevice;
pub use error::{ConfigError, Level, Notice};
pub use etcd::Etcd;
pub use listener::{Bind, ClientCerts, Forwarded, Limits, Listener, Tls, TlsVersion};
pub use lockout::Lockout;
pub use log::{LogFormat, LogLevel};
pub use migration::Migration;
pub use seal::{SealKind, SealStanza};
pub use storage::{CACHE_SIZE, PostgreSql, Storage};

use kw_kernel::Consistency;
use kw_types::Ttl;
use section::Section;
use std::path::{Path, PathBuf};

/// The words of `consistency`.
const CONSISTENCY_WORDS: &[(&str, Consistency)] = &[("strict", Consistency::Strict), ("bounded", Consistency::Bounded)];

/// All that a server is told before it starts.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Where the data lives.
    pub storage: Storage,
    /// Where requests come in; at least one.
    pub listeners: Vec<Listener>,
    /// The URL under which clients reach this node, for redirects and links. Unset: derived from the first listener.
    pub api_addr: Option<String>,
    /// The URL under which other nodes reach this one.
    pub cluster_addr: Option<String>,
    /// The name of the cluster. Unset: a random one, made when the server is initialised.
    pub cluster_name: Option<String>,
    /// How old answers may be where several nodes share the store.
    pub consistency: Consistency,
    /// The time to live of tokens and leases that ask for none. 768 hours if not set.
    pub default_lease_ttl: Ttl,
    /// The longest time to live. 768 hours if not set.
    pub max_lease_ttl: Ttl,
    /// How long a request may take where its listener says nothing. 90 seconds if not set.
    pub default_max_request_duration: Ttl,
    /// Whether to go without locking memory against the swap.
    pub disable_mlock: bool,
    /// Whether to go without the cache of the store.
    pub disable_cache: bool,
    /// Whether `sys/raw` exists.
    pub raw_storage_endpoint: bool,
    /// Whether audit devices can be enabled through the API. True if not set, as in Vault.
    pub api_audit_creation: bool,
    pub log_level: LogLevel,
    pub log_format: LogFormat,
    /// Where to log in place of standard error.
    pub log_file: Option<PathBuf>,
    /// Where to write the number of the process.
    pub pid_file: Option<PathBuf>,
    /// Audit devices that exist from the start.
    pub audit: Vec<AuditDevice>,
    /// What happens after failed log-ins, by type of auth method; `all` stands for every type that is not named.
    pub user_lockout: Vec<Lockout>,
    /// Seals that open by themselves; with none, or none that is not disabled, the seal is Shamir's.
    pub seals: Vec<SealStanza>,
    /// The file that remembers how far the store has come, so that an older one is noticed.
    pub rollback_mark: Option<PathBuf>,
}

impl Config {
    /// Reads files and directories (all their `.hcl` and `.json` files, sorted by name). A later file wins over an earlier one
    /// where both set a key; listeners, audit devices and lock-out rules add up.
    ///
    /// Errors: what cannot be read or understood, with file and line, and what to do about it.
    pub fn load(paths: &[PathBuf]) -> Result<(Self, Vec<Notice>), ConfigError> {
        Self::read(&source::load(paths)?)
    }

    /// Reads one text; `file` is its name for errors.
    pub fn parse(file: &str, text: &str) -> Result<(Self, Vec<Notice>), ConfigError> {
        Self::read(&[source::parse(file, text)?])
    }

    /// Reads the two storage blocks of a migration.
    ///
    /// Errors: as [`Config::load`]; also for stores that a migration makes no sense with.
    pub fn load_migration(path: &Path) -> Result<(Migration, Vec<Notice>), ConfigError> {
        migration::read(&source::load(&[path.to_owned()])?)
    }

    /// What `-dev` stands for: data in memory, requests on this listener, nothing on disk.
    pub fn dev(listener: Listener) -> Self {
        let mut config = Self::bare(Storage::InMem);
        config.listeners.push(listener);
        config.raw_storage_endpoint = true;
        config.disable_mlock = true;
        config
    }

    /// What `-dev` stands for, changed by files that need not say all that a server needs. Listeners of theirs take the place of
    /// the one for development.
    ///
    /// Errors: as [`Config::load`].
    pub fn load_dev(listener: Listener, paths: &[PathBuf]) -> Result<(Self, Vec<Notice>), ConfigError> {
        let sources = if paths.is_empty() { Vec::new() } else { source::load(paths)? };
        Self::dev(listener).changed_by(&sources)
    }

    fn bare(storage: Storage) -> Self {
        Self {
            storage,
            listeners: Vec::new(),
            api_addr: None,
            cluster_addr: None,
            cluster_name: None,
            consistency: Consistency::Strict,
            default_lease_ttl: Ttl::from_hours(768),
            max_lease_ttl: Ttl::from_hours(768),
            default_max_request_duration: Ttl::from_seconds(90),
            disable_mlock: false,
            disable_cache: false,
            raw_storage_endpoint: false,
            api_audit_creation: true,
            log_level: LogLevel::Info,
            log_format: LogFormat::Standard,
            log_file: None,
            pid_file: None,
            audit: Vec::new(),
            user_lockout: Vec::new(),
            seals: Vec::new(),
            rollback_mark: None,
        }
    }

    fn read(sources: &[source::Source]) -> Result<(Self, Vec<Notice>), ConfigError> {
        let top = Section::top(sources);
        // Looked at before the rest, for its error is the first that a file without anything deserves.
        storage::check_is_there(&top)?;
        Self::bare(Storage::InMem).changed_by(sources)
    }

    fn changed_by(mut self, sources: &[source::Source]) -> Result<(Self, Vec<Notice>), ConfigError> {
        let mut notices = Vec::new();
        let top = Section::top(sources);
        top.check_keys(keys::TOP, &mut notices);
        if let Some(storage) = storage::read(&top, &mut notices)? {
            self.storage = storage;
        }
        self.read_scalars(&top)?;
        if top.bool("ui", false)? {
            notices.push(top.notice_at("ui", Level::Warn, "\"ui\": there is no user interface in this version"));
        }
        self.read_lists(&top, &mut notices)?;
        for block in top.blocks("telemetry", 0)? {
            block.check_keys(keys::TELEMETRY, &mut notices);
        }
        self.seals = seal::read(&top, &mut notices)?;
        Ok((self, notices))
    }

    fn read_scalars(&mut self, top: &Section<'_>) -> Result<(), ConfigError> {
        self.api_addr = top.url("api_addr")?;
        self.cluster_addr = top.url("cluster_addr")?;
        self.cluster_name = top.string("cluster_name")?;
        self.consistency = top.word("consistency", CONSISTENCY_WORDS)?.unwrap_or_default();
        self.default_lease_ttl = top.ttl("default_lease_ttl")?.unwrap_or_default().or(self.default_lease_ttl);
        self.max_lease_ttl = top.ttl("max_lease_ttl")?.unwrap_or_default().or(self.max_lease_ttl);
        if self.default_lease_ttl > self.max_lease_ttl {
            let key = if top.has("default_lease_ttl") { "default_lease_ttl" } else { "max_lease_ttl" };
            return Err(top.wrong(key, "default_lease_ttl must not be longer than max_lease_ttl (768h if not set)"));
        }
        let duration = top.ttl("default_max_request_duration")?.unwrap_or_default();
        self.default_max_request_duration = duration.or(self.default_max_request_duration);
        self.disable_mlock = top.bool("disable_mlock", self.disable_mlock)?;
        self.disable_cache = top.bool("disable_cache", false)?;
        self.raw_storage_endpoint = top.bool("raw_storage_endpoint", self.raw_storage_endpoint)?;
        self.api_audit_creation = top.bool("unsafe_allow_api_audit_creation", true)?;
        self.log_level = top.word("log_level", LogLevel::WORDS)?.unwrap_or(LogLevel::Info);
        self.log_format = top.word("log_format", LogFormat::WORDS)?.unwrap_or(LogFormat::Standard);
        self.log_file = top.path("log_file")?;
        self.pid_file = top.path("pid_file")?;
        self.rollback_mark = top.path("rollback_mark")?;
        Ok(())
    }

    fn read_lists(&mut self, top: &Section<'_>, notices: &mut Vec<Notice>) -> Result<(), ConfigError> {
        let listeners = top.blocks("listener", 1)?;
        if !listeners.is_empty() {
            self.listeners.clear();
        }
        for block in listeners {
            self.listeners.push(listener::read(&block, self.default_max_request_duration, notices)?);
        }
        if self.listeners.is_empty() {
            return Err(top.wrong("listener", "no listener: add listener \"tcp\" { address = \"127.0.0.1:8200\" .. }"));
        }
        for block in top.blocks("audit", 2)? {
            self.audit.push(audit::read(&block, notices)?);
        }
        for block in top.blocks("user_lockout", 1)? {
            self.user_lockout.push(lockout::read(&block, notices)?);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
