//! `identity/group`: entities together.
use super::super::rows::{self, GroupRow, GroupType};
use super::super::{groups, names};
use super::change;
use super::listing::{List, keys_with};
use super::shown::{AliasBrief, GroupShown};
use crate::kernel::Kernel;
use crate::rows::IDENTITY;
use crate::sys::{Call, SysRoutes};
use kw_engine::{Body, Data, Keys, Reply};
use kw_schema::{KeyValues, Request};
use kw_store::Txn;
use kw_types::Fault;
use serde::Serialize;
use std::collections::BTreeMap;

pub(super) fn routes(routes: SysRoutes) -> SysRoutes {
    routes
        .at("group")
        .write(write)
        .at("group/id")
        .list(list_ids)
        .at("group/id/{id*}")
        .read(read)
        .write(write_by_id)
        .delete(delete)
        .at("group/name")
        .list(list_names)
        .at("group/name/{name...}")
        .read(read_by_name)
        .write(write_by_name)
        .delete(delete_by_name)
}

/// What may be set on a group; what is absent stays as it is.
#[derive(Request)]
struct Facts {
    /// `internal`: members are set here. `external`: the auth method of its alias says who is in it. Never changes.
    #[field(name = "type")]
    kind: Option<String>,
    /// Any facts about the group: 64 pairs at most.
    metadata: Option<KeyValues>,
    /// Policies that the tokens of all its entities have. `root` is refused.
    policies: Option<Vec<String>>,
    /// Ids of the entities in an internal group.
    member_entity_ids: Option<Vec<String>>,
    /// Ids of the groups in an internal group; their entities are in it too.
    member_group_ids: Option<Vec<String>>,
}

/// Makes a group, or changes the one of this name or id.
#[derive(Request)]
struct Write {
    /// The group to change.
    id: String,
    /// The name; one is made up for a new group without.
    name: String,
    #[flatten]
    facts: Facts,
}

/// Changes the group of this id.
#[derive(Request)]
struct WriteById {
    /// The group.
    #[capture]
    id: String,
    /// A new name.
    name: String,
    #[flatten]
    facts: Facts,
}

/// Makes a group of this name, or changes it.
#[derive(Request)]
struct WriteByName {
    /// The name.
    #[capture]
    name: String,
    #[flatten]
    facts: Facts,
}

/// What a new group is answered with.
#[derive(Serialize)]
struct Made {
    id: String,
    name: String,
}

async fn write(call: &Call<'_>, ask: Write) -> Result<Reply, Fault> {
    let facts = checked(ask.facts)?;
    let kind = facts.kind.as_deref().map(group_type).transpose()?;
    let made = change(call, async |txn| {
        let view = txn.view();
        if !ask.id.is_empty() {
            let row = groups::get(view, &ask.id).await?.ok_or_else(|| Fault::bad_request("invalid group ID"))?;
            update(call.kernel, txn, row, &ask.name, kind, &facts).await?;
            return Ok(None);
        }
        if let Some(row) = groups::by_name(view, &ask.name).await? {
            update(call.kernel, txn, row, &ask.name, kind, &facts).await?;
            return Ok(None);
        }
        let row = groups::create(call.kernel, txn, &ask.name, kind.unwrap_or_default()).await?;
        let made = Made { id: row.id.clone(), name: row.name.clone() };
        update(call.kernel, txn, row, "", kind, &facts).await?;
        Ok(Some(made))
    })
    .await?;
    match made {
        Some(made) => Reply::data(&made),
        None => Ok(Reply::new(Body::Empty)),
    }
}

async fn write_by_id(call: &Call<'_>, ask: WriteById) -> Result<Reply, Fault> {
    write(call, Write { id: ask.id, name: ask.name, facts: ask.facts }).await
}

async fn write_by_name(call: &Call<'_>, ask: WriteByName) -> Result<Reply, Fault> {
    write(call, Write { id: String::new(), name: ask.name, facts: ask.facts }).await
}

fn checked(facts: Facts) -> Result<Facts, Fault> {
    if let Some(metadata) = &facts.metadata {
        names::check_metadata(&metadata.0)?;
    }
    let policies = facts.policies.as_deref().map(names::fold_policies).transpose()?;
    Ok(Facts { policies, ..facts })
}

fn group_type(text: &str) -> Result<GroupType, Fault> {
    match text {
        "internal" => Ok(GroupType::Internal),
        "external" => Ok(GroupType::External),
        _ => Err(Fault::bad_request("invalid group type: it is \"internal\" or \"external\"")),
    }
}

async fn update(
    kernel: &Kernel,
    txn: Txn<'_>,
    mut row: GroupRow,
    name: &str,
    kind: Option<GroupType>,
    facts: &Facts,
) -> Result<(), Fault> {
    if kind.is_some_and(|kind| kind != row.kind) {
        return Err(Fault::bad_request("group type cannot be changed"));
    }
    if row.kind == GroupType::External && facts.member_entity_ids.is_some() {
        return Err(Fault::bad_request("member entities can't be set manually for external groups"));
    }
    if row.kind == GroupType::External && facts.member_group_ids.is_some() {
        return Err(Fault::bad_request("member groups can't be set for external groups"));
    }
    if !name.is_empty() {
        groups::rename(txn, &mut row, name).await?;
    }
    if let Some(metadata) = &facts.metadata {
        row.metadata.clone_from(&metadata.0);
    }
    if let Some(policies) = &facts.policies {
        row.policies.clone_from(policies);
    }
    if let Some(ids) = &facts.member_entity_ids {
        groups::set_entities(txn, &mut row, ids.clone()).await?;
    }
    if let Some(ids) = &facts.member_group_ids {
        groups::set_groups(txn, &mut row, ids.clone()).await?;
    }
    groups::put(kernel, txn, &mut row)
}

/// A group by its id.
#[derive(Request)]
struct ById {
    /// The group.
    #[capture]
    id: String,
}

/// A group by its name.
#[derive(Request)]
struct ByName {
    /// The name.
    #[capture]
    name: String,
}

async fn read(call: &Call<'_>, ask: ById) -> Result<Option<Data<GroupShown>>, Fault> {
    let row = groups::get(call.kernel.view(IDENTITY), &ask.id).await?;
    shown(call, row).await
}

async fn read_by_name(call: &Call<'_>, ask: ByName) -> Result<Option<Data<GroupShown>>, Fault> {
    let row = call.kernel.look(IDENTITY, async |view| groups::by_name(view, &ask.name).await).await?;
    shown(call, row).await
}

/// A group with its parents and its alias.
pub(super) async fn shown(call: &Call<'_>, row: Option<GroupRow>) -> Result<Option<Data<GroupShown>>, Fault> {
    match row {
        Some(row) => Ok(Some(Data(GroupShown::of(call, row).await?))),
        None => Ok(None),
    }
}

async fn delete(call: &Call<'_>, ask: ById) -> Result<(), Fault> {
    change(call, async |txn| match groups::get(txn.view(), &ask.id).await? {
        Some(row) => groups::delete(call.kernel, txn, row).await,
        None => Ok(()),
    })
    .await
}

async fn delete_by_name(call: &Call<'_>, ask: ByName) -> Result<(), Fault> {
    change(call, async |txn| match groups::by_name(txn.view(), &ask.name).await? {
        Some(row) => groups::delete(call.kernel, txn, row).await,
        None => Ok(()),
    })
    .await
}

/// A group in a listing.
#[derive(Serialize)]
struct Brief {
    name: String,
    num_member_entities: usize,
    num_parent_groups: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    alias: Option<AliasBrief>,
}

async fn list_ids(call: &Call<'_>, ask: List) -> Result<Keys, Fault> {
    let view = call.kernel.view(IDENTITY);
    let mounts = call.kernel.mounts.current(call.kernel).await?;
    let keys = view.names("group/", ask.page(call)).await?;
    let mut info = BTreeMap::new();
    for id in &keys {
        let Some(row) = groups::get(view, id).await? else { continue };
        let brief = Brief {
            num_member_entities: row.member_entity_ids.len(),
            num_parent_groups: rows::ids(view, &rows::parents_of_group(id)).await?.len(),
            alias: row.alias.as_ref().map(|alias| AliasBrief::of(alias, &mounts)),
            name: row.name,
        };
        info.insert(id.clone(), brief);
    }
    keys_with(keys, &info)
}

async fn list_names(call: &Call<'_>, ask: List) -> Result<Keys, Fault> {
    let view = call.kernel.view(IDENTITY);
    let mut keys = Vec::new();
    for folded in view.names("group-name/", ask.page(call)).await? {
        keys.extend(groups::by_name(view, &folded).await?.map(|row| row.name));
    }
    Ok(keys.into())
}
