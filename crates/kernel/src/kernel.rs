//! What a running server holds, and the few things that everything in this crate does with it.
use crate::audits::Audits;
use crate::claims::Sightings;
use crate::counters::Counters;
use crate::freshness::Freshness;
use crate::identity::Identities;
use crate::loggers::{Loggers, SetLevels};
use crate::mounts::Mounts;
use crate::passwords;
use crate::policies::Policies;
use crate::registry::Registry;
use crate::rows;
use crate::seal::SealDesk;
use crate::snapshots::SnapshotDesk;
use crate::sys::SystemRoutes;
use crate::token::Tokens;
use futures_util::future::LocalBoxFuture;
use kw_barrier::Barrier;
use kw_engine::{Caller, Cx, CxParts, Keyed, Lockout, Mount};
use kw_store::{Clear, Key, Sight, Store, StoreError, Txn, TxnCore, View};
use kw_types::{Clock, Fault, Rng, RngExt, Secret, Time, Ttl};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

/// What the operator has set.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Our own version.
    pub version: String,
    /// The level of Vault's API that clients are told, so that they switch their features on.
    pub api_version: String,
    pub build_date: String,
    pub cluster_name: String,
    pub api_addr: String,
    pub cluster_addr: String,
    pub default_lease_ttl: Ttl,
    pub max_lease_ttl: Ttl,
    /// Whether `sys/raw` answers.
    pub raw_storage: bool,
    /// Whether audit devices can be enabled by the API, or by the configuration alone.
    pub audit_by_api: bool,
    /// Audit devices of the configuration: always on, not to be disabled by the API.
    pub audit_devices: Vec<kw_audit::DeviceConfig>,
    /// When users are locked out, by type of auth method; `all` stands for every type that is not named.
    pub lockouts: BTreeMap<String, Lockout>,
    /// Facts of the configuration for `sys/config/state/sanitized`, as JSON.
    pub sanitized: serde_json::Value,
    pub log_level: String,
}

/// What the server makes a kernel from.
pub struct KernelParts {
    pub store: Arc<dyn Store>,
    pub clock: Arc<dyn Clock>,
    pub rng: Arc<dyn Rng>,
    pub registry: Registry,
    pub settings: Settings,
}

/// A server without its listeners: a function from requests to answers over a store, a clock and a source of chance.
pub struct Kernel {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) rng: Arc<dyn Rng>,
    pub(crate) barrier: Barrier,
    pub(crate) registry: Registry,
    pub(crate) system: SystemRoutes,
    pub(crate) settings: Settings,
    pub(crate) mounts: Mounts,
    pub(crate) policies: Policies,
    pub(crate) identities: Identities,
    pub(crate) tokens: Tokens,
    pub(crate) audits: Audits,
    pub(crate) freshness: Freshness,
    pub(crate) seal: SealDesk,
    pub(crate) counters: Counters,
    pub(crate) loggers: Loggers,
    pub(crate) snapshots: SnapshotDesk,
    pub(crate) claims: Sightings,
    /// Names this process among those that share its store.
    pub(crate) node: String,
}

/// How often a transaction is run again when others change what it read.
const CONFLICTS_MAX: u32 = 64;

impl Kernel {
    /// A sealed kernel.
    pub fn new(parts: KernelParts) -> Self {
        let KernelParts { store, clock, rng, registry, settings } = parts;
        let (mounts, policies, audits) = (Mounts::default(), Policies::default(), Audits::default());
        store.watch(Key::from_static(rows::MOUNTS.as_bytes()), mounts.staleness.clone());
        store.watch(Key::from_static(rows::DEPARTURES.as_bytes()), mounts.staleness.clone());
        store.watch(Key::from_static(rows::POLICIES.as_bytes()), policies.staleness.clone());
        store.watch(Key::from_static(rows::IDENTITY.as_bytes()), policies.staleness.clone());
        store.watch(Key::from_static(rows::AUDITS.as_bytes()), audits.staleness.clone());
        store.watch(Key::from_static(rows::AUDIT_HEADERS.as_bytes()), audits.staleness.clone());
        let (identities, tokens, system) = (Identities::default(), Tokens::new(rng.as_ref()), SystemRoutes::new());
        store.watch(Key::from_static(rows::TOKENS.as_bytes()), tokens.staleness.clone());
        let barrier = Barrier::new(rng.clone());
        let seal = SealDesk::new(clock.now(), store.as_ref());
        let snapshots = SnapshotDesk::default();
        let node = hex::encode(rng.bytes::<8>());
        Self {
            store,
            clock,
            rng,
            barrier,
            registry,
            system,
            settings,
            mounts,
            policies,
            identities,
            tokens,
            audits,
            freshness: Freshness::default(),
            seal,
            counters: Counters::default(),
            loggers: Loggers::default(),
            snapshots,
            claims: Sightings::default(),
            node,
        }
    }

    pub fn is_sealed(&self) -> bool {
        self.barrier.is_sealed() || self.seal.is_opening()
    }

    /// Opens all audit files anew, after a log rotation.
    pub fn reopen_audit(&self) {
        self.audits.reopen();
    }

    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Lets `sys/loggers` change what is logged. `level` is that of the configuration.
    pub fn steer_log(&self, level: tracing::Level, control: SetLevels) {
        self.loggers.steer(level, control);
    }

    pub(crate) fn now(&self) -> Time {
        self.clock.now()
    }

    /// Read access to encrypted rows under a prefix.
    pub(crate) fn view<'a>(&'a self, prefix: &'a str) -> View<'a> {
        View::new(self.store.as_ref(), &self.barrier, prefix)
    }

    /// Read access to the rows that the barrier itself is opened with.
    pub(crate) fn core_view(&self) -> View<'_> {
        View::new(self.store.as_ref(), &Clear, rows::CORE)
    }

    /// A transaction on encrypted rows.
    pub(crate) fn txn(&self) -> TxnCore<'_> {
        TxnCore::new(self.store.as_ref(), &self.barrier)
    }

    /// Tells of reads that begin now whether they can all have been true at once.
    pub(crate) fn sight(&self) -> Sight {
        Sight::new(self.store.revision())
    }

    /// Runs `work` in a transaction on the kernel's rows and commits it; again, if others changed what it read. It refuses only
    /// by what was true at one moment.
    pub(crate) async fn transact<T, F>(&self, work: F) -> Result<T, Fault>
    where
        F: AsyncFn(Txn<'_>) -> Result<T, Fault>,
    {
        for _ in 0..CONFLICTS_MAX {
            let core = self.txn();
            let done = work(core.scoped("")).await;
            let settled = if done.is_ok() { core.commit().await.map(|_| ()) } else { core.check().await };
            match settled {
                Ok(()) => return done,
                Err(StoreError::Conflict) => tokio::task::yield_now().await,
                Err(error) => return Err(error.into()),
            }
        }
        Err(StoreError::Conflict.into())
    }

    /// Reads rows under a prefix as they all were at one moment: `work` is run again where others changed what it read. Its
    /// listings count as long as whoever changes what is listed also writes a row that `work` reads.
    pub(crate) async fn look<T, F>(&self, prefix: &str, work: F) -> Result<T, Fault>
    where
        F: AsyncFn(View<'_>) -> Result<T, Fault>,
    {
        for _ in 0..CONFLICTS_MAX {
            let core = self.txn();
            let found = work(core.scoped(prefix).view()).await;
            match core.check().await {
                Ok(()) => return found,
                Err(StoreError::Conflict) => tokio::task::yield_now().await,
                Err(error) => return Err(error.into()),
            }
        }
        Err(StoreError::Conflict.into())
    }

    /// The context of a call on a mount.
    pub(crate) fn cx<'a>(
        &'a self,
        mount: &'a Mount,
        path: &'a str,
        caller: Option<&'a Caller>,
        remote: Option<IpAddr>,
    ) -> Cx<'a> {
        let max_ttl = mount.config.max_lease_ttl.or(self.settings.max_lease_ttl);
        CxParts {
            clock: self.clock.as_ref(),
            rng: self.rng.as_ref(),
            keyed: self,
            mount,
            caller,
            remote,
            path,
            // The system's default may be over what the mount allows.
            default_ttl: mount.config.default_lease_ttl.or(self.settings.default_lease_ttl).capped(max_ttl),
            max_ttl,
        }
        .into()
    }

    /// Forgets everything that came from behind the barrier.
    pub(crate) fn forget(&self) {
        self.mounts.forget();
        self.policies.forget();
        self.identities.forget();
        self.tokens.forget();
        self.audits.forget();
        self.registry.forget();
    }
}

impl Keyed for Kernel {
    fn mac(&self, purpose: &str, data: &[u8]) -> Result<[u8; 32], Fault> {
        self.barrier.mac(purpose, data).ok_or_else(sealed)
    }

    fn password<'a>(&'a self, policy: &'a str) -> LocalBoxFuture<'a, Result<Secret<String>, Fault>> {
        Box::pin(passwords::generate(self, policy))
    }
}

/// The refusal of a sealed server.
pub(crate) fn sealed() -> Fault {
    Fault::unavailable("Vault is sealed")
}
