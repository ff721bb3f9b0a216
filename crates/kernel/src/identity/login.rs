//! The entity of a login: found by its alias, or made at the first one.
use super::{AliasRow, EntityRow};
use crate::kernel::Kernel;
use crate::rows::IDENTITY;
use kw_engine::{Alias, Mount};
use kw_store::Txn;
use kw_types::{Fault, RngExt};

/// The id of the entity that this alias of the mount belongs to. Errors: 403 when the entity is disabled.
pub(crate) async fn at_login(kernel: &Kernel, txn: Txn<'_>, mount: &Mount, alias: &Alias) -> Result<String, Fault> {
    let txn = txn.rescoped(IDENTITY);
    let view = txn.view();
    let key = format!("alias-key/{}/{}", mount.accessor, alias.name);
    let now = kernel.now();
    if let Some(id) = view.get_bytes(&key).await? {
        let id = String::from_utf8_lossy(&id).into_owned();
        let row = view.get::<AliasRow>(&format!("alias/{id}")).await?;
        let mut row = row.ok_or_else(|| Fault::internal("an alias key names no alias"))?;
        let entity = view.get::<EntityRow>(&format!("entity/{}", row.canonical_id)).await?;
        if entity.is_none_or(|e| e.disabled) {
            return Err(Fault::denied().because("the entity is disabled or gone"));
        }
        if row.metadata != alias.metadata {
            row.metadata.clone_from(&alias.metadata);
            row.updated = now;
            txn.put(&format!("alias/{id}"), &row)?;
        }
        return Ok(row.canonical_id);
    }
    let (id, entity_id) = (kernel.rng.uuid(), kernel.rng.uuid());
    let name = format!("entity_{}", entity_id.split('-').next().unwrap_or_default());
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
        aliases: vec![id.clone()],
        created: now,
        updated: now,
        ..EntityRow::default()
    };
    txn.put_bytes(&key, id.clone());
    txn.put(&format!("alias/{id}"), &row)?;
    txn.put(&format!("entity/{entity_id}"), &entity)?;
    txn.put_bytes(&format!("entity-name/{name}"), entity_id.clone());
    Ok(entity_id)
}
