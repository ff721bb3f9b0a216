//! How a command ends when it does not succeed.
use kw_client::Error;
use std::io::ErrorKind;

/// Puts what to do in the place of the system's number, which tells a person nothing.
pub fn for_people(message: String) -> String {
    let (begins, ends) = NUMBER;
    let Some((before, rest)) = message.split_once(begins) else { return message };
    let Some((number, after)) = rest.split_once(ends) else { return message };
    let hint = number.parse().ok().and_then(what_to_do).map(|hint| format!("; {hint}")).unwrap_or_default();
    format!("{before}{hint}{after}")
}

/// Why a command stops before its end.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Something went wrong: the exit code and what to say on standard error.
    Stopped {
        /// 1 for the caller's input or this machine, 2 for the server's answer or its absence.
        code: i32,
        /// Empty where there is nothing more to say.
        message: String,
    },
    /// A dry run (`-output-curl-string`, `-output-policy`) has its answer.
    DryRun(String),
}

impl Failure {
    /// The caller's input cannot be taken, or this machine will not do it: exit code 1. What the system says in the message is
    /// told for people.
    pub(crate) fn local(message: impl Into<String>) -> Self {
        Self::Stopped { code: 1, message: for_people(message.into()) }
    }

    /// The server has no such thing, or not as asked: exit code 2.
    pub(crate) fn remote(message: impl Into<String>) -> Self {
        Self::Stopped { code: 2, message: message.into() }
    }

    /// This machine will not do it, with the exit code 2 where Vault's command line has that.
    pub(crate) fn local_as_remote(message: impl Into<String>) -> Self {
        Self::remote(for_people(message.into()))
    }

    /// The same with the exit code 1, for commands to which 2 means something else.
    pub(crate) fn on_this_side(self) -> Self {
        match self {
            Self::Stopped { message, .. } => Self::Stopped { code: 1, message },
            other => other,
        }
    }

    /// Only an exit code.
    pub(crate) fn silent(code: i32) -> Self {
        Self::Stopped { code, message: String::new() }
    }
}

/// How an error of the system ends in Rust: its number in brackets.
const NUMBER: (&str, char) = (" (os error ", ')');

fn what_to_do(number: i32) -> Option<&'static str> {
    Some(match std::io::Error::from_raw_os_error(number).kind() {
        ErrorKind::NotFound => "check the path",
        ErrorKind::PermissionDenied => "check who may use it, and as whom this runs",
        ErrorKind::AlreadyExists => "choose another name",
        ErrorKind::NotADirectory => "check the path: a part of it is a file",
        ErrorKind::IsADirectory => "name a file in it",
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => "make room, or choose another place",
        ErrorKind::ReadOnlyFilesystem => "choose another place",
        _ => return None,
    })
}

/// Why a request has no answer.
#[derive(Debug)]
pub(crate) enum CallError {
    /// It was a dry run; this is its text.
    DryRun(String),
    /// The client's error, and what the user may do about it.
    Client(Box<Error>, Option<String>),
}

impl CallError {
    /// The failure, with what was being done in front.
    pub(crate) fn during(self, what: impl AsRef<str>) -> Failure {
        match self {
            Self::DryRun(text) => Failure::DryRun(text),
            Self::Client(error, hint) => {
                let hint = hint.map(|h| format!("\n\n{h}")).unwrap_or_default();
                Failure::remote(format!("{}: {error}{hint}", what.as_ref()))
            }
        }
    }

    /// The HTTP status of a refusal.
    pub(crate) fn status(&self) -> Option<u16> {
        match self {
            Self::DryRun(_) => None,
            Self::Client(error, _) => error.status(),
        }
    }
}

impl From<CallError> for Failure {
    fn from(error: CallError) -> Self {
        match error {
            CallError::DryRun(text) => Failure::DryRun(text),
            CallError::Client(error, hint) => {
                let hint = hint.map(|h| format!("\n\n{h}")).unwrap_or_default();
                Failure::remote(format!("{error}{hint}"))
            }
        }
    }
}

#[cfg(test)]
mod tests;
