//! How rows of identity are shown.
use super::super::facts::EntityFacts;
use super::super::rows::{self, AliasRow, GroupRow, GroupType};
use crate::mounts::MountTable;
use crate::rows::IDENTITY;
use crate::sys::Call;
use kw_schema::Response;
use kw_types::Fault;
use serde::Serialize;
use std::collections::BTreeMap;

/// `None`, and so null, for what is empty, as clients know it.
fn unless_empty<T: Clone + Default + PartialEq>(value: &T) -> Option<T> {
    (*value != T::default()).then(|| value.clone())
}

/// An entity.
#[derive(Serialize, Response)]
pub(super) struct EntityShown {
    id: String,
    name: String,
    namespace_id: &'static str,
    #[field(kind = "Bool")]
    disabled: bool,
    metadata: Option<BTreeMap<String, String>>,
    policies: Vec<String>,
    aliases: Vec<AliasShown>,
    direct_group_ids: Vec<String>,
    inherited_group_ids: Vec<String>,
    /// Direct and inherited.
    group_ids: Vec<String>,
    merged_entity_ids: Option<Vec<String>>,
    creation_time: String,
    last_update_time: String,
}

impl EntityShown {
    pub fn of(facts: &EntityFacts, mounts: &MountTable) -> Self {
        let ids = |groups: &[GroupRow]| groups.iter().map(|g| g.id.clone()).collect::<Vec<_>>();
        let row = &facts.entity;
        Self {
            id: row.id.clone(),
            name: row.name.clone(),
            namespace_id: "root",
            disabled: row.disabled,
            metadata: unless_empty(&row.metadata),
            policies: row.policies.clone(),
            aliases: facts.aliases.iter().map(|a| AliasShown::nested(a, mounts)).collect(),
            direct_group_ids: ids(&facts.direct),
            inherited_group_ids: ids(&facts.inherited),
            group_ids: facts.groups().map(|g| g.id.clone()).collect(),
            merged_entity_ids: unless_empty(&row.merged),
            creation_time: row.created.rfc3339(),
            last_update_time: row.updated.rfc3339(),
        }
    }
}

/// An alias, of an entity or of a group.
#[derive(Serialize, Response)]
pub(super) struct AliasShown {
    id: String,
    name: String,
    /// The entity or group.
    canonical_id: String,
    mount_accessor: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    mount_path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mount_type: Option<String>,
    /// What the auth method said of it at the last login.
    metadata: Option<BTreeMap<String, String>>,
    custom_metadata: Option<BTreeMap<String, String>>,
    merged_from_canonical_ids: Option<Vec<String>>,
    #[field(kind = "Bool")]
    local: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace_id: Option<&'static str>,
    creation_time: String,
    last_update_time: String,
}

impl AliasShown {
    pub fn of(row: &AliasRow, mounts: &MountTable) -> Self {
        Self { namespace_id: Some("root"), ..Self::nested(row, mounts) }
    }

    fn nested(row: &AliasRow, mounts: &MountTable) -> Self {
        let mount = mounts.by_accessor(&row.mount_accessor);
        Self {
            id: row.id.clone(),
            name: row.name.clone(),
            canonical_id: row.canonical_id.clone(),
            mount_accessor: row.mount_accessor.clone(),
            mount_path: mount.map(|m| m.path.as_str().to_owned()),
            mount_type: mount.map(|m| m.kind.clone()),
            metadata: unless_empty(&row.metadata),
            custom_metadata: unless_empty(&row.custom_metadata),
            merged_from_canonical_ids: unless_empty(&row.merged_from),
            local: false,
            namespace_id: None,
            creation_time: row.created.rfc3339(),
            last_update_time: row.updated.rfc3339(),
        }
    }
}

/// An alias in a listing of aliases, or of their owners.
#[derive(Serialize)]
pub(super) struct AliasBrief {
    id: String,
    name: String,
    canonical_id: String,
    mount_accessor: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    mount_path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mount_type: Option<String>,
    metadata: Option<BTreeMap<String, String>>,
    custom_metadata: Option<BTreeMap<String, String>>,
    local: bool,
}

impl AliasBrief {
    pub fn of(row: &AliasRow, mounts: &MountTable) -> Self {
        let mount = mounts.by_accessor(&row.mount_accessor);
        Self {
            id: row.id.clone(),
            name: row.name.clone(),
            canonical_id: row.canonical_id.clone(),
            mount_accessor: row.mount_accessor.clone(),
            mount_path: mount.map(|m| m.path.as_str().to_owned()),
            mount_type: mount.map(|m| m.kind.clone()),
            metadata: unless_empty(&row.metadata),
            custom_metadata: unless_empty(&row.custom_metadata),
            local: false,
        }
    }
}

/// A group.
#[derive(Serialize, Response)]
pub(super) struct GroupShown {
    id: String,
    name: String,
    namespace_id: &'static str,
    #[serde(rename = "type")]
    #[field(name = "type")]
    kind: GroupType,
    metadata: Option<BTreeMap<String, String>>,
    policies: Option<Vec<String>>,
    member_entity_ids: Option<Vec<String>>,
    member_group_ids: Option<Vec<String>>,
    parent_group_ids: Option<Vec<String>>,
    /// The alias of an external group; an empty object for others.
    alias: AliasOrNone,
    #[field(kind = "Integer")]
    modify_index: u64,
    creation_time: String,
    last_update_time: String,
}

/// No alias is shown as an empty object.
#[derive(Serialize)]
#[serde(untagged)]
enum AliasOrNone {
    Alias(Box<AliasShown>),
    None {},
}

impl GroupShown {
    pub async fn of(call: &Call<'_>, row: GroupRow) -> Result<Self, Fault> {
        let mounts = call.kernel.mounts.current(call.kernel).await?;
        let parents = rows::ids(call.kernel.view(IDENTITY), &rows::parents_of_group(&row.id)).await?;
        // Who is in an external group, logins say; nobody being in it is shown as nothing being known.
        let is_unknown = row.kind == GroupType::External && row.member_entity_ids.is_empty();
        let alias = row.alias.as_ref().map(|alias| AliasShown::nested(alias, &mounts));
        Ok(Self {
            namespace_id: "root",
            kind: row.kind,
            metadata: unless_empty(&row.metadata),
            policies: unless_empty(&row.policies),
            member_group_ids: unless_empty(&row.member_group_ids),
            parent_group_ids: unless_empty(&parents),
            alias: alias.map_or(AliasOrNone::None {}, |alias| AliasOrNone::Alias(Box::new(alias))),
            modify_index: row.modify_index,
            creation_time: row.created.rfc3339(),
            last_update_time: row.updated.rfc3339(),
            id: row.id,
            name: row.name,
            member_entity_ids: (!is_unknown).then_some(row.member_entity_ids),
        })
    }
}
