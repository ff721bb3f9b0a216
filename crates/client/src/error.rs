//! What can go wrong with a call.
use http::Method;
use std::fmt;
use std::path::{Path, PathBuf};

/// Why a call has no answer. No variant holds a token or secret data.
#[derive(Debug)]
pub enum Error {
    /// The client was told something that cannot be; the text says what to change.
    Config(String),
    /// A file that the configuration names could not be read.
    File {
        /// Which file.
        path: PathBuf,
        /// Why not.
        cause: std::io::Error,
    },
    /// No answer came: no connection, TLS failed, the time was up, or the connection broke.
    Transport {
        /// The request's method.
        method: Method,
        /// The request's URL.
        url: String,
        /// What happened.
        cause: String,
        /// Whether the request may have reached the server.
        sent: bool,
    },
    /// The server refused.
    Api {
        /// The request's method.
        method: Method,
        /// The request's URL.
        url: String,
        /// The namespace that was asked, if any.
        namespace: Option<String>,
        /// The HTTP status code.
        status: u16,
        /// The server's texts; `Err` holds the body where it is not the API's error form.
        errors: Result<Vec<String>, String>,
    },
    /// The answer is not what this call expects.
    Decode {
        /// What could not be read, without its value.
        what: &'static str,
    },
}

impl Error {
    pub(crate) fn config(text: impl Into<String>) -> Self {
        Self::Config(text.into())
    }

    pub(crate) fn file(path: &Path, cause: std::io::Error) -> Self {
        Self::File { path: path.to_owned(), cause }
    }

    /// The HTTP status of a refusal.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Api { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// The server's own texts of a refusal.
    pub fn errors(&self) -> &[String] {
        match self {
            Self::Api { errors: Ok(errors), .. } => errors,
            _ => &[],
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(text) => f.write_str(text),
            Self::File { path, cause } => write!(f, "cannot read {}: {cause}", path.display()),
            Self::Transport { method, url, cause, .. } => write!(f, "{} \"{url}\": {cause}", title(method)),
            Self::Decode { what } => write!(f, "the server's answer has no readable {what}"),
            Self::Api { method, url, namespace, status, errors } => {
                f.write_str("Error making API request.\n\n")?;
                if let Some(namespace) = namespace {
                    writeln!(f, "Namespace: {namespace}")?;
                }
                write!(f, "URL: {method} {url}\nCode: {status}. ")?;
                match errors {
                    Ok(errors) => {
                        f.write_str("Errors:\n\n")?;
                        f.write_str(&errors.iter().map(|e| format!("* {e}")).collect::<Vec<_>>().join("\n"))
                    }
                    Err(raw) => write!(f, "Raw Message:\n\n{raw}"),
                }
            }
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::File { cause, .. } => Some(cause),
            _ => None,
        }
    }
}

/// `Get`, `Put`: the form in which scripts know a method at the head of a transport error.
fn title(method: &Method) -> String {
    let text = method.as_str();
    let (head, tail) = text.split_at_checked(1).unwrap_or((text, ""));
    format!("{head}{}", tail.to_ascii_lowercase())
}
