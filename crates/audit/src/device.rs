//! An audit device: where lines go, how they are hashed, and what the operator chose.
use crate::{AuditSink, DiscardSink, FileSink, Hasher, StdoutSink};
use kw_types::Secret;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io;

/// A device as it is stored and configured.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DeviceConfig {
    /// With its trailing slash.
    pub path: String,
    #[serde(rename = "type")]
    pub kind: String,
    pub description: String,
    pub local: bool,
    /// As they were given; shown by `sys/audit`.
    pub options: BTreeMap<String, String>,
    /// The key of the hashes, 32 bytes.
    pub salt: Secret<Vec<u8>>,
}

/// The options that mean something, read.
#[derive(Clone, Debug, Default)]
pub struct DeviceOptions {
    pub sink: SinkKind,
    pub log_raw: bool,
    pub hmac_accessor: bool,
    pub elide_list_responses: bool,
    /// No entry of a request whose answer's entry comes at the same moment and says all of it.
    pub elide_read_requests: bool,
    pub prefix: String,
}

/// Where lines go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum SinkKind {
    #[default]
    Stdout,
    /// Nowhere: entries are made and dropped, to try what auditing costs or to go on without a trail.
    Discard,
    File {
        path: String,
        mode: u32,
    },
}

/// A device that is open.
pub struct Device {
    pub config: DeviceConfig,
    pub options: DeviceOptions,
    hasher: Hasher,
    sink: Box<dyn AuditSink>,
}

impl DeviceConfig {
    /// Reads the options. Errors: what is wrong, in Vault's words where it has some.
    pub fn options(&self) -> Result<DeviceOptions, String> {
        let text = |name: &str| self.options.get(name).map(String::as_str);
        let sink = match self.kind.as_str() {
            "file" => {
                let path = text("file_path").or(text("path")).ok_or("file_path is required")?;
                let mode = text("mode").unwrap_or("0600");
                let mode = u32::from_str_radix(mode, 8).map_err(|_| "mode must be an octal number such as 0600")?;
                // Vault takes these two words in any case.
                if path.eq_ignore_ascii_case("stdout") {
                    SinkKind::Stdout
                } else if path.eq_ignore_ascii_case("discard") {
                    SinkKind::Discard
                } else {
                    SinkKind::File { path: path.to_owned(), mode: if mode == 0 { 0o600 } else { mode } }
                }
            }
            "stdout" => SinkKind::Stdout,
            other => return Err(format!("unknown backend type: {other:?}")),
        };
        if !matches!(text("format").unwrap_or("json"), "json" | "") {
            return Err("unknown format type: only json is supported".to_owned());
        }
        let flag = |name: &str, default: bool| match text(name) {
            None | Some("") => Ok(default),
            Some("true" | "1" | "t" | "T" | "TRUE" | "True") => Ok(true),
            Some("false" | "0" | "f" | "F" | "FALSE" | "False") => Ok(false),
            Some(_) => Err(format!("{name} must be true or false")),
        };
        Ok(DeviceOptions {
            sink,
            log_raw: flag("log_raw", false)?,
            hmac_accessor: flag("hmac_accessor", true)?,
            elide_list_responses: flag("elide_list_responses", false)?,
            elide_read_requests: flag("elide_read_requests", false)?,
            prefix: text("prefix").unwrap_or_default().to_owned(),
        })
    }
}

impl Device {
    /// Opens the sink. Errors: what is wrong with the options or the file.
    pub fn open(config: DeviceConfig) -> Result<Self, String> {
        let options = config.options()?;
        let sink: Box<dyn AuditSink> = match &options.sink {
            SinkKind::Stdout => Box::new(StdoutSink),
            SinkKind::Discard => Box::new(DiscardSink),
            SinkKind::File { path, mode } => Box::new(
                FileSink::open(path, *mode)
                    .map_err(|e| format!("sanity check failed; unable to open {path:?} for writing: {e}"))?,
            ),
        };
        let hasher = Hasher::new(config.salt.expose());
        Ok(Self { config, options, hasher, sink })
    }

    /// Writes whole lines.
    pub fn write(&self, lines: &[u8]) -> io::Result<()> {
        self.sink.write(lines)
    }

    /// Opens the file anew, after a log rotation.
    pub fn reopen(&self) -> io::Result<()> {
        self.sink.reopen()
    }

    /// The hash of a value as this device writes it.
    pub fn hash(&self, value: &str) -> String {
        self.hasher.text(value.as_bytes())
    }

    pub(crate) fn hasher(&self) -> Option<&Hasher> {
        (!self.options.log_raw).then_some(&self.hasher)
    }

    pub(crate) fn accessor_hasher(&self) -> Option<&Hasher> {
        self.hasher().filter(|_| self.options.hmac_accessor)
    }
}
