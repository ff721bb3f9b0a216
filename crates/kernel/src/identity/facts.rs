//! All that is known of one entity, loaded as one and kept until any policy or identity changes.
use super::{AliasRow, EntityRow, GroupRow};
use crate::kernel::Kernel;
use crate::rows::IDENTITY;
use arc_swap::ArcSwap;
use kw_policy::{AliasRef, GroupRef, Identity};
use kw_store::{Page, View};
use kw_types::Fault;
use std::collections::HashMap;
use std::sync::Arc;

/// An entity with its aliases and groups, inherited ones included.
#[derive(Clone, Debug, Default)]
pub struct EntityFacts {
    pub(crate) entity: EntityRow,
    pub(crate) aliases: Vec<AliasRow>,
    pub(crate) groups: Vec<GroupRow>,
}

/// Entities loaded lately.
#[derive(Default)]
pub(crate) struct Identities {
    known: ArcSwap<HashMap<String, (u64, Arc<EntityFacts>)>>,
}

const KNOWN_MAX: usize = 1024;

impl Identities {
    /// The facts of an entity; `None` if there is no such entity (any more).
    pub(crate) async fn facts(&self, kernel: &Kernel, id: &str) -> Result<Option<Arc<EntityFacts>>, Fault> {
        let generation = kernel.policies.generation();
        if let Some((made, facts)) = self.known.load().get(id)
            && *made == generation
        {
            return Ok(Some(facts.clone()));
        }
        let Some(facts) = EntityFacts::load(kernel.view(IDENTITY), id).await? else { return Ok(None) };
        let facts = Arc::new(facts);
        let mut known = HashMap::clone(&self.known.load());
        known.retain(|_, (made, _)| *made == generation);
        if known.len() >= KNOWN_MAX {
            known.clear();
        }
        known.insert(id.to_owned(), (generation, facts.clone()));
        self.known.store(Arc::new(known));
        Ok(Some(facts))
    }

    pub(crate) fn forget(&self) {
        self.known.store(Arc::default());
    }
}

impl EntityFacts {
    /// Loads from a view of [`IDENTITY`].
    pub(crate) async fn load(view: View<'_>, id: &str) -> Result<Option<Self>, Fault> {
        let Some(entity) = view.get::<EntityRow>(&format!("entity/{id}")).await? else { return Ok(None) };
        let mut aliases = Vec::with_capacity(entity.aliases.len());
        for alias in &entity.aliases {
            aliases.extend(view.get::<AliasRow>(&format!("alias/{alias}")).await?);
        }
        let groups = groups_of(view, id).await?;
        Ok(Some(Self { entity, aliases, groups }))
    }

    /// Policies that come from the entity and its groups, sorted, each once.
    pub(crate) fn policies(&self) -> Vec<String> {
        let of_groups = self.groups.iter().flat_map(|g| g.policies.iter());
        let mut out: Vec<String> = self.entity.policies.iter().chain(of_groups).cloned().collect();
        out.sort();
        out.dedup();
        out
    }

    pub(crate) fn for_templates(&self) -> Identity<'_> {
        fn alias(row: &AliasRow) -> AliasRef<'_> {
            let AliasRow { id, mount_accessor, name, metadata, custom_metadata, .. } = row;
            AliasRef { mount_accessor, id, name, metadata, custom_metadata }
        }
        Identity {
            id: &self.entity.id,
            name: &self.entity.name,
            metadata: &self.entity.metadata,
            aliases: self.aliases.iter().map(alias).collect(),
            groups: self.groups.iter().map(|g| GroupRef { id: &g.id, name: &g.name, metadata: &g.metadata }).collect(),
        }
    }
}

/// The groups that hold an entity, and the groups that hold those.
async fn groups_of(view: View<'_>, entity: &str) -> Result<Vec<GroupRow>, Fault> {
    let mut found: Vec<GroupRow> = Vec::new();
    let mut open = view.names(&format!("member/{entity}/"), Page::default()).await?;
    while let Some(id) = open.pop() {
        if found.iter().any(|g| g.id == id) {
            continue;
        }
        let Some(group) = view.get::<GroupRow>(&format!("group/{id}")).await? else { continue };
        open.extend(view.names(&format!("subgroup/{id}/"), Page::default()).await?);
        found.push(group);
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}
