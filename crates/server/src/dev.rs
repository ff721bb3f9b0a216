//! Development mode: initialised and open from the start.
use crate::arguments::Arguments;
use kw_cli::Environment;
use kw_kernel::{FirstMount, Kernel};
use kw_types::Secret;
use serde::{Deserialize, Serialize};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// What `-dev-persist` keeps beside the data. Whoever reads it has everything: that is what development mode means.
#[derive(Serialize, Deserialize)]
pub(crate) struct KeptKeys {
    pub unseal_key: String,
    pub root_token: String,
}

const SECRET: [FirstMount; 1] =
    [FirstMount { path: "secret/", kind: "kv", description: "key/value secret storage", options: &[("version", "2")] }];

/// Opens the server, with new keys or with those that were kept. Errors: what to do about it.
pub(crate) async fn open(kernel: &Kernel, arguments: &Arguments) -> Result<KeptKeys, String> {
    let kept = arguments.dev_persist.as_ref().map(|dir| dir.join("dev-keys.json"));
    if let Some(keys) = kept.as_deref().and_then(read) {
        kernel
            .unseal_with_share(&keys.unseal_key)
            .await
            .map_err(|f| format!("the kept unseal key does not open the store: {f}"))?;
        return Ok(keys);
    }
    let mounts: &[FirstMount] = if arguments.dev_no_kv { &[] } else { &SECRET };
    let made = kernel
        .start_dev(mounts, arguments.dev_root_token.clone())
        .await
        .map_err(|f| format!("the development server could not be initialised: {f}"))?;
    let keys = KeptKeys { unseal_key: made.unseal_key.expose().clone(), root_token: made.root_token.expose().clone() };
    if let Some(path) = kept {
        write(&path, &serde_json::to_string(&keys).map_err(|e| e.to_string())?)?;
    }
    Ok(keys)
}

/// Makes the root token the command line's own, as Vault's development server does.
pub(crate) fn store_token(env: &Environment, token: &str) {
    if let Err(error) = kw_cli::keep_token(env, &Secret::new(token.to_owned())) {
        tracing::warn!(error, "the root token could not be stored for the command line");
    }
}

fn read(path: &Path) -> Option<KeptKeys> {
    serde_json::from_slice(&std::fs::read(path).ok()?).ok()
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    let file = std::fs::OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(path);
    file.and_then(|mut f| f.write_all(text.as_bytes())).map_err(|e| format!("{}: {e}", path.display()))
}
