//! Where the token is kept between commands: a file that only its owner reads, or a program of the user's choice.
use crate::Environment;
use crate::failure::Failure;
use kw_types::Secret;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A place for one token.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum TokenHelper {
    /// `~/.vault-token`, which all of Vault's tools share. `None` where there is no home directory: then nothing is kept.
    File(Option<PathBuf>),
    /// A program that is called with `get`, or with `store` and the token on standard input.
    Program(PathBuf),
}

impl TokenHelper {
    /// Reads `token_helper` from the file `VAULT_CONFIG_PATH` names, else from `~/.vault`, in HCL.
    pub(crate) fn find(env: &Environment) -> Result<Self, Failure> {
        let home = env.other("HOME").map(PathBuf::from);
        let named = env.own("CONFIG_PATH").map(PathBuf::from);
        let config = named.or_else(|| home.as_ref().map(|h| h.join(".vault")));
        if let Some(program) = config.map(|path| program_of(&path)).transpose()?.flatten() {
            return Ok(Self::Program(program));
        }
        Ok(Self::File(home.map(|h| h.join(".vault-token"))))
    }

    /// The token, if there is one.
    pub(crate) fn get(&self) -> Result<Option<Secret<String>>, Failure> {
        let text = match self {
            Self::File(None) => return Ok(None),
            Self::File(Some(path)) => match std::fs::read_to_string(path) {
                Ok(text) => text,
                Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
                Err(e) => return Err(Failure::local(format!("Cannot read the token file {}: {e}", path.display()))),
            },
            Self::Program(program) => {
                let output = Command::new(program).arg("get").stdin(Stdio::null()).stderr(Stdio::inherit()).output();
                let output = output.map_err(|e| cannot_run(program, &e))?;
                if !output.status.success() {
                    return Err(failed(program, "get"));
                }
                String::from_utf8_lossy(&output.stdout).into_owned()
            }
        };
        let token = text.trim();
        Ok((!token.is_empty()).then(|| Secret::new(token.to_owned())))
    }

    /// Keeps a token in place of whatever was kept.
    pub(crate) fn store(&self, token: &Secret<String>) -> Result<(), Failure> {
        match self {
            Self::File(None) => {
                Err(Failure::local("There is no home directory to store the token in: set HOME, or use -no-store."))
            }
            Self::File(Some(path)) => replace_file(path, token.expose())
                .map_err(|e| Failure::local(format!("Cannot write the token file {}: {e}", path.display()))),
            Self::Program(program) => {
                let child = Command::new(program).arg("store").stdin(Stdio::piped()).stdout(Stdio::null()).spawn();
                let mut child = child.map_err(|e| cannot_run(program, &e))?;
                if let Some(mut input) = child.stdin.take() {
                    input.write_all(token.expose().as_bytes()).map_err(|e| cannot_run(program, &e))?;
                }
                match child.wait() {
                    Ok(status) if status.success() => Ok(()),
                    Ok(_) => Err(failed(program, "store")),
                    Err(e) => Err(cannot_run(program, &e)),
                }
            }
        }
    }
}

/// Keeps a token where the commands of this user look for it.
///
/// Errors: a text that says what to do.
pub fn keep_token(env: &Environment, token: &Secret<String>) -> Result<(), String> {
    let kept = TokenHelper::find(env).and_then(|helper| helper.store(token));
    kept.map_err(|failure| match failure {
        Failure::Stopped { message, .. } | Failure::DryRun(message) => message,
    })
}

/// A new file takes the old one's place in one step, so that nobody ever reads half a token or one with an older file's mode.
fn replace_file(path: &Path, token: &str) -> std::io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{}.tmp", std::process::id()));
    let beside = PathBuf::from(beside);
    let mut file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
    file.set_permissions(std::fs::Permissions::from_mode(0o600))?;
    let written = file.write_all(token.as_bytes()).and_then(|()| file.sync_all());
    written.and_then(|()| std::fs::rename(&beside, path)).inspect_err(|_| {
        // The first error is the one to tell; a file that stays behind is only untidy.
        let _best_effort = std::fs::remove_file(&beside);
    })
}

fn program_of(config: &Path) -> Result<Option<PathBuf>, Failure> {
    let text = match std::fs::read_to_string(config) {
        Ok(text) => text,
        Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::IsADirectory) => return Ok(None),
        Err(e) => return Err(Failure::local(format!("Cannot read {}: {e}", config.display()))),
    };
    let wrong = |what: String| Failure::local(format!("{} is not valid: {what}", config.display()));
    let body = kw_hcl::parse(&text).map_err(|e| wrong(e.to_string()))?;
    match body.get("token_helper").map(|item| &item.value) {
        None => Ok(None),
        Some(kw_hcl::Value::String(program)) if program.is_empty() => Ok(None),
        Some(kw_hcl::Value::String(program)) => Ok(Some(PathBuf::from(program))),
        Some(_) => Err(wrong("token_helper must be the path of a program".to_owned())),
    }
}

fn cannot_run(program: &Path, error: &std::io::Error) -> Failure {
    Failure::local(format!("Cannot run the token helper {}: {error}", program.display()))
}

fn failed(program: &Path, what: &str) -> Failure {
    Failure::local(format!("The token helper {} failed to {what} the token.", program.display()))
}
