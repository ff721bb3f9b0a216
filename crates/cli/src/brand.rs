//! Under which name the program was called.
use std::path::Path;

/// Scripts call this program by the name that they know, and read the answers of the program that they know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Brand {
    /// Called as `keywright`, or as anything else.
    Keywright,
    /// Called as `vault`.
    Vault,
    /// Called as `bao`.
    Bao,
}

impl Brand {
    /// Reads the program's own name, a path or not.
    pub fn of(program: &str) -> Self {
        match Path::new(program).file_stem().and_then(|s| s.to_str()) {
            Some("vault") => Self::Vault,
            Some("bao" | "openbao") => Self::Bao,
            _ => Self::Keywright,
        }
    }

    /// The word to type.
    pub fn program(self) -> &'static str {
        match self {
            Self::Keywright => "keywright",
            Self::Vault => "vault",
            Self::Bao => "bao",
        }
    }

    /// The word in sentences.
    pub fn product(self) -> &'static str {
        match self {
            Self::Keywright => "Keywright",
            Self::Vault => "Vault",
            Self::Bao => "OpenBao",
        }
    }

    /// The beginning of the environment variables that messages name.
    pub fn variable(self) -> &'static str {
        match self {
            Self::Keywright => "KEYWRIGHT",
            Self::Vault => "VAULT",
            Self::Bao => "BAO",
        }
    }

    /// What `version` prints: the version whose behaviour this program has under that name, for scripts that compare it.
    pub fn version_line(self) -> String {
        const OWN: &str = env!("CARGO_PKG_VERSION");
        match self {
            Self::Keywright => format!("Keywright v{OWN}"),
            Self::Vault => format!("Vault v1.18.5 (Keywright {OWN})"),
            Self::Bao => format!("OpenBao v2.6.2 (Keywright {OWN})"),
        }
    }
}
