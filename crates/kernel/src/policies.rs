//! Policies, parsed once, and the compiled matcher of a set of them.
use crate::identity::EntityFacts;
use crate::kernel::Kernel;
use crate::rows::POLICIES;
use crate::staleness::Staleness;
use arc_swap::ArcSwap;
use kw_policy::{Acl, Policy, builtin};
use kw_store::{Revision, View};
use kw_types::Fault;
use parking_lot::RwLock;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

/// A policy as it is stored.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct PolicyRow {
    pub name: String,
    pub text: String,
}

/// Parsed policies by name, with the revision of the row that they were parsed from.
type Parsed = RwLock<HashMap<String, (Revision, Arc<Policy>)>>;

/// Policies of the store, and what was made of them.
#[derive(Default)]
pub(crate) struct Policies {
    parsed: Parsed,
    /// Matchers of tokens without an entity, by their set of policies.
    plain: ArcSwap<HashMap<String, (u64, Arc<Acl>)>>,
    response_wrapping: OnceLock<Arc<Policy>>,
    pub(crate) staleness: Arc<Staleness>,
}

impl Policies {
    /// A number that changes whenever any policy or identity changes.
    pub(crate) fn generation(&self) -> u64 {
        self.staleness.generation()
    }

    /// The matcher of these policies for this entity. Names without a policy grant nothing.
    pub(crate) async fn acl(
        &self,
        kernel: &Kernel,
        names: &[String],
        entity: Option<&EntityFacts>,
    ) -> Result<Arc<Acl>, Fault> {
        if names.iter().any(|n| n == "root") {
            return Ok(Arc::new(Acl::root()));
        }
        let generation = self.generation();
        let key = names.join("\n");
        if entity.is_none()
            && let Some((made, acl)) = self.plain.load().get(&key)
            && *made == generation
            && acl.valid_until().is_none_or(|end| end > kernel.now())
        {
            return Ok(acl.clone());
        }
        // As one: what was moved from one policy to another must not be in both, nor in neither.
        let read = async |view: View<'_>| {
            let mut found = Vec::with_capacity(names.len());
            for name in names {
                if let Some(policy) = self.parsed(view, name).await? {
                    found.push((name.as_str(), policy));
                }
            }
            Ok(found)
        };
        let found = Box::pin(kernel.look(POLICIES, read)).await?;
        let identity = entity.map(EntityFacts::for_templates);
        let acl = Arc::new(Acl::compile(found.iter().map(|(n, p)| (*n, p.as_ref())), identity.as_ref(), kernel.now()));
        if entity.is_none() {
            self.keep(key, generation, &acl);
        }
        Ok(acl)
    }

    fn keep(&self, key: String, generation: u64, acl: &Arc<Acl>) {
        let mut map = HashMap::clone(&self.plain.load());
        map.retain(|_, (made, _)| *made == generation);
        if map.len() < 512 {
            map.insert(key, (generation, acl.clone()));
        }
        self.plain.store(Arc::new(map));
    }

    /// One policy of a view of [`POLICIES`], parsed.
    pub(crate) async fn parsed(&self, view: View<'_>, name: &str) -> Result<Option<Arc<Policy>>, Fault> {
        if name == builtin::RESPONSE_WRAPPING {
            return self.response_wrapping().map(Some);
        }
        let Some(revision) = view.revision_of(name).await? else {
            self.parsed.write().remove(name);
            return Ok(None);
        };
        let known = self.parsed.read().get(name).filter(|(r, _)| *r == revision).map(|(_, p)| p.clone());
        if known.is_some() {
            return Ok(known);
        }
        let Some(row) = view.get::<PolicyRow>(name).await? else { return Ok(None) };
        let policy =
            Policy::parse(&row.text).map_err(|e| Fault::internal(format_args!("stored policy {name:?}: {e}")))?;
        let policy = Arc::new(policy);
        self.parsed.write().insert(name.to_owned(), (revision, policy.clone()));
        Ok(Some(policy))
    }

    /// The policy of wrapping tokens is nowhere stored, since nobody may change it.
    fn response_wrapping(&self) -> Result<Arc<Policy>, Fault> {
        if let Some(policy) = self.response_wrapping.get() {
            return Ok(policy.clone());
        }
        let policy = Policy::parse(builtin::RESPONSE_WRAPPING_TEXT).map_err(Fault::internal)?;
        Ok(self.response_wrapping.get_or_init(|| Arc::new(policy)).clone())
    }

    pub(crate) fn forget(&self) {
        self.parsed.write().clear();
        self.plain.store(Arc::default());
        self.staleness.mark();
    }
}
