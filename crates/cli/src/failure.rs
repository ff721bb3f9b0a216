//! How a command ends when it does not succeed.
use kw_client::Error;

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
    /// The caller's input cannot be taken, or this machine will not do it: exit code 1.
    pub(crate) fn local(message: impl Into<String>) -> Self {
        Self::Stopped { code: 1, message: message.into() }
    }

    /// The server has no such thing, or not as asked: exit code 2.
    pub(crate) fn remote(message: impl Into<String>) -> Self {
        Self::Stopped { code: 2, message: message.into() }
    }

    /// The same with the exit code 1, for commands to which 2 means something else.
    pub(crate) fn on_this_side(self) -> Self {
        match self {
            Self::Stopped { message, .. } => Self::local(message),
            other => other,
        }
    }

    /// Only an exit code.
    pub(crate) fn silent(code: i32) -> Self {
        Self::Stopped { code, message: String::new() }
    }
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
