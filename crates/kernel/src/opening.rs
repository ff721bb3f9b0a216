//! The first keys of an installation, and opening it with shares: what `sys/init` and `sys/unseal` do, and the server's
//! development mode without them.
use crate::kernel::Kernel;
use crate::seal::FirstMount;
use kw_barrier::UnsealKey;
use kw_barrier::ceremony::{
    CeremonyError, InitRequest, Initialised, KeyShare, Purpose, Unseal, init, migrate_to_seals, migrate_to_shamir,
};
use kw_barrier::seal::{
    CONFIG_ROW, KEYRING_ROW, Opened, RECOVERY_CONFIG_ROW, RECOVERY_KEY_ROW, ROOT_KEY_ROW, SHAMIR, SealConfig, ShareLock,
};
use kw_store::StoreError;
use kw_types::{Fault, Secret};

/// What a server in development mode tells its operator.
#[derive(Debug)]
pub struct DevKeys {
    /// The one share, in base64.
    pub unseal_key: Secret<String>,
    pub root_token: Secret<String>,
}

impl Kernel {
    /// Initialises an empty store with one share, opens it and mounts `first_mounts`; `root_token` chooses the token's text.
    ///
    /// Errors: 400 when the store is initialised already ([`Kernel::unseal_with_share`] opens it then), or when the chosen
    /// token cannot be taken.
    pub async fn start_dev(&self, first_mounts: &[FirstMount], root_token: Option<String>) -> Result<DevKeys, Fault> {
        let request = InitRequest { secret_shares: 1, secret_threshold: 1, ..InitRequest::default() };
        let (made, root_token) = self.initialise(&request, first_mounts, root_token).await?;
        let unseal_key =
            made.shares.keys_base64.first().cloned().ok_or_else(|| Fault::internal("no share was made"))?;
        self.open_with(made.root).await?;
        Ok(DevKeys { unseal_key, root_token })
    }

    /// Gives one share of the unseal key, in hex or base64. Answers whether the server is open now; `false` means that more
    /// shares are needed.
    ///
    /// Errors: 400 before initialisation, for a share of a wrong form, and when enough shares came together that do not open
    /// the root key.
    pub async fn unseal_with_share(&self, share: &str) -> Result<bool, Fault> {
        let share = Unseal::parse_key(share)?;
        if self.is_sealed() { self.unseal_with(&share, Purpose::Open).await } else { Ok(true) }
    }

    /// The same with a share that was read already, on a sealed server, and with what it is given for.
    pub(crate) async fn unseal_with(&self, share: &KeyShare, purpose: Purpose) -> Result<bool, Fault> {
        self.prepare_store().await?;
        let state = self.seal_state().await?;
        check_purpose(state, purpose)?;
        let lock = self.share_lock().await?;
        if purpose == Purpose::Recover && !lock.opens_store() {
            return Err(Fault::bad_request(
                "the recovery shares of this installation were made not to open the store: only its seal does",
            ));
        }
        let done = self.seal.unseal.lock().submit(share, purpose, &lock, self.rng.as_ref())?;
        let Some((key, opened)) = done else { return Ok(false) };
        let root = match &opened {
            Opened::Root(root) => root.clone(),
            // The shares speak for their holders; the old seal has to open it.
            Opened::Proof(_) => {
                let row = self.wrapped_root().await?;
                let root = self.seal.seals.open(&row, true, self.now()).await;
                root.map_err(|e| Fault::unavailable(e.to_string()))?
            }
        };
        let _alone = self.seal.opening.lock().await;
        if !self.is_sealed() {
            return Err(Fault::bad_request("the server was opened otherwise in this moment"));
        }
        self.open_with(root).await?;
        if !self.barrier.vouches_for(&opened) {
            self.forget_keys();
            return Err(CeremonyError::WrongShares.into());
        }
        if purpose == Purpose::Migrate
            && let Err(fault) = self.migrate_seal(&lock, &key).await
        {
            // Not moved: better closed, and moved at the next try, than open under a seal that the configuration has left.
            self.close().await?;
            return Err(fault);
        }
        Ok(true)
    }

    /// Writes the rows that put the seal of the configuration in force; the barrier is open.
    async fn migrate_seal(&self, lock: &ShareLock, key: &UnsealKey) -> Result<(), Fault> {
        let (seals, rng) = (&self.seal.seals, self.rng.as_ref());
        let root = self.barrier.root().ok_or_else(crate::kernel::sealed)?;
        let core = self.core_txn();
        let txn = core.scoped(crate::rows::CORE);
        // Read, so that nothing is committed over what somebody else has changed meanwhile.
        let former = txn.view().get_bytes(ROOT_KEY_ROW).await?;
        let config = txn.view().get::<SealConfig>(CONFIG_ROW).await?;
        let from_shamir = config.is_some_and(|config| config.kind == SHAMIR);
        let rows = if seals.opens_by_itself() {
            let former = former.as_deref().filter(|_| !from_shamir);
            let sealing = seals.wrap(&root, former, rng, self.now()).await;
            let sealing = sealing.map_err(|e| Fault::unavailable(e.to_string()))?;
            migrate_to_seals((seals.kind(), sealing.row), from_shamir, lock, key, &root, rng)?
        } else {
            migrate_to_shamir(lock, key, &root, rng)?
        };
        for (name, content) in rows {
            match content {
                Some(content) => txn.put_bytes(name, content),
                None => txn.delete(name),
            }
        }
        core.commit().await?;
        tracing::warn!(to = seals.kind(), "the store was moved to another seal");
        Ok(())
    }

    /// Makes the keys and writes what a new installation holds; it is sealed afterwards. Gives the keys and the root token.
    ///
    /// Errors: 400 when the store is initialised already, also when another request or node was faster by a moment.
    pub(crate) async fn initialise(
        &self,
        request: &InitRequest,
        first_mounts: &[FirstMount],
        root_token: Option<String>,
    ) -> Result<(Initialised, Secret<String>), Fault> {
        self.prepare_store().await?;
        if self.seal_config().await?.is_some() {
            return Err(initialised_already());
        }
        let (seals, rng) = (&self.seal.seals, self.rng.as_ref());
        let mut made = init(request, seals.kind(), rng, self.now())?;
        if seals.opens_by_itself() {
            let sealing = seals.wrap(&made.root, None, rng, self.now()).await;
            let sealing = sealing.map_err(|e| Fault::unavailable(e.to_string()))?;
            made.rows.push((ROOT_KEY_ROW, sealing.row));
        }
        self.write_first_keys(&made).await?;
        let keyring = made.row(KEYRING_ROW).ok_or_else(|| Fault::internal("no keyring was made"))?;
        self.barrier.unseal(made.root.clone(), keyring)?;
        let founded = self.found(first_mounts, root_token).await;
        self.close().await?;
        Ok((made, founded?))
    }

    async fn write_first_keys(&self, made: &Initialised) -> Result<(), Fault> {
        let core = self.core_txn();
        let txn = core.scoped(crate::rows::CORE);
        if txn.pin(CONFIG_ROW).await? {
            return Err(initialised_already());
        }
        for (name, content) in &made.rows {
            txn.put_bytes(name, content.clone());
        }
        match core.commit().await {
            Ok(_) => Ok(()),
            Err(StoreError::Conflict) => Err(initialised_already()),
            Err(error) => Err(error.into()),
        }
    }

    /// The seal's kind and, under Shamir's, how the unseal key is split; `None` before initialisation.
    pub(crate) async fn seal_config(&self) -> Result<Option<SealConfig>, Fault> {
        self.core_view().get(CONFIG_ROW).await
    }

    /// How the key is split that people have shares of: the unseal key, or the recovery key. `None` before initialisation.
    pub(crate) async fn share_config(&self) -> Result<Option<SealConfig>, Fault> {
        match self.seal_config().await? {
            Some(config) if config.kind != SHAMIR => self.core_view().get(RECOVERY_CONFIG_ROW).await,
            config => Ok(config),
        }
    }

    /// What the shares of people are tried on. Errors: 400 before initialisation.
    pub(crate) async fn share_lock(&self) -> Result<ShareLock, Fault> {
        let none = || Fault::bad_request("Vault is not initialized");
        let config = self.seal_config().await?.ok_or_else(none)?;
        if config.kind == SHAMIR {
            return Ok(ShareLock::shamir(config, self.wrapped_root().await?));
        }
        let lost = || Fault::internal("the store has no recovery key");
        let config = self.core_view().get(RECOVERY_CONFIG_ROW).await?.ok_or_else(lost)?;
        let row = self.core_row(RECOVERY_KEY_ROW).await?.ok_or_else(lost)?;
        Ok(ShareLock::recovery(config, &row)?)
    }

    /// How the store's seal and that of the configuration go together.
    pub(crate) async fn seal_state(&self) -> Result<SealState, Fault> {
        let Some(config) = self.seal_config().await? else { return Ok(SealState::Empty) };
        let seals = &self.seal.seals;
        Ok(match (config.kind == SHAMIR, seals.opens_by_itself()) {
            (true, false) => SealState::Shamir,
            (true, true) => SealState::FromShamir,
            (false, true) if seals.is_in(&self.wrapped_root().await?) => SealState::Seals,
            (false, _) => SealState::FromSeals,
        })
    }

    /// The root key as the seal has encrypted it.
    pub(crate) async fn wrapped_root(&self) -> Result<bytes::Bytes, Fault> {
        self.core_row(ROOT_KEY_ROW).await?.ok_or_else(|| Fault::internal("the store has no root key"))
    }
}

/// What the store's seal is, and whether the configuration wants another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SealState {
    /// Not initialised.
    Empty,
    Shamir,
    /// Seals that open by themselves.
    Seals,
    /// Shamir's, and the configuration has seals that open by themselves.
    FromShamir,
    /// The store is under seals that the configuration does not have, or has disabled.
    FromSeals,
}

impl SealState {
    /// Whether seals of the configuration open the store.
    pub fn is_ready_for_seals(self) -> bool {
        self == Self::Seals
    }

    /// Whether shares are wanted to move to another seal.
    pub fn is_migration(self) -> bool {
        matches!(self, Self::FromShamir | Self::FromSeals)
    }
}

/// Errors: 400 where shares that are given for this have no use.
pub(crate) fn check_purpose(state: SealState, purpose: Purpose) -> Result<(), Fault> {
    let refusal = match (state, purpose) {
        (SealState::Shamir, Purpose::Open)
        | (SealState::FromShamir | SealState::FromSeals, Purpose::Migrate)
        | (SealState::Seals | SealState::FromSeals, Purpose::Recover) => return Ok(()),
        (SealState::Empty, _) => "Vault is not initialized",
        (SealState::Shamir | SealState::Seals, Purpose::Migrate) => {
            "can't perform a seal migration, no migration seal found"
        }
        (SealState::Seals, Purpose::Open) => {
            "this server is opened by its seal, not by shares; where the seal's key service is lost, give recovery shares and say so: recovery set to true (operator unseal -recovery)"
        }
        (SealState::FromShamir | SealState::FromSeals, Purpose::Open) => {
            "the store is under another seal than that of the configuration; to move it there, give the shares with migrate set to true (operator unseal -migrate)"
        }
        (SealState::Shamir | SealState::FromShamir, Purpose::Recover) => {
            "there are no recovery shares: the store is under a shamir seal, which unseal shares open"
        }
    };
    Err(Fault::bad_request(refusal))
}

fn initialised_already() -> Fault {
    Fault::bad_request("Vault is already initialized")
}
