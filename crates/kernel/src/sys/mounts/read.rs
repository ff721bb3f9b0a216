//! Showing mounts to operators.
use super::show::MountFacts;
use super::sort::Sort;
use crate::kernel::Kernel;
use crate::sys::Call;
use crate::sys::routes::Flat;
use kw_engine::{Reply, Request};
use kw_types::Fault;
use std::collections::BTreeMap;

/// Lists all mounts of the sort with their facts.
#[derive(Request)]
pub(super) struct All {}

/// Shows one mount.
#[derive(Request)]
pub(super) struct One {
    /// The path of the mount.
    #[capture]
    path: String,
}

pub(super) async fn all_secrets(call: &Call<'_>, _: All) -> Result<Flat<Reply>, Fault> {
    all(call.kernel, Sort::Secrets).await
}

pub(super) async fn all_auth(call: &Call<'_>, _: All) -> Result<Flat<Reply>, Fault> {
    all(call.kernel, Sort::Auth).await
}

pub(super) async fn one_secrets(call: &Call<'_>, ask: One) -> Result<Flat<Reply>, Fault> {
    one(call.kernel, Sort::Secrets, &ask.path).await
}

pub(super) async fn one_auth(call: &Call<'_>, ask: One) -> Result<Flat<Reply>, Fault> {
    one(call.kernel, Sort::Auth, &ask.path).await
}

async fn all(kernel: &Kernel, sort: Sort) -> Result<Flat<Reply>, Fault> {
    let table = kernel.mounts.current(kernel).await?;
    let shown: BTreeMap<&str, MountFacts<'_>> = table
        .iter()
        .filter(|mount| sort.holds(mount))
        .map(|mount| (sort.shown(&mount.path), MountFacts::of(mount, kernel.is_built_in(mount))))
        .collect();
    Reply::data(&shown).map(Flat)
}

async fn one(kernel: &Kernel, sort: Sort, path: &str) -> Result<Flat<Reply>, Fault> {
    let path = sort.path(path)?;
    let table = kernel.mounts.current(kernel).await?;
    let mount = table.exact(path.as_str()).filter(|m| sort.holds(m)).ok_or_else(|| {
        let what = if sort == Sort::Auth { "No auth engine" } else { "No secret engine mount" };
        Fault::bad_request(format!("{what} at {}", sort.shown(&path)))
    })?;
    Reply::data(&MountFacts::of(mount, kernel.is_built_in(mount))).map(Flat)
}
