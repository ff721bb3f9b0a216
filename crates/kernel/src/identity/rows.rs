//! What is stored of identity. All names are relative to [`crate::rows::IDENTITY`].
use kw_types::Time;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// `entity/<id>`; found by name through `entity-name/<lower-case name>`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct EntityRow {
    pub id: String,
    pub name: String,
    pub metadata: BTreeMap<String, String>,
    pub policies: Vec<String>,
    pub disabled: bool,
    pub aliases: Vec<String>,
    #[serde(default)]
    pub merged: Vec<String>,
    pub created: Time,
    pub updated: Time,
}

/// `alias/<id>`; found by `alias-key/<mount accessor>/<name>`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct AliasRow {
    pub id: String,
    /// The entity.
    pub canonical_id: String,
    pub mount_accessor: String,
    pub name: String,
    pub metadata: BTreeMap<String, String>,
    pub custom_metadata: BTreeMap<String, String>,
    pub created: Time,
    pub updated: Time,
}

/// `group/<id>`; found by name through `group-name/<lower-case name>`; membership is indexed by `member/<entity>/<group>` and
/// `subgroup/<group>/<parent group>`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct GroupRow {
    pub id: String,
    pub name: String,
    /// `internal` or `external`.
    #[serde(rename = "type")]
    pub kind: String,
    pub metadata: BTreeMap<String, String>,
    pub policies: Vec<String>,
    pub member_entity_ids: Vec<String>,
    pub member_group_ids: Vec<String>,
    /// The alias of an external group.
    #[serde(default)]
    pub alias: Option<AliasRow>,
    pub created: Time,
    pub updated: Time,
}
