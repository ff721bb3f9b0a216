//! `identity/entity`: who there is.
use super::super::facts::EntityFacts;
use super::super::rows::{AliasRow, EntityRow};
use super::super::{entities, merge, names, rows};
use super::change;
use super::listing::{List, keys_with};
use super::shown::{AliasBrief, EntityShown};
use crate::kernel::Kernel;
use crate::rows::IDENTITY;
use crate::sys::{Call, SysRoutes};
use kw_engine::{Data, Keys, Reply};
use kw_schema::{KeyValues, Request};
use kw_store::Txn;
use kw_types::Fault;
use serde::Serialize;
use std::collections::BTreeMap;

pub(super) fn routes(routes: SysRoutes) -> SysRoutes {
    routes
        .at("entity")
        .write(write)
        .at("entity/id")
        .list(list_ids)
        .at("entity/id/{id*}")
        .read(read)
        .write(write_by_id)
        .delete(delete)
        .at("entity/name")
        .list(list_names)
        .at("entity/name/{name...}")
        .read(read_by_name)
        .write(write_by_name)
        .delete(delete_by_name)
        .at("entity/batch-delete")
        .write(delete_some)
        .at("entity/merge")
        .write(merge_some)
}

/// What may be set on an entity; what is absent stays as it is.
#[derive(Request)]
struct Facts {
    /// Any facts about the entity: 64 pairs at most.
    metadata: Option<KeyValues>,
    /// Policies that all its tokens have besides their own. `root` is refused.
    policies: Option<Vec<String>>,
    /// Whether its tokens are refused.
    disabled: Option<bool>,
}

/// Makes an entity, or changes the one of this name or id.
#[derive(Request)]
struct Write {
    /// The entity to change.
    id: String,
    /// The name; one is made up for a new entity without.
    name: String,
    #[flatten]
    facts: Facts,
}

/// Changes the entity of this id.
#[derive(Request)]
struct WriteById {
    /// The entity.
    #[capture]
    id: String,
    /// A new name.
    name: String,
    #[flatten]
    facts: Facts,
}

/// Makes an entity of this name, or changes it.
#[derive(Request)]
struct WriteByName {
    /// The name.
    #[capture]
    name: String,
    #[flatten]
    facts: Facts,
}

/// What a new entity is answered with.
#[derive(Serialize)]
struct Made {
    id: String,
    name: String,
    aliases: Option<()>,
}

async fn write(call: &Call<'_>, ask: Write) -> Result<Reply, Fault> {
    let facts = checked(ask.facts)?;
    let made = change(call, async |txn| {
        let view = txn.view();
        if !ask.id.is_empty() {
            let row = entities::get(view, &ask.id).await?;
            let row = row.ok_or_else(|| Fault::bad_request("entity not found from id"))?;
            return update(call.kernel, txn, row, &ask.name, &facts).await;
        }
        match entities::by_name(view, &ask.name).await? {
            Some(row) => update(call.kernel, txn, row, "", &facts).await,
            None => {
                let row = entities::create(call.kernel, txn, &ask.name).await?;
                let made = Made { id: row.id.clone(), name: row.name.clone(), aliases: None };
                update(call.kernel, txn, row, "", &facts).await?;
                Ok(Some(made))
            }
        }
    })
    .await?;
    match made {
        Some(made) => Reply::data(&made),
        None => Ok(Reply::new(kw_engine::Body::Empty)),
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

async fn update(
    kernel: &Kernel,
    txn: Txn<'_>,
    mut row: EntityRow,
    name: &str,
    facts: &Facts,
) -> Result<Option<Made>, Fault> {
    if !name.is_empty() {
        entities::rename(txn, &mut row, name).await?;
    }
    if let Some(metadata) = &facts.metadata {
        row.metadata.clone_from(&metadata.0);
    }
    if let Some(policies) = &facts.policies {
        row.policies.clone_from(policies);
    }
    row.disabled = facts.disabled.unwrap_or(row.disabled);
    row.updated = kernel.now();
    entities::put(txn, &row)?;
    Ok(None)
}

/// An entity by its id.
#[derive(Request)]
struct ById {
    /// The entity.
    #[capture]
    id: String,
}

/// An entity by its name.
#[derive(Request)]
struct ByName {
    /// The name.
    #[capture]
    name: String,
}

async fn read(call: &Call<'_>, ask: ById) -> Result<Option<Data<EntityShown>>, Fault> {
    let row = entities::get(call.kernel.view(IDENTITY), &ask.id).await?;
    shown(call, row).await
}

async fn read_by_name(call: &Call<'_>, ask: ByName) -> Result<Option<Data<EntityShown>>, Fault> {
    let row = call.kernel.look(IDENTITY, async |view| entities::by_name(view, &ask.name).await).await?;
    shown(call, row).await
}

/// An entity with all that belongs to it.
pub(super) async fn shown(call: &Call<'_>, row: Option<EntityRow>) -> Result<Option<Data<EntityShown>>, Fault> {
    let Some(row) = row else { return Ok(None) };
    let facts = call.kernel.look(IDENTITY, async |view| EntityFacts::of(view, row.clone()).await).await?;
    let mounts = call.kernel.mounts.current(call.kernel).await?;
    Ok(Some(Data(EntityShown::of(&facts, &mounts))))
}

async fn delete(call: &Call<'_>, ask: ById) -> Result<(), Fault> {
    delete_all(call, &[ask.id]).await
}

async fn delete_by_name(call: &Call<'_>, ask: ByName) -> Result<(), Fault> {
    change(call, async |txn| match entities::by_name(txn.view(), &ask.name).await? {
        Some(row) => entities::delete(call.kernel, txn, &row).await,
        None => Ok(()),
    })
    .await
}

async fn delete_all(call: &Call<'_>, ids: &[String]) -> Result<(), Fault> {
    change(call, async |txn| {
        for id in ids {
            if let Some(row) = entities::get(txn.view(), id).await? {
                entities::delete(call.kernel, txn, &row).await?;
            }
        }
        Ok(())
    })
    .await
}

/// Deletes entities. Those that are not there do not matter.
#[derive(Request)]
struct DeleteSome {
    /// Their ids.
    entity_ids: Vec<String>,
}

async fn delete_some(call: &Call<'_>, ask: DeleteSome) -> Result<(), Fault> {
    if ask.entity_ids.is_empty() {
        return Err(Fault::bad_request("missing entity ids to delete"));
    }
    // Some at a time, so that a long list does not conflict with every login.
    for ids in ask.entity_ids.chunks(100) {
        delete_all(call, ids).await?;
    }
    Ok(())
}

/// Merges entities into another: their aliases and groups become its own, their policies and metadata are dropped.
#[derive(Request)]
struct Merge {
    /// Ids of the entities that go.
    from_entity_ids: Vec<String>,
    /// Id of the entity that stays.
    to_entity_id: String,
    /// Where two have an alias at the same mount: the ids of the aliases that stay.
    conflicting_alias_ids_to_keep: Vec<String>,
}

async fn merge_some(call: &Call<'_>, ask: Merge) -> Result<(), Fault> {
    let Merge { mut from_entity_ids, to_entity_id, conflicting_alias_ids_to_keep } = ask;
    if from_entity_ids.is_empty() {
        return Err(Fault::bad_request("missing entity ids to merge from"));
    }
    if to_entity_id.is_empty() {
        return Err(Fault::bad_request("missing entity id to merge to"));
    }
    from_entity_ids.sort();
    from_entity_ids.dedup();
    let keep = conflicting_alias_ids_to_keep;
    change(call, async |txn| merge::merge(call.kernel, txn, &from_entity_ids, &to_entity_id, &keep).await).await
}

/// An entity in a listing.
#[derive(Serialize)]
struct Brief {
    name: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    aliases: Vec<AliasBrief>,
}

async fn list_ids(call: &Call<'_>, ask: List) -> Result<Keys, Fault> {
    let view = call.kernel.view(IDENTITY);
    let mounts = call.kernel.mounts.current(call.kernel).await?;
    let keys = view.names("entity/", ask.page(call)).await?;
    let mut info = BTreeMap::new();
    for id in &keys {
        let Some(row) = entities::get(view, id).await? else { continue };
        let mut aliases = Vec::with_capacity(row.aliases.len());
        for alias in &row.aliases {
            let alias = view.get::<AliasRow>(&rows::alias(alias)).await?;
            aliases.extend(alias.map(|alias| AliasBrief::of(&alias, &mounts)));
        }
        info.insert(id.clone(), Brief { name: row.name, aliases });
    }
    keys_with(keys, &info)
}

async fn list_names(call: &Call<'_>, ask: List) -> Result<Keys, Fault> {
    let view = call.kernel.view(IDENTITY);
    let folder = "entity-name/";
    let mut keys = Vec::new();
    for folded in view.names(folder, ask.page(call)).await? {
        keys.extend(entities::by_name(view, &folded).await?.map(|row| row.name));
    }
    Ok(keys.into())
}
