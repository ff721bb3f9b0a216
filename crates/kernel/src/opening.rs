//! The first keys of an installation, and opening it with shares: what `sys/init` and `sys/unseal` do, and the server's
//! development mode without them.
use crate::kernel::Kernel;
use crate::seal::FirstMount;
use kw_barrier::ceremony::{InitRequest, Initialised, KeyShare, Unseal, init};
use kw_barrier::seal::{CONFIG_ROW, KEYRING_ROW, ROOT_KEY_ROW, SealConfig};
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
        let share = Unseal::parse_key(share, false)?;
        if self.is_sealed() { self.unseal_with(&share).await } else { Ok(true) }
    }

    /// The same with a share that was read already, on a sealed server.
    pub(crate) async fn unseal_with(&self, share: &KeyShare) -> Result<bool, Fault> {
        self.prepare_store().await?;
        let config = self.seal_config().await?.ok_or_else(|| Fault::bad_request("Vault is not initialized"))?;
        let wrapped = self.wrapped_root().await?;
        let root = self.seal.unseal.lock().submit(share, &config, &wrapped, self.rng.as_ref())?;
        match root {
            Some(root) => self.open_with(root).await.map(|()| true),
            None => Ok(false),
        }
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
        let made = init(request, self.rng.as_ref(), self.now())?;
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

    /// How the unseal key is split; `None` before initialisation.
    pub(crate) async fn seal_config(&self) -> Result<Option<SealConfig>, Fault> {
        self.core_view().get(CONFIG_ROW).await
    }

    /// The root key as the seal has encrypted it.
    pub(crate) async fn wrapped_root(&self) -> Result<bytes::Bytes, Fault> {
        self.core_row(ROOT_KEY_ROW).await?.ok_or_else(|| Fault::internal("the store has no root key"))
    }
}

fn initialised_already() -> Fault {
    Fault::bad_request("Vault is already initialized")
}
