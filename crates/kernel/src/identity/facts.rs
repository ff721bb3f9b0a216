//! All that is known of one entity, loaded as one and kept until any policy or identity changes.
use super::rows::{self, AliasRow, EntityRow, GroupRow};
use super::{entities, groups};
use crate::kernel::Kernel;
use crate::rows::IDENTITY;
use arc_swap::ArcSwap;
use kw_policy::{AliasRef, GroupRef, Identity};
use kw_store::{Memo, View};
use kw_types::Fault;
use std::collections::HashMap;
use std::sync::Arc;

/// An entity with its aliases and groups.
#[derive(Clone, Debug, Default)]
pub struct EntityFacts {
    pub(crate) entity: EntityRow,
    pub(crate) aliases: Vec<AliasRow>,
    /// The groups that hold the entity itself.
    pub(crate) direct: Vec<GroupRow>,
    /// The groups that hold those, and so on.
    pub(crate) inherited: Vec<GroupRow>,
}

/// Entities loaded lately.
#[derive(Default)]
pub(crate) struct Identities {
    known: ArcSwap<HashMap<String, (u64, Arc<EntityFacts>)>>,
    pub(super) rows: LoginRows,
}

/// The rows that logins read: they must depend on what they read, and facts do not say of which revisions they are.
#[derive(Default)]
pub(super) struct LoginRows {
    pub alias_ids: Memo<String>,
    pub aliases: Memo<AliasRow>,
    pub entities: Memo<EntityRow>,
}

const KNOWN_MAX: usize = 1024;

impl Identities {
    /// The facts of an entity, or of that which it was merged into; `None` if there is none (any more).
    pub(crate) async fn facts(&self, kernel: &Kernel, id: &str) -> Result<Option<Arc<EntityFacts>>, Fault> {
        let generation = kernel.policies.generation();
        if let Some((made, facts)) = self.known.load().get(id)
            && *made == generation
        {
            return Ok(Some(facts.clone()));
        }
        let found = Box::pin(kernel.look(IDENTITY, async |view| EntityFacts::load(view, id).await)).await?;
        let Some(facts) = found else { return Ok(None) };
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
        self.rows.alias_ids.forget();
        self.rows.aliases.forget();
        self.rows.entities.forget();
    }
}

impl EntityFacts {
    /// Loads from a view of [`IDENTITY`].
    pub(crate) async fn load(view: View<'_>, id: &str) -> Result<Option<Self>, Fault> {
        if let Some(entity) = entities::get(view, id).await? {
            return Self::of(view, entity).await.map(Some);
        }
        // Tokens of an entity that was merged go on as tokens of the other.
        let Some(heir) = rows::pointed(view, &rows::merged(id)).await? else { return Ok(None) };
        match entities::get(view, &heir).await? {
            Some(entity) => Self::of(view, entity).await.map(Some),
            None => Ok(None),
        }
    }

    /// Loads what belongs to an entity.
    pub(crate) async fn of(view: View<'_>, entity: EntityRow) -> Result<Self, Fault> {
        let mut aliases = Vec::with_capacity(entity.aliases.len());
        for id in &entity.aliases {
            aliases.extend(view.get::<AliasRow>(&rows::alias(id)).await?);
        }
        let ids = rows::ids(view, &rows::groups_of_entity(&entity.id)).await?;
        let mut all = groups::ancestors(view, ids.clone()).await?;
        all.sort_by(|a, b| a.name.cmp(&b.name));
        let (direct, inherited) = all.into_iter().partition(|group| ids.contains(&group.id));
        Ok(Self { entity, aliases, direct, inherited })
    }

    /// All groups, direct ones first.
    pub(crate) fn groups(&self) -> impl Iterator<Item = &GroupRow> {
        self.direct.iter().chain(&self.inherited)
    }

    /// Policies that come from the entity and its groups, sorted, each once.
    pub(crate) fn policies(&self) -> Vec<String> {
        let of_groups = self.groups().flat_map(|g| g.policies.iter());
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
            groups: self.groups().map(|g| GroupRef { id: &g.id, name: &g.name, metadata: &g.metadata }).collect(),
        }
    }
}
