//! What user interfaces and the command line ask before anything else: which mounts there are for this caller.
use super::show::MountFacts;
use super::sort::Sort;
use crate::sys::{Call, SysRoutes};
use crate::token::Rights;
use kw_engine::{Keys, Listing, Mount, Reply, Request};
use kw_types::{Fault, FaultKind};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;

pub(super) fn routes(routes: SysRoutes) -> SysRoutes {
    routes
        .at("internal/ui/mounts")
        .read(mounts)
        .open()
        .at("internal/ui/mounts/{path...}")
        .read(mount_of)
        .open()
        .at("internal/ui/namespaces")
        .read(namespaces)
        .open()
        .at("internal/ui/resultant-acl")
        .read(resultant)
}

/// Lists the mounts that the caller may see: without a token those whose `listing_visibility` is `unauth`, with one also
/// those on which it can do anything at all.
#[derive(Request)]
struct Visible {}

/// Shows the mount that a path belongs to, if the caller can do anything at all on it.
#[derive(Request)]
struct MountOf {
    /// Any path, such as that of a secret.
    #[capture]
    path: String,
}

/// Lists the namespaces below the root that the caller may use.
#[derive(Request)]
struct Namespaces {}

/// Shows all rights of the caller's token.
#[derive(Request)]
struct ResultantAcl {}

#[derive(Default, Serialize)]
struct VisibleMounts<'a> {
    auth: BTreeMap<&'a str, VisibleMount<'a>>,
    secret: BTreeMap<&'a str, VisibleMount<'a>>,
}

/// A mount for a caller with a token or without.
#[derive(Serialize)]
#[serde(untagged)]
enum VisibleMount<'a> {
    Full(Box<MountFacts<'a>>),
    Public {
        #[serde(rename = "type")]
        kind: &'a str,
        description: &'a str,
        options: Option<&'a BTreeMap<String, String>>,
    },
}

#[derive(Serialize)]
struct MountAt<'a> {
    path: &'a str,
    #[serde(flatten)]
    facts: MountFacts<'a>,
}

async fn mounts(call: &Call<'_>, _: Visible) -> Result<Reply, Fault> {
    let rights = rights(call).await?;
    let table = call.kernel.mounts.current(call.kernel).await?;
    let mut shown = VisibleMounts::default();
    for mount in table.iter() {
        let is_public = mount.config.listing_visibility == Listing::Unauth;
        let visible = match &rights {
            Some(rights) if is_public || may_see(rights, mount) => {
                VisibleMount::Full(Box::new(MountFacts::of(mount, call.kernel.is_built_in(mount))))
            }
            None if is_public => VisibleMount::Public {
                kind: &mount.kind,
                description: &mount.description,
                options: Some(&mount.options).filter(|o| !o.is_empty()),
            },
            _ => continue,
        };
        if mount.auth {
            shown.auth.insert(Sort::Auth.shown(&mount.path), visible);
        } else {
            shown.secret.insert(mount.path.as_str(), visible);
        }
    }
    Reply::data(&shown)
}

async fn mount_of(call: &Call<'_>, ask: MountOf) -> Result<Reply, Fault> {
    if ask.path.trim_matches('/').is_empty() {
        return Err(Fault::bad_request("path not set"));
    }
    let rights = rights(call).await?.ok_or_else(Fault::denied)?;
    let table = call.kernel.mounts.current(call.kernel).await?;
    // No mount and no access are one answer, so that nobody finds out by asking what is mounted.
    match table.find(ask.path.trim_start_matches('/')) {
        Some((mount, _)) if may_see(&rights, mount) => {
            let facts = MountFacts::of(mount, call.kernel.is_built_in(mount));
            Reply::data(&MountAt { path: mount.path.as_str(), facts })
        }
        _ => Err(Fault::new(
            FaultKind::Denied,
            "preflight capability check returned 403, please ensure client's policies grant access to the path",
        )),
    }
}

async fn namespaces(call: &Call<'_>, _: Namespaces) -> Result<Keys, Fault> {
    rights(call).await?.ok_or_else(Fault::denied)?;
    // The root namespace goes by the empty name.
    Ok(vec![String::new()].into())
}

async fn resultant(call: &Call<'_>, _: ResultantAcl) -> Result<Reply, Fault> {
    let rights = call.session()?.rights(call.kernel).await?;
    Reply::data(&rights.acl.resultant())
}

fn may_see(rights: &Rights, mount: &Mount) -> bool {
    rights.acl.has_any_access(mount.path.as_str())
}

/// What the token that came with an open request may do; `None` without a token. Errors: 403 for one that is not good.
async fn rights(call: &Call<'_>) -> Result<Option<Arc<Rights>>, Fault> {
    let text = call.presented_token();
    if text.is_empty() {
        return Ok(None);
    }
    let session = call.kernel.tokens.find(call.kernel, text, call.kernel.now()).await?.ok_or_else(Fault::denied)?;
    let remote = call.resolved.received.remote.map(|a| a.ip());
    if session.entry.is_spent || !session.entry.bound_cidrs.allow(remote) {
        return Err(Fault::denied());
    }
    session.rights(call.kernel).await.map(Some)
}
