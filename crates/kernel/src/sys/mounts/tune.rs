//! Changing what can be changed of a mount.
use super::change::change;
use super::config::{ConfigAsk, LockoutAsk, Nested, apply_options};
use super::show::TuneFacts;
use super::sort::Sort;
use crate::kernel::Kernel;
use crate::rows::MOUNTS;
use crate::sys::Call;
use crate::sys::routes::Flat;
use kw_engine::{Mount, Reply, Request};
use kw_schema::KeyValues;
use kw_types::Fault;

/// Changes a mount. What is not given stays as it is.
#[derive(Request)]
pub(super) struct Tune {
    /// The path of the mount.
    #[capture]
    path: String,
    /// What it is for, in the operator's own words.
    description: Option<String>,
    /// Options of the engine's own; an empty value removes one.
    options: KeyValues,
    #[flatten]
    config: ConfigAsk,
    /// When users are locked out; only for auth methods that lock out.
    user_lockout_config: Option<Nested<LockoutAsk>>,
}

/// Shows what can be changed of a mount, with times to live as they are in force.
#[derive(Request)]
pub(super) struct Tuned {
    /// The path of the mount.
    #[capture]
    path: String,
}

pub(super) async fn secrets(call: &Call<'_>, ask: Tune) -> Result<(), Fault> {
    tune(call.kernel, Sort::Secrets, &ask).await
}

pub(super) async fn auth(call: &Call<'_>, ask: Tune) -> Result<(), Fault> {
    tune(call.kernel, Sort::Auth, &ask).await
}

pub(super) async fn read_secrets(call: &Call<'_>, ask: Tuned) -> Result<Flat<Reply>, Fault> {
    read(call.kernel, Sort::Secrets, &ask.path).await
}

pub(super) async fn read_auth(call: &Call<'_>, ask: Tuned) -> Result<Flat<Reply>, Fault> {
    read(call.kernel, Sort::Auth, &ask.path).await
}

async fn read(kernel: &Kernel, sort: Sort, path: &str) -> Result<Flat<Reply>, Fault> {
    let path = sort.path(path)?;
    let table = kernel.mounts.current(kernel).await?;
    let mount = table.exact(path.as_str());
    let mount =
        mount.ok_or_else(|| Fault::bad_request(format!("cannot fetch sysview for path {:?}", path.as_str())))?;
    Reply::data(&TuneFacts::of(kernel, mount)).map(Flat)
}

async fn tune(kernel: &Kernel, sort: Sort, ask: &Tune) -> Result<(), Fault> {
    // An auth method can be tuned under `sys/mounts/auth/` too, so the sort says no more than how the path was given.
    let path = sort.path(&ask.path)?;
    change(kernel, async |txn, table| {
        let Some(mount) = table.exact(path.as_str()) else {
            let text = format!("tune of path {:?} failed: no mount entry found", path.as_str());
            return Err(Fault::bad_request(text));
        };
        txn.rescoped(MOUNTS).put(path.as_str(), &tuned(kernel, mount, ask)?)
    })
    .await
}

fn tuned(kernel: &Kernel, mount: &Mount, ask: &Tune) -> Result<Mount, Fault> {
    let mut mount = mount.clone();
    let is_built_in = kernel.is_built_in(&mount);
    if is_built_in && !mount.auth {
        return Err(Fault::bad_request(format!("cannot tune {:?}", mount.path.as_str())));
    }
    if ask.config.has_token_type() && !mount.auth {
        return Err(Fault::bad_request("'token_type' can only be modified on auth mounts"));
    }
    if ask.config.has_token_type() && is_built_in {
        return Err(Fault::bad_request("'token_type' cannot be set for 'token' auth mounts"));
    }
    if let Some(lockout) = &ask.user_lockout_config {
        if !kernel.registry.method(&mount.kind).is_some_and(|m| mount.auth && m.locks_out()) {
            let text = format!("tuning of user lockout configuration for auth type {:?} not allowed", mount.kind);
            return Err(Fault::bad_request(text));
        }
        lockout.0.apply(&mut mount);
    }
    if let Some(description) = &ask.description {
        mount.description.clone_from(description);
    }
    apply_options(&mut mount, &ask.options)?;
    ask.config.apply(&mut mount, kernel.settings.max_lease_ttl)?;
    if let Some(engine) = kernel.registry.of_mount(&mount) {
        engine.check(&mut mount)?;
    }
    Ok(mount)
}
