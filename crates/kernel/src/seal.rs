//! Sealed and open: the first keys of an installation, opening, closing, and the upkeep of the keyring.
pub(crate) mod auto;
mod follow;
mod mark;

use self::follow::KeyWatch;
use self::mark::MarkFile;
use crate::kernel::Kernel;
use crate::policies::PolicyRow;
use crate::rotation::RotationRow;
use crate::rows::{MOUNTS, POLICIES, SETTINGS};
use crate::token::{NewToken, create};
use kw_barrier::ceremony::{GenerateRoot, Rekey, Unseal};
use kw_barrier::seal::{KEYRING_ROW, SealSet};
use kw_barrier::{BarrierError, KeyringChange, RootKey};
use kw_engine::{Mount, MountConfig};
use kw_policy::builtin;
use kw_store::{Clear, Store, StoreError, TxnCore};
use kw_types::{Fault, MountPath, RngExt, Secret, Time};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

/// The ceremonies that are under way on this node, and since when it runs.
pub(crate) struct SealDesk {
    pub unseal: Mutex<Unseal>,
    pub rekey: Mutex<Rekey>,
    pub recovery_rekey: Mutex<Rekey>,
    pub generate_root: Mutex<GenerateRoot>,
    /// Shares that are tried out, see `sys/seal/drill`.
    pub drill: Mutex<Unseal>,
    /// Seals that open by themselves.
    pub seals: SealSet,
    /// Held from the moment that the root key is known until the server is open, or moved to another seal.
    pub opening: tokio::sync::Mutex<()>,
    pub watch: KeyWatch,
    pub mark: Option<MarkFile>,
    /// The barrier is open, but what is behind it is not known to be right yet: nothing is answered from it.
    is_opening: AtomicBool,
    /// Whether the seals are not to open the server: somebody sealed it.
    stays_sealed: AtomicBool,
    /// Somebody asked for the server to be opened, and does not want to wait for the next try.
    called: AtomicBool,
    /// Why the seals have not opened it.
    trouble: Mutex<Option<String>>,
    /// Held while a snapshot is put in the place of everything.
    pub restoring: tokio::sync::Mutex<()>,
    pub started: Time,
    /// The cluster's name and id, once the barrier has been open.
    pub cluster: Mutex<Option<ClusterRow>>,
}

/// The row `sys/setting/cluster`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ClusterRow {
    pub name: String,
    pub id: String,
}

impl SealDesk {
    pub fn new(started: Time, store: &dyn Store) -> Self {
        Self {
            unseal: Mutex::default(),
            rekey: Mutex::default(),
            recovery_rekey: Mutex::default(),
            generate_root: Mutex::default(),
            drill: Mutex::default(),
            seals: SealSet::default(),
            opening: tokio::sync::Mutex::default(),
            watch: KeyWatch::of(store),
            mark: None,
            is_opening: AtomicBool::new(false),
            stays_sealed: AtomicBool::new(false),
            called: AtomicBool::new(false),
            trouble: Mutex::default(),
            restoring: tokio::sync::Mutex::default(),
            started,
            cluster: Mutex::default(),
        }
    }

    pub fn is_opening(&self) -> bool {
        self.is_opening.load(Ordering::SeqCst)
    }

    /// The server is to be open, now.
    pub fn call(&self) {
        self.stays_sealed.store(false, Ordering::SeqCst);
        self.called.store(true, Ordering::SeqCst);
    }

    /// Whether somebody has called since this was last asked.
    pub fn take_call(&self) -> bool {
        self.called.swap(false, Ordering::SeqCst)
    }

    /// The seals are not to open the server until somebody calls.
    pub fn keep_sealed(&self) {
        self.stays_sealed.store(true, Ordering::SeqCst);
    }

    pub fn is_wanted_open(&self) -> bool {
        !self.stays_sealed.load(Ordering::SeqCst)
    }

    pub fn note_trouble(&self, fault: &Fault) {
        *self.trouble.lock() = Some(fault.public().join("; "));
    }

    /// Why the server did not open, where it tried by itself.
    pub fn why_sealed(&self) -> Option<String> {
        self.trouble.lock().clone()
    }
}

/// Lasts while the server is being opened. Dropped before that has succeeded, it leaves the server sealed: also when the caller
/// goes away in the middle of it.
struct Opening<'k> {
    kernel: &'k Kernel,
    succeeded: bool,
}

impl<'k> Opening<'k> {
    fn of(kernel: &'k Kernel) -> Self {
        kernel.seal.is_opening.store(true, Ordering::SeqCst);
        Self { kernel, succeeded: false }
    }
}

impl Drop for Opening<'_> {
    fn drop(&mut self) {
        if !self.succeeded {
            self.kernel.forget_keys();
        }
        self.kernel.seal.is_opening.store(false, Ordering::SeqCst);
    }
}

/// A mount that is made with the installation.
#[derive(Clone, Debug)]
pub struct FirstMount {
    pub path: &'static str,
    pub kind: &'static str,
    pub description: &'static str,
    pub options: &'static [(&'static str, &'static str)],
}

/// The path of root tokens that ceremonies make.
pub(crate) const ROOT_PATH: &str = "auth/token/root";
/// The path of a root token whose text was chosen: as if it had been asked for.
const CHOSEN_PATH: &str = "auth/token/create";

/// What every installation has.
const BUILT_IN: [FirstMount; 4] = [
    FirstMount {
        path: "sys/",
        kind: "system",
        description: "system endpoints used for control, policy and debugging",
        options: &[],
    },
    FirstMount { path: "identity/", kind: "identity", description: "identity store", options: &[] },
    FirstMount { path: "cubbyhole/", kind: "cubbyhole", description: "per-token private secret storage", options: &[] },
    FirstMount { path: "auth/token/", kind: "token", description: "token based credentials", options: &[] },
];

impl Kernel {
    /// Has these seals open the server, in place of shares that people give.
    pub fn use_seals(&mut self, seals: SealSet) {
        self.seal.seals = seals;
    }

    /// Remembers in this file how far the store has come, so that an older one is noticed.
    pub fn keep_mark(&mut self, path: PathBuf) {
        self.seal.mark = Some(MarkFile::new(path));
    }

    /// Writes what a new installation holds besides its keys: built-in mounts, the default policy, a root token.
    /// The barrier must be open. `text` chooses the root token (`-dev-root-token-id`).
    pub(crate) async fn found(&self, more: &[FirstMount], text: Option<String>) -> Result<Secret<String>, Fault> {
        let cluster = ClusterRow { name: self.cluster_name(), id: self.rng.uuid() };
        let mounts: Vec<Mount> = BUILT_IN.iter().chain(more).map(|m| self.first_mount(m)).collect::<Result<_, _>>()?;
        let token = self
            .transact(async |txn| {
                for mount in &mounts {
                    txn.rescoped(MOUNTS).put(mount.path.as_str(), mount)?;
                }
                let policy = PolicyRow { name: builtin::DEFAULT.to_owned(), text: builtin::DEFAULT_TEXT.to_owned() };
                txn.rescoped(POLICIES).put(builtin::DEFAULT, &policy)?;
                txn.rescoped(SETTINGS).put("cluster", &cluster)?;
                let made = create(
                    self,
                    txn,
                    self.root_token(if text.is_some() { CHOSEN_PATH } else { ROOT_PATH }, text.clone()),
                )
                .await?;
                Ok(made.text)
            })
            .await?;
        Ok(token)
    }

    /// A root token that never expires.
    pub(crate) fn root_token(&self, path: &str, text: Option<String>) -> NewToken {
        NewToken {
            text,
            policies: vec![builtin::ROOT.to_owned()],
            path: path.to_owned(),
            display_name: if path == ROOT_PATH { "root" } else { "token" }.to_owned(),
            is_endless: true,
            ..NewToken::default()
        }
    }

    fn cluster_name(&self) -> String {
        if self.settings.cluster_name.is_empty() {
            format!("keywright-cluster-{}", self.rng.base62(8).to_lowercase())
        } else {
            self.settings.cluster_name.clone()
        }
    }

    fn first_mount(&self, first: &FirstMount) -> Result<Mount, Fault> {
        let options: BTreeMap<String, String> =
            first.options.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let path = MountPath::parse(first.path).map_err(Fault::internal)?;
        Ok(self.new_mount(path, first.kind, first.description, options))
    }

    /// A mount with a new identity.
    pub(crate) fn new_mount(
        &self,
        path: MountPath,
        kind: &str,
        description: &str,
        options: BTreeMap<String, String>,
    ) -> Mount {
        let auth = path.as_str().starts_with("auth/");
        Mount {
            accessor: format!("{}{kind}_{}", if auth { "auth_" } else { "" }, &hex::encode(self.rng.bytes::<4>())),
            uuid: self.rng.uuid(),
            local: kind == "cubbyhole",
            path,
            kind: kind.to_owned(),
            description: description.to_owned(),
            options,
            config: MountConfig::default(),
            seal_wrap: false,
            external_entropy_access: false,
            auth,
            tainted: false,
        }
    }

    /// Opens the barrier with the root key, and loads what was behind it. Errors: 500 when the keyring or what is needed at
    /// once is damaged, 503 when the store was put back to an older state; the server stays sealed then.
    pub(crate) async fn open_with(&self, root: RootKey) -> Result<(), Fault> {
        let generation = self.seal.watch.generation();
        let keyring = self.core_row(KEYRING_ROW).await?.ok_or_else(|| Fault::internal("the store has no keyring"))?;
        // Before, so that no request finds the barrier open and what was remembered of the time before; and after, so that
        // nothing is kept that was found while it was sealed.
        self.forget();
        let mut opening = Opening::of(self);
        self.barrier.unseal(root, &keyring).map_err(Fault::internal)?;
        self.seal.watch.opened_at(generation);
        self.forget();
        self.load_behind().await?;
        opening.succeeded = true;
        Ok(())
    }

    async fn load_behind(&self) -> Result<(), Fault> {
        if let Err(fault) = self.check_mark().await {
            self.seal.note_trouble(&fault);
            return Err(fault);
        }
        self.seal_upkeep().await?;
        if let Some(cluster) = self.view(SETTINGS).get::<ClusterRow>("cluster").await? {
            *self.seal.cluster.lock() = Some(cluster);
        }
        self.note_version().await?;
        // Mounts and audit devices are loaded now, so that what is wrong with them is told at once.
        self.mounts.current(self).await?;
        self.audits.current(self).await?;
        *self.seal.trouble.lock() = None;
        Ok(())
    }

    /// Forgets all keys and everything that came from behind the barrier. Errors: when the use of the keys could not be
    /// recorded; it is sealed all the same.
    pub async fn close(&self) -> Result<(), Fault> {
        let recorded = match self.barrier.is_sealed() {
            true => Ok(()),
            false => self.change_keyring(|keyring| self.barrier.plan_checkpoint(keyring)).await,
        };
        let marked = self.advance_mark().await;
        self.forget_keys();
        recorded.and(marked)
    }

    /// Seals at once. The use of keys that is not recorded was counted in advance, see [`kw_barrier::CHECKPOINT_AT`].
    pub(crate) fn forget_keys(&self) {
        self.barrier.seal();
        self.forget();
        self.seal.unseal.lock().reset();
        self.seal.rekey.lock().cancel();
        self.seal.recovery_rekey.lock().cancel();
        self.seal.drill.lock().reset();
        self.seal.generate_root.lock().cancel();
        *self.seal.cluster.lock() = None;
    }

    /// Rotates and records key use when the barrier or the operator's settings ask for it.
    pub(crate) async fn seal_upkeep(&self) -> Result<(), Fault> {
        let Some(active) = self.barrier.status() else { return Ok(()) };
        if self.barrier.needs_rotation() || RotationRow::read(self).await?.is_due(active, self.now()) {
            self.change_keyring(|keyring| self.barrier.plan_rotation(keyring, self.now())).await?;
            tracing::info!("the encryption key was rotated after its allowed use");
        }
        if self.barrier.needs_checkpoint() {
            self.change_keyring(|keyring| self.barrier.plan_checkpoint(keyring)).await?;
        }
        Ok(())
    }

    /// Reads the keyring's row, lets `plan` make a new one, commits it on the condition that nobody else has, and puts it in
    /// force.
    pub(crate) async fn change_keyring(
        &self,
        plan: impl Fn(&[u8]) -> Result<KeyringChange, BarrierError>,
    ) -> Result<(), Fault> {
        loop {
            let core = self.core_txn();
            let txn = core.scoped(crate::rows::CORE);
            let keyring =
                txn.view().get_bytes(KEYRING_ROW).await?.ok_or_else(|| Fault::internal("the store has no keyring"))?;
            let change = plan(&keyring).map_err(Fault::internal)?;
            txn.put_bytes(KEYRING_ROW, change.row().to_vec());
            match core.commit().await {
                Ok(_) => return self.barrier.apply(change).map_err(Fault::internal),
                Err(StoreError::Conflict) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// A row that the barrier is opened with.
    pub(crate) async fn core_row(&self, name: &str) -> Result<Option<bytes::Bytes>, Fault> {
        self.core_view().get_bytes(name).await
    }

    /// A transaction on the rows that the barrier is opened with.
    pub(crate) fn core_txn(&self) -> TxnCore<'_> {
        TxnCore::new(self.store.as_ref(), &Clear)
    }
}
