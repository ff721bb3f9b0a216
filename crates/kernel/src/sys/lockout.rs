//! `sys/locked-users`: who is locked out after failed logins, and letting them in again.
use super::{Call, SysRoutes};
use crate::lockout::LockoutRow;
use crate::rows::LOCKOUTS;
use kw_engine::Data;
use kw_schema::{Request, Response};
use kw_store::Page;
use kw_types::Fault;
use serde::Serialize;
use std::collections::BTreeMap;

pub(super) fn routes(routes: SysRoutes) -> SysRoutes {
    routes.at("locked-users").read(list).at("locked-users/{mount_accessor}/unlock/{alias_identifier...}").write(unlock)
}

/// Lists the users who are locked out.
#[derive(Request)]
struct List {
    /// Only users of this auth method.
    mount_accessor: String,
}

#[derive(Serialize, Response)]
struct Locked {
    /// The users by namespace and auth method, the longest lists first.
    by_namespace: Vec<OfNamespace>,
    /// How many there are.
    #[field(kind = "Integer")]
    total: usize,
}

#[derive(Serialize)]
struct OfNamespace {
    namespace_id: &'static str,
    namespace_path: &'static str,
    counts: usize,
    mount_accessors: Vec<OfMount>,
}

#[derive(Serialize)]
struct OfMount {
    mount_accessor: String,
    counts: usize,
    alias_identifiers: Vec<String>,
}

/// So many rows are read at a time.
const STEP: usize = 1000;

async fn list(call: &Call<'_>, ask: List) -> Result<Data<Locked>, Fault> {
    let folder = if ask.mount_accessor.is_empty() { String::new() } else { format!("{}/", ask.mount_accessor) };
    let (view, now) = (call.kernel.view(LOCKOUTS), call.kernel.now());
    let mut by_mount: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut after = String::new();
    loop {
        let rows = view.rows(&folder, Page::new(&after, STEP)).await?;
        let Some((last, _)) = rows.last() else { break };
        after.clone_from(last);
        for (name, plain) in &rows {
            let locked = serde_json::from_slice::<LockoutRow>(plain).is_ok_and(|row| row.is_locked(now));
            let name = format!("{folder}{name}");
            if let Some((accessor, alias)) = name.split_once('/').filter(|_| locked) {
                by_mount.entry(accessor.to_owned()).or_default().push(alias.to_owned());
            }
        }
    }
    Ok(Data(counted(by_mount)))
}

fn counted(by_mount: BTreeMap<String, Vec<String>>) -> Locked {
    let mut mount_accessors: Vec<OfMount> = by_mount
        .into_iter()
        .map(|(mount_accessor, alias_identifiers)| OfMount {
            mount_accessor,
            counts: alias_identifiers.len(),
            alias_identifiers,
        })
        .collect();
    mount_accessors.sort_by_key(|m| std::cmp::Reverse(m.counts));
    let total = mount_accessors.iter().map(|m| m.counts).sum();
    Locked {
        by_namespace: vec![OfNamespace { namespace_id: "root", namespace_path: "", counts: total, mount_accessors }],
        total,
    }
}

/// Lets a user log in again. Nothing to do is success.
#[derive(Request)]
struct Unlock {
    /// The auth method.
    #[capture]
    mount_accessor: String,
    /// The user as the method knows it.
    #[capture]
    alias_identifier: String,
}

async fn unlock(call: &Call<'_>, ask: Unlock) -> Result<(), Fault> {
    let names = [&ask.alias_identifier, &ask.alias_identifier.to_lowercase()];
    call.kernel
        .transact(async |txn| {
            let rows = txn.rescoped(LOCKOUTS);
            for alias in names {
                rows.delete(&format!("{}/{alias}", ask.mount_accessor));
            }
            Ok(())
        })
        .await
}
