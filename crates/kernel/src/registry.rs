//! The engines and auth methods that this server has.
use hashbrown::HashMap;
use kw_engine::{AuthMethod, Engine, LeaseKind, Mount, Routes};

/// Engines and methods by their type.
#[derive(Default)]
pub struct Registry {
    engines: HashMap<&'static str, Box<dyn Engine>>,
    methods: HashMap<&'static str, Box<dyn AuthMethod>>,
    leases: HashMap<(&'static str, &'static str), LeaseKind>,
}

impl Registry {
    pub fn new(engines: Vec<Box<dyn Engine>>, methods: Vec<Box<dyn AuthMethod>>) -> Self {
        let mut registry = Self::default();
        for engine in engines {
            registry.leases.extend(engine.leases().into_iter().map(|kind| ((engine.kind(), kind.name), kind)));
            registry.engines.insert(engine.kind(), engine);
        }
        registry.methods.extend(methods.into_iter().map(|m| (m.kind(), m)));
        registry
    }

    pub(crate) fn engine(&self, kind: &str) -> Option<&dyn Engine> {
        self.engines.get(kind).map(AsRef::as_ref)
    }

    pub(crate) fn method(&self, kind: &str) -> Option<&dyn AuthMethod> {
        self.methods.get(kind).map(AsRef::as_ref)
    }

    /// The engine side of a mount of either sort.
    pub(crate) fn of_mount(&self, mount: &Mount) -> Option<&dyn Engine> {
        if mount.auth { self.method(&mount.kind).map(|m| m as &dyn Engine) } else { self.engine(&mount.kind) }
    }

    /// The engine or method that goes by this type, or by another name of its own.
    pub(crate) fn named(&self, auth: bool, name: &str) -> Option<&dyn Engine> {
        if auth {
            self.method(name).or_else(|| also(&self.methods, name)).map(|m| m as &dyn Engine)
        } else {
            self.engine(name).or_else(|| also(&self.engines, name))
        }
    }

    /// The types that can be mounted, in order.
    pub(crate) fn kinds(&self, auth: bool) -> Vec<&'static str> {
        let mut kinds: Vec<&'static str> = if auth {
            self.methods.keys().copied().collect()
        } else {
            self.engines.iter().filter(|(_, engine)| !engine.per_token()).map(|(kind, _)| *kind).collect()
        };
        kinds.sort_unstable();
        kinds
    }

    pub(crate) fn lease_kind(&self, engine: &str, kind: &str) -> Option<&LeaseKind> {
        self.leases.iter().find(|((e, k), _)| *e == engine && *k == kind).map(|(_, lease)| lease)
    }

    /// Has all that was parsed from rows forgotten.
    pub(crate) fn forget(&self) {
        self.engines.values().for_each(|engine| engine.forget());
        self.methods.values().for_each(|method| method.forget());
    }

    /// Every route table, with a name such as `secrets/kv/2`; in order.
    pub(crate) fn tables(&self) -> Vec<(String, &Routes)> {
        let named = |sort: &str, engine: &dyn Engine, variant: &str| {
            if variant.is_empty() {
                format!("{sort}/{}", engine.kind())
            } else {
                format!("{sort}/{}/{variant}", engine.kind())
            }
        };
        let mut out: Vec<(String, &Routes)> = Vec::new();
        for engine in self.engines.values() {
            out.extend(engine.variants().into_iter().map(|(v, routes)| (named("secrets", engine.as_ref(), v), routes)));
        }
        for method in self.methods.values() {
            out.extend(method.variants().into_iter().map(|(v, routes)| (named("auth", method.as_ref(), v), routes)));
        }
        out.sort_by(|a, b| a.0.cmp(&b.0));
        out
    }
}

/// The one that has this among its other names.
fn also<'a, E: Engine + ?Sized>(all: &'a HashMap<&'static str, Box<E>>, name: &str) -> Option<&'a E> {
    all.values().find(|engine| engine.other_names().contains(&name)).map(AsRef::as_ref)
}
