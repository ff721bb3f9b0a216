//! The server's log: to standard error or a file, for people or as JSON, at a level that can change while it runs.
use crate::config::{LogFormat, LogLevel};
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;
use tracing::Level;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::reload;

/// Changes the levels of the log that is installed.
#[derive(Clone)]
pub(crate) struct LogControl(Arc<dyn Fn(Targets) + Send + Sync>);

impl LogControl {
    /// One level for all that is logged.
    pub fn set_level(&self, level: LogLevel) {
        (self.0)(Targets::new().with_default(as_tracing(level)));
    }

    /// Levels by the beginning of a module's path; `None` is all else.
    pub fn set_levels(&self, levels: &[(Option<&'static str>, Level)]) {
        (self.0)(levels.iter().fold(Targets::new(), |targets, (module, level)| match module {
            Some(module) => targets.with_target(*module, *level),
            None => targets.with_default(*level),
        }));
    }
}

/// Installs the log of this process. Errors: the file cannot be opened.
pub(crate) fn install(level: LogLevel, format: LogFormat, file: Option<&Path>) -> io::Result<LogControl> {
    let target = match file {
        Some(path) => Target::File(OpenOptions::new().create(true).append(true).mode(0o600).open(path)?),
        None => Target::Stderr,
    };
    let (level, handle) = reload::Layer::new(Targets::new().with_default(as_tracing(level)));
    let registry = tracing_subscriber::registry().with(level);
    let installed = match format {
        LogFormat::Standard => tracing::subscriber::set_global_default(
            registry.with(tracing_subscriber::fmt::layer().with_ansi(false).with_writer(target)),
        ),
        LogFormat::Json => tracing::subscriber::set_global_default(
            registry.with(tracing_subscriber::fmt::layer().json().flatten_event(true).with_writer(target)),
        ),
    };
    installed.map_err(io::Error::other)?;
    Ok(LogControl(Arc::new(move |targets| {
        // The handle fails only when the log is gone, and then there is nobody to tell.
        let _ = handle.reload(targets);
    })))
}

/// The level in the log library's words.
pub(crate) fn as_tracing(level: LogLevel) -> Level {
    match level {
        LogLevel::Trace => Level::TRACE,
        LogLevel::Debug => Level::DEBUG,
        LogLevel::Info => Level::INFO,
        LogLevel::Warn => Level::WARN,
        LogLevel::Error => Level::ERROR,
    }
}

enum Target {
    Stderr,
    File(File),
}

impl<'a> MakeWriter<'a> for Target {
    type Writer = Box<dyn io::Write + 'a>;

    fn make_writer(&'a self) -> Self::Writer {
        match self {
            Self::Stderr => Box::new(io::stderr()),
            Self::File(file) => Box::new(file),
        }
    }
}
