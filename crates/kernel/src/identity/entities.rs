//! Changing entities. All functions take a transaction on [`crate::rows::IDENTITY`] and keep rows and their indexes together.
use super::rows::{self, AliasRow, EntityRow, GroupRow};
use super::{groups, names};
use crate::kernel::Kernel;
use kw_store::{Txn, View};
use kw_types::{Fault, RngExt};

/// The entity of this id.
pub(crate) async fn get(view: View<'_>, id: &str) -> Result<Option<EntityRow>, Fault> {
    view.get(&rows::entity(id)).await
}

/// The entity of this name, in whatever case.
pub(crate) async fn by_name(view: View<'_>, name: &str) -> Result<Option<EntityRow>, Fault> {
    let Ok(folded) = names::fold(name) else { return Ok(None) };
    match rows::pointed(view, &rows::entity_name(&folded)).await? {
        Some(id) => get(view, &id).await,
        None => Ok(None),
    }
}

/// The alias of this name at this mount.
pub(crate) async fn alias_by_name(view: View<'_>, accessor: &str, name: &str) -> Result<Option<AliasRow>, Fault> {
    match rows::pointed(view, &rows::alias_key(accessor, name)).await? {
        Some(id) => view.get(&rows::alias(&id)).await,
        None => Ok(None),
    }
}

/// A new entity; its row is written. An empty name is made up.
pub(crate) async fn create(kernel: &Kernel, txn: Txn<'_>, name: &str) -> Result<EntityRow, Fault> {
    let id = kernel.rng.uuid();
    let made_up = format!("entity_{}", id.split('-').next().unwrap_or_default());
    let now = kernel.now();
    let mut row = EntityRow { id, created: now, updated: now, ..EntityRow::default() };
    rename(txn, &mut row, if name.is_empty() { &made_up } else { name }).await?;
    put(txn, &row)?;
    Ok(row)
}

pub(crate) fn put(txn: Txn<'_>, row: &EntityRow) -> Result<(), Fault> {
    txn.put(&rows::entity(&row.id), row)
}

/// Gives an entity another name; the row is left to be written. Errors: 400 when another entity has it.
pub(crate) async fn rename(txn: Txn<'_>, row: &mut EntityRow, name: &str) -> Result<(), Fault> {
    let folded = names::fold(name)?;
    let index = rows::entity_name(&folded);
    match rows::pointed(txn.view(), &index).await? {
        Some(holder) if holder != row.id => return Err(Fault::bad_request("entity name is already in use")),
        Some(_) => {}
        None => {
            if !row.name.is_empty() {
                txn.delete(&rows::entity_name(&names::fold(&row.name)?));
            }
            txn.put_bytes(&index, row.id.clone());
        }
    }
    name.clone_into(&mut row.name);
    Ok(())
}

/// Deletes an entity with its aliases, and takes it out of its groups. Tokens that name it are refused from then on.
pub(crate) async fn delete(kernel: &Kernel, txn: Txn<'_>, row: &EntityRow) -> Result<(), Fault> {
    for id in &row.aliases {
        if let Some(alias) = txn.view().get::<AliasRow>(&rows::alias(id)).await? {
            delete_alias_rows(txn, &alias);
        }
    }
    for id in rows::ids(txn.view(), &rows::groups_of_entity(&row.id)).await? {
        if let Some(mut group) = txn.view().get::<GroupRow>(&rows::group(&id)).await? {
            group.member_entity_ids.retain(|member| *member != row.id);
            groups::put(kernel, txn, &mut group)?;
        }
    }
    txn.delete(&rows::groups_of_entity(&row.id));
    row.merged.iter().for_each(|id| txn.delete(&rows::merged(id)));
    forget(txn, row)
}

/// Deletes the row of an entity and what finds it by name.
pub(crate) fn forget(txn: Txn<'_>, row: &EntityRow) -> Result<(), Fault> {
    txn.delete(&rows::entity_name(&names::fold(&row.name)?));
    txn.delete(&rows::entity(&row.id));
    Ok(())
}

/// The alias that an entity has at a mount.
pub(crate) async fn alias_at(view: View<'_>, row: &EntityRow, accessor: &str) -> Result<Option<AliasRow>, Fault> {
    for id in &row.aliases {
        if let Some(alias) = view.get::<AliasRow>(&rows::alias(id)).await?
            && alias.mount_accessor == accessor
        {
            return Ok(Some(alias));
        }
    }
    Ok(None)
}

/// Writes an alias and what finds it; `before` is what it was.
pub(crate) fn put_alias(txn: Txn<'_>, alias: &AliasRow, before: Option<&AliasRow>) -> Result<(), Fault> {
    if let Some(before) = before {
        txn.delete(&rows::alias_key(&before.mount_accessor, &before.name));
    }
    txn.put_bytes(&rows::alias_key(&alias.mount_accessor, &alias.name), alias.id.clone());
    txn.put(&rows::alias(&alias.id), alias)
}

/// Takes an alias from its entity and deletes it.
pub(crate) async fn delete_alias(kernel: &Kernel, txn: Txn<'_>, alias: &AliasRow) -> Result<(), Fault> {
    if let Some(mut entity) = get(txn.view(), &alias.canonical_id).await? {
        entity.aliases.retain(|id| *id != alias.id);
        entity.updated = kernel.now();
        put(txn, &entity)?;
    }
    delete_alias_rows(txn, alias);
    Ok(())
}

/// Deletes an alias and what finds it.
pub(crate) fn delete_alias_rows(txn: Txn<'_>, alias: &AliasRow) {
    txn.delete(&rows::alias_key(&alias.mount_accessor, &alias.name));
    txn.delete(&rows::alias(&alias.id));
}
