//! Enabling an engine or method at a path.
use super::change::change;
use super::config::{ConfigAsk, Nested};
use super::sort::{Sort, is_reserved};
use crate::kernel::Kernel;
use crate::rows::MOUNTS;
use crate::sys::Call;
use kw_engine::{Mount, Request};
use kw_schema::KeyValues;
use kw_types::{Fault, MountPath};

/// Enables a secrets engine or an auth method at a path.
#[derive(Request)]
pub(super) struct Enable {
    /// Where: one name or several with slashes between them.
    #[capture]
    path: String,
    /// The type, such as `kv` or `approle`; `sys/plugins/catalog` lists them.
    #[field(name = "type")]
    kind: String,
    /// What it is for, in the operator's own words.
    description: String,
    /// Times to live and what else `tune` can change later.
    config: Nested<ConfigAsk>,
    /// Options of the engine's own, such as `version` for `kv`.
    options: KeyValues,
    /// Kept and shown; there is no replication that it could exclude the mount from.
    local: bool,
    /// Kept and shown; all rows are encrypted alike.
    seal_wrap: bool,
    /// Kept and shown.
    external_entropy_access: bool,
    /// The type, where `type` is `plugin`.
    plugin_name: String,
    /// Leave it away: engines are part of the server and have its version.
    plugin_version: String,
}

pub(super) async fn secrets(call: &Call<'_>, ask: Enable) -> Result<(), Fault> {
    enable(call.kernel, Sort::Secrets, ask).await
}

pub(super) async fn auth(call: &Call<'_>, ask: Enable) -> Result<(), Fault> {
    enable(call.kernel, Sort::Auth, ask).await
}

async fn enable(kernel: &Kernel, sort: Sort, ask: Enable) -> Result<(), Fault> {
    let path = sort.path(&ask.path)?;
    if sort == Sort::Secrets && is_reserved(&path) {
        return Err(Fault::bad_request(format!("cannot mount {:?}", path.as_str())));
    }
    let mount = new_mount(kernel, sort, path, ask)?;
    change(kernel, async |txn, table| {
        if let Some(other) = table.overlap(mount.path.as_str()) {
            return Err(Fault::bad_request(format!("path is already in use at {}", sort.shown(&other.path))));
        }
        txn.rescoped(MOUNTS).put(mount.path.as_str(), &mount)
    })
    .await
}

fn new_mount(kernel: &Kernel, sort: Sort, path: MountPath, ask: Enable) -> Result<Mount, Fault> {
    let kind = if ask.kind == "plugin" { ask.plugin_name } else { ask.kind };
    if kind.is_empty() {
        return Err(Fault::bad_request("backend type must be specified as a string"));
    }
    if !ask.plugin_version.is_empty() {
        return Err(Fault::bad_request("engines are part of this server and have no versions: remove plugin_version"));
    }
    let absent =
        || Fault::bad_request("plugin not found in the catalog: see sys/plugins/catalog for the types there are");
    if kernel.system.table(&kind).is_some() {
        return Err(not_mountable(sort, &kind));
    }
    let engine = kernel.registry.named(sort == Sort::Auth, &kind).ok_or_else(absent)?;
    if engine.per_token() {
        return Err(not_mountable(sort, &kind));
    }
    let options = ask.options.0.into_iter().filter(|(_, value)| !value.is_empty()).collect();
    let mut mount = kernel.new_mount(path, engine.kind(), &ask.description, options);
    // An engine that goes by several names tells in its check what each of them stands for.
    mount.kind = kind;
    engine.check(&mut mount)?;
    if mount.kind != engine.kind() {
        return Err(absent());
    }
    mount.local = ask.local;
    mount.seal_wrap = ask.seal_wrap;
    mount.external_entropy_access = ask.external_entropy_access;
    ask.config.0.apply(&mut mount, kernel.settings.max_lease_ttl)?;
    Ok(mount)
}

fn not_mountable(sort: Sort, kind: &str) -> Fault {
    Fault::bad_request(match sort {
        Sort::Secrets => format!("mount type of {kind:?} is not mountable"),
        Sort::Auth => format!("{kind} credential backend cannot be instantiated"),
    })
}
