//! Changing groups. All functions take a transaction on [`crate::rows::IDENTITY`] and keep rows and their indexes together.
use super::names;
use super::rows::{self, GroupRow, GroupType};
use crate::kernel::Kernel;
use kw_store::{Txn, View};
use kw_types::{Fault, RngExt};

/// The group of this id.
pub(crate) async fn get(view: View<'_>, id: &str) -> Result<Option<GroupRow>, Fault> {
    view.get(&rows::group(id)).await
}

/// The group of this name, in whatever case.
pub(crate) async fn by_name(view: View<'_>, name: &str) -> Result<Option<GroupRow>, Fault> {
    let Ok(folded) = names::fold(name) else { return Ok(None) };
    by_pointer(view, &rows::group_name(&folded)).await
}

/// The group that an index row leads to.
pub(crate) async fn by_pointer(view: View<'_>, index: &str) -> Result<Option<GroupRow>, Fault> {
    match rows::pointed(view, index).await? {
        Some(id) => get(view, &id).await,
        None => Ok(None),
    }
}

/// A new group; its row is written. An empty name is made up.
pub(crate) async fn create(kernel: &Kernel, txn: Txn<'_>, name: &str, kind: GroupType) -> Result<GroupRow, Fault> {
    let id = kernel.rng.uuid();
    let made_up = format!("group_{}", id.split('-').next().unwrap_or_default());
    let mut row = GroupRow { id, kind, created: kernel.now(), ..GroupRow::default() };
    rename(txn, &mut row, if name.is_empty() { &made_up } else { name }).await?;
    Ok(row)
}

/// Writes the row of a group that has changed.
pub(crate) fn put(kernel: &Kernel, txn: Txn<'_>, row: &mut GroupRow) -> Result<(), Fault> {
    row.modify_index += 1;
    row.updated = kernel.now();
    txn.put(&rows::group(&row.id), row)
}

/// Gives a group another name; the row is left to be written. Errors: 400 when another group has it.
pub(crate) async fn rename(txn: Txn<'_>, row: &mut GroupRow, name: &str) -> Result<(), Fault> {
    let index = rows::group_name(&names::fold(name)?);
    match rows::pointed(txn.view(), &index).await? {
        Some(holder) if holder != row.id => return Err(Fault::bad_request("group name is already in use")),
        Some(_) => {}
        None => {
            if !row.name.is_empty() {
                txn.delete(&rows::group_name(&names::fold(&row.name)?));
            }
            txn.put_bytes(&index, row.id.clone());
        }
    }
    name.clone_into(&mut row.name);
    Ok(())
}

/// Sets the entities in a group; the row is left to be written. Errors: 400 when one is not there.
pub(crate) async fn set_entities(txn: Txn<'_>, row: &mut GroupRow, ids: Vec<String>) -> Result<(), Fault> {
    let ids = each_once(ids);
    for id in ids.iter().filter(|id| !row.member_entity_ids.contains(id)) {
        // To look at the entity makes this commit fail if it is deleted meanwhile: no group keeps a dead one.
        if !txn.pin(&rows::entity(id)).await? {
            return Err(Fault::bad_request("invalid entity ID in member_entity_ids"));
        }
        rows::add_id(txn, &rows::groups_of_entity(id), &row.id).await?;
    }
    for id in row.member_entity_ids.iter().filter(|id| !ids.contains(id)) {
        rows::remove_id(txn, &rows::groups_of_entity(id), &row.id).await?;
    }
    row.member_entity_ids = ids;
    Ok(())
}

/// Sets the groups in a group; the row is left to be written.
///
/// Errors: 400 when one is not there, or would make a circle. Two requests that would make one together cannot both commit:
/// each has read what the other writes.
pub(crate) async fn set_groups(txn: Txn<'_>, row: &mut GroupRow, ids: Vec<String>) -> Result<(), Fault> {
    let ids = each_once(ids);
    let above = ancestors(txn.view(), rows::ids(txn.view(), &rows::parents_of_group(&row.id)).await?).await?;
    for id in ids.iter().filter(|id| !row.member_group_ids.contains(id)) {
        if *id == row.id {
            return Err(Fault::bad_request("a group cannot be a member of itself"));
        }
        if above.iter().any(|group| group.id == *id) {
            return Err(Fault::bad_request("cyclic relationship detected for a member group ID"));
        }
        if !txn.pin(&rows::group(id)).await? {
            return Err(Fault::bad_request("invalid member group ID in member_group_ids"));
        }
        rows::add_id(txn, &rows::parents_of_group(id), &row.id).await?;
    }
    for id in row.member_group_ids.iter().filter(|id| !ids.contains(id)) {
        rows::remove_id(txn, &rows::parents_of_group(id), &row.id).await?;
    }
    row.member_group_ids = ids;
    Ok(())
}

fn each_once(mut ids: Vec<String>) -> Vec<String> {
    ids.sort();
    ids.dedup();
    ids
}

/// These groups and all that hold them, at whatever distance; each once.
pub(crate) async fn ancestors(view: View<'_>, from: Vec<String>) -> Result<Vec<GroupRow>, Fault> {
    let mut found: Vec<GroupRow> = Vec::new();
    let mut open = from;
    while let Some(id) = open.pop() {
        if found.iter().any(|group| group.id == id) {
            continue;
        }
        let Some(group) = get(view, &id).await? else { continue };
        open.extend(rows::ids(view, &rows::parents_of_group(&id)).await?);
        found.push(group);
    }
    Ok(found)
}

/// Deletes a group and takes it out of all that it was in, and all that was in it.
pub(crate) async fn delete(kernel: &Kernel, txn: Txn<'_>, mut row: GroupRow) -> Result<(), Fault> {
    set_entities(txn, &mut row, Vec::new()).await?;
    set_groups(txn, &mut row, Vec::new()).await?;
    for id in rows::ids(txn.view(), &rows::parents_of_group(&row.id)).await? {
        if let Some(mut parent) = get(txn.view(), &id).await? {
            parent.member_group_ids.retain(|member| *member != row.id);
            put(kernel, txn, &mut parent)?;
        }
    }
    txn.delete(&rows::parents_of_group(&row.id));
    drop_alias(txn, &mut row).await?;
    txn.delete(&rows::group_name(&names::fold(&row.name)?));
    txn.delete(&rows::group(&row.id));
    Ok(())
}

/// Takes the alias from a group; the row is left to be written. Who was in the group by this alias is in it no more: nobody
/// would say when it ends.
pub(crate) async fn drop_alias(txn: Txn<'_>, row: &mut GroupRow) -> Result<(), Fault> {
    let Some(alias) = row.alias.take() else { return Ok(()) };
    txn.delete(&rows::group_alias(&alias.id));
    txn.delete(&rows::group_alias_key(&alias.mount_accessor, &alias.name));
    set_entities(txn, row, Vec::new()).await
}
