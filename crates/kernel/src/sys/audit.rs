//! `sys/audit` and `sys/audit-hash`: the devices that every request is told to.
use super::routes::Flat;
use super::{Call, SysRoutes};
use crate::rows::AUDITS;
use kw_audit::{Device, DeviceConfig, RequestFacts, SinkKind, Subject, write_request};
use kw_engine::{Data, Reply};
use kw_schema::{KeyValues, Nothing, Request, Response};
use kw_store::Page;
use kw_types::{Fault, MountPath, RngExt, Secret};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fs::{File, FileType};
use std::io::Read;
use std::os::unix::fs::FileTypeExt;
use std::path::{Component, Path};

pub(super) fn routes(routes: SysRoutes) -> SysRoutes {
    routes
        .at("audit")
        .read(list)
        .sudo()
        .at("audit/{path...}")
        .write(enable)
        .sudo()
        .delete(disable)
        .sudo()
        .at("audit-hash/{path...}")
        .write(hash)
}

/// One device as it is shown.
#[derive(Serialize)]
struct Shown<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    description: &'a str,
    options: &'a BTreeMap<String, String>,
    local: bool,
    path: &'a str,
}

async fn list(call: &Call<'_>, _: Nothing) -> Result<Flat<Reply>, Fault> {
    let configs = configured(call).await?;
    let shown: BTreeMap<&str, Shown<'_>> = configs
        .iter()
        .map(|c| {
            let DeviceConfig { path, kind, description, local, options, .. } = c;
            (path.as_str(), Shown { kind, description, options, local: *local, path })
        })
        .collect();
    Ok(Flat(Reply::data(&shown)?))
}

/// All devices, of the configuration and of the store, open or not.
async fn configured(call: &Call<'_>) -> Result<Vec<DeviceConfig>, Fault> {
    let mut configs = call.kernel.settings.audit_devices.clone();
    let view = call.kernel.view(AUDITS);
    for name in view.names("", Page::default()).await? {
        configs.extend(view.get::<DeviceConfig>(&name).await?);
    }
    Ok(configs)
}

/// Enables an audit device. From then on no request is answered that no device could be told of.
#[derive(Request)]
struct Enable {
    /// The name of the device.
    #[capture]
    path: String,
    /// `file` or `stdout`.
    #[field(name = "type")]
    kind: String,
    /// A text for people.
    description: String,
    /// Whether the device is this node's alone.
    local: bool,
    /// `file_path` (or `stdout`, `discard`), `mode` (octal), `format` (`json`), `hmac_accessor`, `elide_list_responses`, `elide_read_requests`.
    options: KeyValues,
}

async fn enable(call: &Call<'_>, ask: Enable) -> Result<(), Fault> {
    if !call.kernel.settings.audit_by_api {
        return Err(Fault::bad_request(
            "audit devices cannot be enabled by the API here: declare them in the server's configuration",
        ));
    }
    let path = device_path(&ask.path)?;
    let config = DeviceConfig {
        path: path.as_str().to_owned(),
        kind: ask.kind,
        description: ask.description,
        local: ask.local,
        options: ask.options.0,
        salt: Secret::new(call.kernel.rng.bytes::<32>().to_vec()),
    };
    for known in configured(call).await? {
        if known.path.starts_with(path.as_str()) || path.as_str().starts_with(&known.path) {
            return Err(in_use());
        }
    }
    check(&config)?;
    let device = Device::open(config.clone()).map_err(Fault::bad_request)?;
    test(call, &device)?;
    call.kernel
        .transact(async |txn| {
            let rows = txn.rescoped(AUDITS);
            if rows.pin(&config.path).await? {
                return Err(in_use());
            }
            rows.put(&config.path, &config)
        })
        .await?;
    tracing::info!(device = config.path, kind = config.kind, "an audit device was enabled");
    Ok(())
}

fn device_path(text: &str) -> Result<MountPath, Fault> {
    MountPath::parse(text).map_err(|why| Fault::bad_request(format!("path of the device: {why}")))
}

fn in_use() -> Fault {
    Fault::bad_request("path already in use")
}

/// Whoever may enable devices must not thereby write to any file of the machine, or read what all others send: what only an
/// operator with access to the machine may decide is taken from the configuration alone.
fn check(config: &DeviceConfig) -> Result<(), Fault> {
    let options = config.options().map_err(Fault::bad_request)?;
    if options.log_raw || !options.prefix.is_empty() {
        return Err(Fault::bad_request(
            "log_raw and prefix are taken only from an audit stanza of the server's configuration file",
        ));
    }
    let SinkKind::File { path, mode } = options.sink else { return Ok(()) };
    if mode & !0o644 != 0 {
        return Err(Fault::bad_request("mode may give read and write to the owner and read to others, no more"));
    }
    check_file(Path::new(&path))
}

/// The devices that may be written by this name.
const SPECIAL: [&str; 4] = ["/dev/null", "/dev/full", "/dev/stdout", "/dev/stderr"];

fn check_file(path: &Path) -> Result<(), Fault> {
    if SPECIAL.iter().any(|special| Path::new(special) == path) {
        return Ok(());
    }
    if !path.is_absolute() || path.components().any(|c| c == Component::ParentDir) {
        return Err(Fault::bad_request("file_path must be an absolute path without '..'"));
    }
    // What cannot be looked at is told by the attempt to open it.
    let Ok(known) = path.symlink_metadata() else { return Ok(()) };
    if !is_plain(known.file_type()) {
        return Err(Fault::bad_request("file_path must be a regular file or not exist: no link, pipe or device"));
    }
    let mut first = [0_u8; 1];
    let begins = File::open(path).and_then(|mut file| file.read(&mut first));
    match begins {
        // Audit lines begin so. Anything else is no audit file, and lines in it would do harm.
        Ok(0) => Ok(()),
        Ok(_) if first == *b"{" => Ok(()),
        _ => Err(Fault::bad_request("file_path is a file that holds something else than audit lines; choose another")),
    }
}

fn is_plain(kind: FileType) -> bool {
    kind.is_file() && !kind.is_symlink() && !kind.is_fifo() && !kind.is_socket()
}

/// Writes one line, so that a device which cannot be written is never accepted.
fn test(call: &Call<'_>, device: &Device) -> Result<(), Fault> {
    let facts =
        RequestFacts { id: &call.resolved.id, operation: "update", path: "sys/audit/test", ..RequestFacts::default() };
    let mut line = Vec::new();
    write_request(device, call.kernel.now(), &Subject::new(device, &facts, None), None, &mut line);
    device.write(&line).map_err(|e| Fault::bad_request(format!("audit backend failed test message: {e}")))
}

/// Disables an audit device.
#[derive(Request)]
struct Disable {
    /// The name of the device.
    #[capture]
    path: String,
}

async fn disable(call: &Call<'_>, ask: Disable) -> Result<(), Fault> {
    let path = device_path(&ask.path)?;
    if call.kernel.settings.audit_devices.iter().any(|d| d.path == path.as_str()) {
        return Err(Fault::bad_request(
            "this audit device is declared in the server's configuration and can be disabled only there",
        ));
    }
    call.kernel
        .transact(async |txn| {
            let rows = txn.rescoped(AUDITS);
            if rows.pin(path.as_str()).await? {
                rows.delete(path.as_str());
            }
            Ok(())
        })
        .await?;
    tracing::warn!(device = path.as_str(), "an audit device was disabled");
    Ok(())
}

/// Gives the hash of a value as a device writes it, to look for the value in its log.
#[derive(Request)]
struct Hash {
    /// The name of the device.
    #[capture]
    path: String,
    /// The value.
    input: Secret<String>,
}

#[derive(Serialize, Response)]
struct Hashed {
    /// `hmac-sha256:` and hexadecimal digits.
    hash: String,
}

async fn hash(call: &Call<'_>, ask: Hash) -> Result<Flat<Data<Hashed>>, Fault> {
    if ask.input.expose().is_empty() {
        return Err(Fault::bad_request("the \"input\" parameter is empty"));
    }
    let path = device_path(&ask.path)?;
    let audits = call.kernel.audits.current(call.kernel).await?;
    let device = audits.devices.iter().find(|d| d.config.path == path.as_str());
    let device = device.ok_or_else(|| Fault::bad_request("unknown audit backend"))?;
    Ok(Flat(Data(Hashed { hash: device.hash(ask.input.expose()) })))
}

#[cfg(test)]
mod tests;
