//! `identity/group-alias`: by which name an auth method knows an external group.
use super::super::rows::{AliasRow, GroupRow, GroupType};
use super::super::{groups, names, rows};
use super::change;
use super::entity_alias::{Written, check_mount};
use super::listing::{List, keys_with};
use super::shown::{AliasBrief, AliasShown};
use crate::kernel::Kernel;
use crate::rows::IDENTITY;
use crate::sys::{Call, SysRoutes};
use kw_engine::{Data, Keys};
use kw_schema::Request;
use kw_store::{Txn, View};
use kw_types::{Fault, RngExt};
use std::collections::BTreeMap;

pub(super) fn routes(routes: SysRoutes) -> SysRoutes {
    routes
        .at("group-alias")
        .write(write)
        .at("group-alias/id")
        .list(list)
        .at("group-alias/id/{id*}")
        .read(read)
        .write(write_by_id)
        .delete(delete)
}

/// What an alias of a group is.
#[derive(Request)]
struct Facts {
    /// The name that the auth method knows the group by. Its case does not count.
    name: String,
    /// The accessor of the auth method's mount.
    mount_accessor: String,
    /// The external group. A new alias without one gets a new group.
    canonical_id: String,
}

/// Makes the alias of a group, or changes the one of this id. A group has one alias: a new one takes the place of the old.
#[derive(Request)]
struct Write {
    /// The alias to change.
    id: String,
    #[flatten]
    facts: Facts,
}

/// Changes the alias of this id.
#[derive(Request)]
struct WriteById {
    /// The alias.
    #[capture]
    id: String,
    #[flatten]
    facts: Facts,
}

async fn write(call: &Call<'_>, ask: Write) -> Result<Data<Written>, Fault> {
    let Write { id, facts } = ask;
    if facts.mount_accessor.is_empty() {
        return Err(Fault::bad_request("missing mount_accessor"));
    }
    if facts.name.is_empty() {
        return Err(Fault::bad_request("missing alias name"));
    }
    names::check_alias(&facts.name)?;
    check_mount(&*call.kernel.mounts.current(call.kernel).await?, &facts.mount_accessor)?;
    let written = change(call, async |txn| put(call.kernel, txn, &id, &facts).await).await?;
    Ok(Data(written))
}

async fn write_by_id(call: &Call<'_>, ask: WriteById) -> Result<Data<Written>, Fault> {
    if ask.id.is_empty() {
        return Err(Fault::bad_request("invalid group alias ID"));
    }
    write(call, Write { id: ask.id, facts: ask.facts }).await
}

async fn put(kernel: &Kernel, txn: Txn<'_>, id: &str, facts: &Facts) -> Result<Written, Fault> {
    let now = kernel.now();
    let mut alias = AliasRow { id: kernel.rng.uuid(), created: now, ..AliasRow::default() };
    let mut owner = facts.canonical_id.clone();
    if !id.is_empty() {
        let holder = of_alias(txn.view(), id).await?.ok_or_else(|| Fault::bad_request("invalid group alias ID"))?;
        alias = alias_of(&holder)?;
        if owner.is_empty() {
            owner.clone_from(&holder.id);
        }
        if owner != holder.id {
            detach(kernel, txn, holder).await?;
        }
    }
    let mut group = if owner.is_empty() {
        groups::create(kernel, txn, "", GroupType::External).await?
    } else {
        let group = groups::get(txn.view(), &owner).await?;
        group.ok_or_else(|| Fault::bad_request("invalid group ID given in 'canonical_id'"))?
    };
    if group.kind == GroupType::Internal {
        return Err(Fault::bad_request("alias can't be set on an internal group"));
    }
    let index = rows::group_alias_key(&facts.mount_accessor, &facts.name);
    if rows::pointed(txn.view(), &index).await?.is_some_and(|holder| holder != group.id) {
        return Err(Fault::bad_request("combination of mount and group alias name is already in use"));
    }
    match &group.alias {
        // Said once more: those who are in the group by it stay.
        Some(same) if rows::group_alias_key(&same.mount_accessor, &same.name) == index => {
            txn.delete(&rows::group_alias(&same.id));
        }
        _ => groups::drop_alias(txn, &mut group).await?,
    }
    alias.canonical_id.clone_from(&group.id);
    alias.mount_accessor.clone_from(&facts.mount_accessor);
    alias.name.clone_from(&facts.name);
    alias.updated = now;
    txn.put_bytes(&index, group.id.clone());
    txn.put_bytes(&rows::group_alias(&alias.id), group.id.clone());
    let written = Written { id: alias.id.clone(), canonical_id: group.id.clone() };
    group.alias = Some(alias);
    groups::put(kernel, txn, &mut group)?;
    Ok(written)
}

fn alias_of(group: &GroupRow) -> Result<AliasRow, Fault> {
    group.alias.clone().ok_or_else(|| Fault::internal("an index of group aliases leads to a group without"))
}

/// Takes the alias from its group.
async fn detach(kernel: &Kernel, txn: Txn<'_>, mut group: GroupRow) -> Result<(), Fault> {
    groups::drop_alias(txn, &mut group).await?;
    groups::put(kernel, txn, &mut group)
}

/// The group that has this alias.
pub(super) async fn of_alias(view: View<'_>, id: &str) -> Result<Option<GroupRow>, Fault> {
    groups::by_pointer(view, &rows::group_alias(id)).await
}

/// The alias of a group by its id.
#[derive(Request)]
struct ById {
    /// The alias.
    #[capture]
    id: String,
}

async fn read(call: &Call<'_>, ask: ById) -> Result<Option<Data<AliasShown>>, Fault> {
    let group = call.kernel.look(IDENTITY, async |view| of_alias(view, &ask.id).await).await?;
    let mounts = call.kernel.mounts.current(call.kernel).await?;
    Ok(group.and_then(|group| group.alias).map(|alias| Data(AliasShown::of(&alias, &mounts))))
}

async fn delete(call: &Call<'_>, ask: ById) -> Result<(), Fault> {
    change(call, async |txn| match of_alias(txn.view(), &ask.id).await? {
        Some(group) => detach(call.kernel, txn, group).await,
        None => Ok(()),
    })
    .await
}

async fn list(call: &Call<'_>, ask: List) -> Result<Keys, Fault> {
    let view = call.kernel.view(IDENTITY);
    let mounts = call.kernel.mounts.current(call.kernel).await?;
    let keys = view.names("group-alias/", ask.page(call)).await?;
    let mut info = BTreeMap::new();
    for id in &keys {
        if let Some(alias) = of_alias(view, id).await?.and_then(|group| group.alias) {
            info.insert(id.clone(), AliasBrief::of(&alias, &mounts));
        }
    }
    keys_with(keys, &info)
}
