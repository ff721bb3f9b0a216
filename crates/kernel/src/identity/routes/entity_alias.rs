//! `identity/entity-alias`: as whom an entity logs in where.
use super::super::rows::AliasRow;
use super::super::{entities, names, rows};
use super::change;
use super::listing::{List, keys_with};
use super::shown::{AliasBrief, AliasShown};
use crate::kernel::Kernel;
use crate::mounts::MountTable;
use crate::rows::IDENTITY;
use crate::sys::{Call, SysRoutes};
use kw_engine::{Data, Keys};
use kw_schema::{KeyValues, Request, Response};
use kw_store::Txn;
use kw_types::{Fault, RngExt};
use serde::Serialize;
use std::collections::BTreeMap;

pub(super) fn routes(routes: SysRoutes) -> SysRoutes {
    routes
        .at("entity-alias")
        .write(write)
        .at("entity-alias/id")
        .list(list)
        .at("entity-alias/id/{id*}")
        .read(read)
        .write(write_by_id)
        .delete(delete)
}

/// What may be set on an alias; what is absent stays as it is.
#[derive(Request)]
struct Facts {
    /// The name that the auth method knows the caller by: the user's name, the role id. Its case does not count.
    name: String,
    /// The accessor of the auth method's mount.
    mount_accessor: String,
    /// The entity that it belongs to. A new alias without one gets a new entity.
    canonical_id: String,
    /// The same by an older name.
    entity_id: String,
    /// Any facts about the alias: 64 pairs at most.
    custom_metadata: Option<KeyValues>,
}

impl Facts {
    fn owner(&self) -> &str {
        if self.canonical_id.is_empty() { &self.entity_id } else { &self.canonical_id }
    }
}

/// Makes an alias, or changes the one of this id, or of this name at this mount.
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

#[derive(Serialize, Response)]
pub(super) struct Written {
    /// The alias.
    pub id: String,
    /// Its entity or group.
    pub canonical_id: String,
}

async fn write(call: &Call<'_>, ask: Write) -> Result<Data<Written>, Fault> {
    let Write { id, facts } = ask;
    if let Some(metadata) = &facts.custom_metadata {
        names::check_metadata(&metadata.0)?;
    }
    if id.is_empty() && (facts.name.is_empty() || facts.mount_accessor.is_empty()) {
        return Err(Fault::bad_request("'id' or 'mount_accessor' and 'name' must be provided"));
    }
    if !facts.name.is_empty() {
        names::check_alias(&facts.name)?;
    }
    let mounts = call.kernel.mounts.current(call.kernel).await?;
    check_mount(&mounts, &facts.mount_accessor)?;
    let row = change(call, async |txn| {
        let known = if id.is_empty() {
            entities::alias_by_name(txn.view(), &facts.mount_accessor, &facts.name).await?
        } else {
            let row = txn.view().get::<AliasRow>(&rows::alias(&id)).await?;
            Some(row.ok_or_else(|| Fault::bad_request("invalid alias ID provided"))?)
        };
        match known {
            Some(row) => update(call.kernel, txn, row, &facts).await,
            None => create(call.kernel, txn, &facts).await,
        }
    })
    .await?;
    Ok(Data(Written { id: row.id, canonical_id: row.canonical_id }))
}

async fn write_by_id(call: &Call<'_>, ask: WriteById) -> Result<Data<Written>, Fault> {
    if ask.id.is_empty() {
        return Err(Fault::bad_request("invalid alias ID provided"));
    }
    write(call, Write { id: ask.id, facts: ask.facts }).await
}

/// Errors: 400 for an accessor that no mount has.
pub(super) fn check_mount(mounts: &MountTable, accessor: &str) -> Result<(), Fault> {
    if accessor.is_empty() || mounts.by_accessor(accessor).is_some() {
        return Ok(());
    }
    Err(Fault::bad_request("invalid mount accessor"))
}

async fn create(kernel: &Kernel, txn: Txn<'_>, facts: &Facts) -> Result<AliasRow, Fault> {
    let mut entity = match facts.owner() {
        "" => entities::create(kernel, txn, "").await?,
        id => {
            let entity = entities::get(txn.view(), id).await?;
            entity.ok_or_else(|| Fault::bad_request("invalid canonical ID"))?
        }
    };
    if entities::alias_at(txn.view(), &entity, &facts.mount_accessor).await?.is_some() {
        return Err(Fault::bad_request("Alias already exists for requested entity and mount accessor"));
    }
    let now = kernel.now();
    let row = AliasRow {
        id: kernel.rng.uuid(),
        canonical_id: entity.id.clone(),
        mount_accessor: facts.mount_accessor.clone(),
        name: facts.name.clone(),
        custom_metadata: facts.custom_metadata.clone().unwrap_or_default().0,
        created: now,
        updated: now,
        ..AliasRow::default()
    };
    entities::put_alias(txn, &row, None)?;
    entity.aliases.push(row.id.clone());
    entities::put(txn, &entity)?;
    Ok(row)
}

async fn update(kernel: &Kernel, txn: Txn<'_>, before: AliasRow, facts: &Facts) -> Result<AliasRow, Fault> {
    let or = |new: &str, old: &str| if new.is_empty() { old.to_owned() } else { new.to_owned() };
    let row = AliasRow {
        name: or(&facts.name, &before.name),
        mount_accessor: or(&facts.mount_accessor, &before.mount_accessor),
        canonical_id: or(facts.owner(), &before.canonical_id),
        custom_metadata: facts.custom_metadata.clone().map_or(before.custom_metadata.clone(), |m| m.0),
        updated: kernel.now(),
        ..before.clone()
    };
    if let Some(holder) = entities::alias_by_name(txn.view(), &row.mount_accessor, &row.name).await?
        && holder.id != row.id
    {
        return Err(Fault::bad_request("alias with combination of mount accessor and name already exists"));
    }
    let entity = entities::get(txn.view(), &row.canonical_id).await?;
    let mut entity =
        entity.ok_or_else(|| Fault::bad_request("given 'canonical_id' is not associated with an entity"))?;
    // An entity has one alias at a mount: else it would not be known as whom its policies mean it.
    let rival = entities::alias_at(txn.view(), &entity, &row.mount_accessor).await?;
    if rival.is_some_and(|rival| rival.id != row.id) {
        return Err(Fault::bad_request(
            "Alias cannot be updated as the given entity already has an alias for this mount",
        ));
    }
    if row.canonical_id != before.canonical_id {
        if let Some(mut left) = entities::get(txn.view(), &before.canonical_id).await? {
            left.aliases.retain(|id| *id != row.id);
            entities::put(txn, &left)?;
        }
        entity.aliases.push(row.id.clone());
        entities::put(txn, &entity)?;
    }
    entities::put_alias(txn, &row, Some(&before))?;
    Ok(row)
}

/// An alias by its id.
#[derive(Request)]
struct ById {
    /// The alias.
    #[capture]
    id: String,
}

async fn read(call: &Call<'_>, ask: ById) -> Result<Option<Data<AliasShown>>, Fault> {
    let row = call.kernel.view(IDENTITY).get::<AliasRow>(&rows::alias(&ask.id)).await?;
    let mounts = call.kernel.mounts.current(call.kernel).await?;
    Ok(row.map(|row| Data(AliasShown::of(&row, &mounts))))
}

async fn delete(call: &Call<'_>, ask: ById) -> Result<(), Fault> {
    change(call, async |txn| match txn.view().get::<AliasRow>(&rows::alias(&ask.id)).await? {
        Some(row) => entities::delete_alias(call.kernel, txn, &row).await,
        None => Ok(()),
    })
    .await
}

async fn list(call: &Call<'_>, ask: List) -> Result<Keys, Fault> {
    let view = call.kernel.view(IDENTITY);
    let mounts = call.kernel.mounts.current(call.kernel).await?;
    let keys = view.names("alias/", ask.page(call)).await?;
    let mut info = BTreeMap::new();
    for id in &keys {
        if let Some(row) = view.get::<AliasRow>(&rows::alias(id)).await? {
            info.insert(id.clone(), AliasBrief::of(&row, &mounts));
        }
    }
    keys_with(keys, &info)
}
