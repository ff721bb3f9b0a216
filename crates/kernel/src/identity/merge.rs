//! Merging entities: of two that turned out to be one, the aliases and groups come together, and tokens of the one go on as
//! tokens of the other.
use super::rows::{self, AliasRow, EntityRow, GroupRow};
use super::{entities, groups};
use crate::kernel::Kernel;
use kw_store::Txn;
use kw_types::Fault;

/// Merges `from` into `to`, in a transaction on [`crate::rows::IDENTITY`]. Where both have an alias at a mount, `keep` names the
/// one that stays.
///
/// Aliases and groups are united. Policies and metadata are those of `to`: what `from` was granted by name is gone.
///
/// Errors: 400 when an entity is not there, is merged into itself, or when aliases clash and `keep` names none or both.
pub(crate) async fn merge(
    kernel: &Kernel,
    txn: Txn<'_>,
    from: &[String],
    to: &str,
    keep: &[String],
) -> Result<(), Fault> {
    let target = entities::get(txn.view(), to).await?;
    let mut target = target.ok_or_else(|| Fault::bad_request("entity id to merge to is invalid"))?;
    if from.iter().any(|id| id == to) {
        return Err(Fault::bad_request("to_entity_id should not be present in from_entity_ids"));
    }
    for id in from {
        let source = entities::get(txn.view(), id).await?;
        let source = source.ok_or_else(|| Fault::bad_request("entity id to merge from is invalid"))?;
        move_aliases(kernel, txn, &source, &mut target, keep).await?;
        move_groups(kernel, txn, &source, &target).await?;
        for id in source.merged.iter().chain([&source.id]) {
            txn.put_bytes(&rows::merged(id), target.id.clone());
            target.merged.push(id.clone());
        }
        entities::forget(txn, &source)?;
    }
    target.updated = kernel.now();
    entities::put(txn, &target)
}

async fn move_aliases(
    kernel: &Kernel,
    txn: Txn<'_>,
    source: &EntityRow,
    target: &mut EntityRow,
    keep: &[String],
) -> Result<(), Fault> {
    for id in &source.aliases {
        let Some(mut alias) = txn.view().get::<AliasRow>(&rows::alias(id)).await? else { continue };
        if let Some(rival) = entities::alias_at(txn.view(), target, &alias.mount_accessor).await? {
            match (keep.contains(&alias.id), keep.contains(&rival.id)) {
                (true, false) => {
                    entities::delete_alias_rows(txn, &rival);
                    target.aliases.retain(|id| *id != rival.id);
                }
                (false, true) => {
                    entities::delete_alias_rows(txn, &alias);
                    continue;
                }
                _ => return Err(clash()),
            }
        }
        alias.merged_from.push(source.id.clone());
        alias.canonical_id.clone_from(&target.id);
        alias.updated = kernel.now();
        txn.put(&rows::alias(&alias.id), &alias)?;
        target.aliases.push(alias.id);
    }
    Ok(())
}

fn clash() -> Fault {
    Fault::bad_request(
        "both entities have aliases with the same mount accessor; \
         name the one of each pair that is to stay in conflicting_alias_ids_to_keep",
    )
}

async fn move_groups(kernel: &Kernel, txn: Txn<'_>, source: &EntityRow, target: &EntityRow) -> Result<(), Fault> {
    for id in rows::ids(txn.view(), &rows::groups_of_entity(&source.id)).await? {
        let Some(mut group) = txn.view().get::<GroupRow>(&rows::group(&id)).await? else { continue };
        group.member_entity_ids.retain(|member| *member != source.id && *member != target.id);
        group.member_entity_ids.push(target.id.clone());
        groups::put(kernel, txn, &mut group)?;
        rows::add_id(txn, &rows::groups_of_entity(&target.id), &id).await?;
    }
    txn.delete(&rows::groups_of_entity(&source.id));
    Ok(())
}
