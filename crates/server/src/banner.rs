//! What a server prints when it starts, in the form that tutorials show.
use crate::config::{Config, Storage};
use kw_cli::Brand;
use std::fmt::Write;
use std::path::Path;

/// The facts of the configuration. Whoever waits for Vault's lines sees them where the program is called by that name.
pub(crate) fn configuration(config: &Config, api_addr: &str, addresses: &[String], brand: Brand) -> String {
    let mut rows: Vec<(String, String)> = vec![
        ("Api Address".to_owned(), api_addr.to_owned()),
        ("Log Level".to_owned(), format!("{:?}", config.log_level).to_lowercase()),
        ("Mlock".to_owned(), format!("supported: true, enabled: {}", !config.disable_mlock)),
        ("Storage".to_owned(), storage(&config.storage)),
        ("Version".to_owned(), brand.version_line()),
    ];
    for (at, address) in addresses.iter().enumerate() {
        let tls = if config.listeners.get(at).is_some_and(|l| l.tls.is_some()) { "enabled" } else { "disabled" };
        rows.push((format!("Listener {}", at + 1), format!("{address} (tls: {tls})")));
    }
    rows.sort();
    let width = rows.iter().map(|(k, _)| k.len()).max().unwrap_or(0) + 8;
    let product = brand.product();
    let mut out = format!("==> {product} server configuration:\n\n");
    for (key, value) in rows {
        // Writing into a String does not fail.
        let _ = writeln!(out, "{key:>width$}: {value}");
    }
    out + &format!("\n==> {product} server started! Log data will stream in below:\n")
}

fn storage(storage: &Storage) -> String {
    match storage {
        Storage::InMem => "inmem".to_owned(),
        Storage::Etcd(_) => "etcd".to_owned(),
        Storage::PostgreSql(_) => "postgresql".to_owned(),
        Storage::Embedded { path, .. } => format!("embedded ({})", path.display()),
    }
}

/// The warning of development mode, with the keys. `authority` is the file to trust, where the server speaks TLS.
pub(crate) fn development(
    url: &str,
    authority: Option<&Path>,
    unseal_key: &str,
    root_token: &str,
    is_kept: bool,
) -> String {
    let kept = if is_kept {
        "keeps its data and its keys side by side in the directory given"
    } else {
        "runs entirely in-memory"
    };
    let trusted = authority.map(|file| format!("\n    $ export VAULT_CACERT='{}'", file.display())).unwrap_or_default();
    format!(
        "
WARNING! dev mode is enabled! In this mode, the server {kept}
and starts unsealed with a single unseal key. The root token is already
authenticated to the CLI, so you can immediately begin using it.

You may need to set the following environment variables:

    $ export VAULT_ADDR='{url}'{trusted}

The unseal key and root token are displayed below in case you want to
seal/unseal the vault or re-authenticate.

Unseal Key: {unseal_key}
Root Token: {root_token}

Development mode should NOT be used in production installations!
"
    )
}
