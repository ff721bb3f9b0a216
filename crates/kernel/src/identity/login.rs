//! The entity of a login: found by its alias, or made at the first one; and the external groups that the login names.
use super::rows::{self, AliasRow, EntityRow, GroupRow, GroupType};
use super::{entities, groups, names};
use crate::kernel::Kernel;
use crate::rows::IDENTITY;
use kw_engine::{Alias, Mount};
use kw_store::{Txn, View};
use kw_types::{Fault, RngExt};
use std::sync::Arc;

/// The entity of a login.
pub(crate) struct Entered {
    pub id: String,
    /// It is made by this transaction. Whoever looks for it in the store before the commit finds that it is not there, and this
    /// node would remember that for a moment longer than it is so.
    pub is_new: bool,
}

/// The entity that this alias of the mount belongs to. Errors: 403 when the entity is disabled.
pub(crate) async fn at_login(kernel: &Kernel, txn: Txn<'_>, mount: &Mount, alias: &Alias) -> Result<Entered, Fault> {
    names::check_alias(&alias.name)?;
    let txn = txn.rescoped(IDENTITY);
    match alias_row(kernel, txn.view(), mount, alias).await? {
        Some(known) => Ok(Entered { id: known_entity(kernel, txn, &known, alias).await?, is_new: false }),
        None => Ok(Entered { id: new_entity(kernel, txn, mount, alias)?, is_new: true }),
    }
}

/// Puts the entity into those external groups of this mount that the login names, and out of the others of this mount.
pub(crate) async fn join_groups(
    kernel: &Kernel,
    txn: Txn<'_>,
    mount: &Mount,
    entity_id: &str,
    named: &[String],
) -> Result<(), Fault> {
    let txn = txn.rescoped(IDENTITY);
    let is_of_mount = |group: &GroupRow| {
        group.kind == GroupType::External
            && group.alias.as_ref().is_some_and(|alias| alias.mount_accessor == mount.accessor)
    };
    let mut wanted: Vec<GroupRow> = Vec::new();
    for name in named {
        let index = rows::group_alias_key(&mount.accessor, name);
        let found = groups::by_pointer(txn.view(), &index).await?;
        wanted.extend(found.filter(|g| is_of_mount(g) && !wanted.iter().any(|w| w.id == g.id)));
    }
    let mine = rows::ids(txn.view(), &rows::groups_of_entity(entity_id)).await?;
    for id in mine.iter().filter(|id| !wanted.iter().any(|w| w.id == **id)) {
        if let Some(mut group) = groups::get(txn.view(), id).await?.filter(is_of_mount) {
            group.member_entity_ids.retain(|member| member != entity_id);
            rows::remove_id(txn, &rows::groups_of_entity(entity_id), id).await?;
            groups::put(kernel, txn, &mut group)?;
        }
    }
    for group in wanted.iter_mut().filter(|g| !mine.contains(&g.id)) {
        group.member_entity_ids.push(entity_id.to_owned());
        rows::add_id(txn, &rows::groups_of_entity(entity_id), &group.id).await?;
        groups::put(kernel, txn, group)?;
    }
    Ok(())
}

async fn alias_row(
    kernel: &Kernel,
    view: View<'_>,
    mount: &Mount,
    alias: &Alias,
) -> Result<Option<Arc<AliasRow>>, Fault> {
    let memos = &kernel.identities.rows;
    let index = rows::alias_key(&mount.accessor, &alias.name);
    match view.shared_as(&memos.alias_ids, &index, rows::id_of).await? {
        Some(id) => view.shared(&memos.aliases, &rows::alias(&id)).await,
        None => Ok(None),
    }
}

async fn known_entity(kernel: &Kernel, txn: Txn<'_>, row: &AliasRow, alias: &Alias) -> Result<String, Fault> {
    let entity = txn.view().shared(&kernel.identities.rows.entities, &rows::entity(&row.canonical_id)).await?;
    if entity.is_none_or(|entity| entity.disabled) {
        return Err(Fault::denied().because("the entity is disabled or gone"));
    }
    if row.metadata != alias.metadata {
        let changed = AliasRow { metadata: alias.metadata.clone(), updated: kernel.now(), ..row.clone() };
        txn.put(&rows::alias(&row.id), &changed)?;
    }
    Ok(row.canonical_id.clone())
}

fn new_entity(kernel: &Kernel, txn: Txn<'_>, mount: &Mount, alias: &Alias) -> Result<String, Fault> {
    let (id, entity_id, now) = (kernel.rng.uuid(), kernel.rng.uuid(), kernel.now());
    // The whole id is the name, not a part of it as for entities made by hand: so logins need not look whether it is free.
    let name = format!("entity_{entity_id}");
    let row = AliasRow {
        id: id.clone(),
        canonical_id: entity_id.clone(),
        mount_accessor: mount.accessor.clone(),
        name: alias.name.clone(),
        metadata: alias.metadata.clone(),
        created: now,
        updated: now,
        ..AliasRow::default()
    };
    let entity = EntityRow {
        id: entity_id.clone(),
        name: name.clone(),
        aliases: vec![id],
        created: now,
        updated: now,
        ..EntityRow::default()
    };
    entities::put_alias(txn, &row, None)?;
    entities::put(txn, &entity)?;
    txn.put_bytes(&rows::entity_name(&name), entity_id.clone());
    Ok(entity_id)
}
