//! What is stored of identity. All names are relative to [`crate::rows::IDENTITY`].
use kw_store::{Txn, View};
use kw_types::{Fault, Time};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// `entity/<id>`; found by name through `entity-name/<folded name>`, and through `merged/<id>` by the ids of entities that it
/// took in.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct EntityRow {
    pub id: String,
    pub name: String,
    pub metadata: BTreeMap<String, String>,
    pub policies: Vec<String>,
    pub disabled: bool,
    /// Ids, in the order in which they came.
    pub aliases: Vec<String>,
    /// Ids of entities that were merged into this one.
    #[serde(default)]
    pub merged: Vec<String>,
    pub created: Time,
    pub updated: Time,
}

/// `alias/<id>`; found by `alias-key/<mount accessor>/<folded name>`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct AliasRow {
    pub id: String,
    /// The entity, or the group.
    pub canonical_id: String,
    pub mount_accessor: String,
    pub name: String,
    pub metadata: BTreeMap<String, String>,
    pub custom_metadata: BTreeMap<String, String>,
    /// Ids of entities that it belonged to before they were merged.
    #[serde(default)]
    pub merged_from: Vec<String>,
    pub created: Time,
    pub updated: Time,
}

/// `group/<id>`; found by name through `group-name/<folded name>`. Membership is indexed from the other side too:
/// `member/<entity>` holds the ids of the entity's groups, `subgroup/<group>` those of the group's parents.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct GroupRow {
    pub id: String,
    pub name: String,
    #[serde(rename = "type")]
    pub kind: GroupType,
    pub metadata: BTreeMap<String, String>,
    pub policies: Vec<String>,
    pub member_entity_ids: Vec<String>,
    pub member_group_ids: Vec<String>,
    /// The alias of an external group; found by `group-alias/<id>` and `group-alias-key/<mount accessor>/<folded name>`.
    #[serde(default)]
    pub alias: Option<AliasRow>,
    /// Grows with each change.
    #[serde(default)]
    pub modify_index: u64,
    pub created: Time,
    pub updated: Time,
}

/// Who says which entities are in a group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum GroupType {
    /// The operator does.
    #[default]
    Internal,
    /// The auth method does, at each login.
    External,
}

/// Names of rows. Joined, not formatted: logins make half a dozen of them, and that is five times as fast.
pub(crate) fn entity(id: &str) -> String {
    ["entity/", id].concat()
}

pub(crate) fn entity_name(folded: &str) -> String {
    ["entity-name/", folded].concat()
}

pub(crate) fn merged(id: &str) -> String {
    ["merged/", id].concat()
}

pub(crate) fn alias(id: &str) -> String {
    ["alias/", id].concat()
}

pub(crate) fn alias_key(mount_accessor: &str, name: &str) -> String {
    ["alias-key/", mount_accessor, "/", &super::names::fold_alias(name)].concat()
}

pub(crate) fn group(id: &str) -> String {
    ["group/", id].concat()
}

pub(crate) fn group_name(folded: &str) -> String {
    ["group-name/", folded].concat()
}

pub(crate) fn group_alias(id: &str) -> String {
    ["group-alias/", id].concat()
}

pub(crate) fn group_alias_key(mount_accessor: &str, name: &str) -> String {
    ["group-alias-key/", mount_accessor, "/", &super::names::fold_alias(name)].concat()
}

pub(crate) fn groups_of_entity(id: &str) -> String {
    ["member/", id].concat()
}

pub(crate) fn parents_of_group(id: &str) -> String {
    ["subgroup/", id].concat()
}

/// The id that an index row holds.
pub(crate) async fn pointed(view: View<'_>, row: &str) -> Result<Option<String>, Fault> {
    view.get_bytes(row).await?.map(|plain| id_of(&plain)).transpose()
}

/// The id that the content of an index row is. Errors: 500 when it is none.
pub(crate) fn id_of(plain: &[u8]) -> Result<String, Fault> {
    std::str::from_utf8(plain).map(str::to_owned).map_err(|_| Fault::internal("an index row holds no id"))
}

/// The ids that a membership row holds. One row, not one for each: so whoever changes it conflicts with whoever has read it.
pub(crate) async fn ids(view: View<'_>, row: &str) -> Result<Vec<String>, Fault> {
    Ok(view.get(row).await?.unwrap_or_default())
}

/// Adds an id to a membership row.
pub(crate) async fn add_id(txn: Txn<'_>, row: &str, id: &str) -> Result<(), Fault> {
    let mut known = ids(txn.view(), row).await?;
    if known.iter().any(|k| k == id) {
        return Ok(());
    }
    known.push(id.to_owned());
    txn.put(row, &known)
}

/// Takes an id out of a membership row.
pub(crate) async fn remove_id(txn: Txn<'_>, row: &str, id: &str) -> Result<(), Fault> {
    let mut known = ids(txn.view(), row).await?;
    known.retain(|k| k != id);
    if known.is_empty() {
        txn.delete(row);
        return Ok(());
    }
    txn.put(row, &known)
}
