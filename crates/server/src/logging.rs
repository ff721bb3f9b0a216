//! The server's log: to standard error or a file, for people or as JSON, at a level that can change while it runs.
use crate::config::{LogFormat, LogLevel};
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::reload;

/// Changes the level of the log that is installed.
pub(crate) struct LogControl(Box<dyn Fn(LevelFilter) + Send + Sync>);

impl LogControl {
    pub fn set_level(&self, level: LogLevel) {
        (self.0)(filter(level));
    }
}

/// Installs the log of this process. Errors: the file cannot be opened.
pub(crate) fn install(level: LogLevel, format: LogFormat, file: Option<&Path>) -> io::Result<LogControl> {
    let target = match file {
        Some(path) => Target::File(OpenOptions::new().create(true).append(true).mode(0o600).open(path)?),
        None => Target::Stderr,
    };
    let (level, handle) = reload::Layer::new(filter(level));
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
    Ok(LogControl(Box::new(move |level| {
        // The handle fails only when the log is gone, and then there is nobody to tell.
        let _ = handle.reload(level);
    })))
}

fn filter(level: LogLevel) -> LevelFilter {
    match level {
        LogLevel::Trace => LevelFilter::TRACE,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Error => LevelFilter::ERROR,
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
