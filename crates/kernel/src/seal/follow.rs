//! Keys that another node has changed: rotated, or put under a new root key.
use crate::kernel::Kernel;
use crate::received::Method;
use crate::rows::CORE;
use crate::staleness::Staleness;
use kw_barrier::BarrierError;
use kw_barrier::seal::{HANDOVER_ROW, KEYRING_ROW, ROWS};
use kw_store::{Key, Store, StoreError};
use kw_types::Fault;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Knows whether the rows that the barrier was opened with have changed since.
#[derive(Default)]
pub(crate) struct KeyWatch {
    staleness: Arc<Staleness>,
    /// The generation that the keys in force are of.
    followed: AtomicU64,
    following: tokio::sync::Mutex<()>,
}

impl KeyWatch {
    pub fn of(store: &dyn Store) -> Self {
        let watch = Self::default();
        // A store of this process alone changes by this process alone, which knows what it did.
        if store.is_shared() {
            store.watch(Key::from(format!("{CORE}{ROWS}")), watch.staleness.clone());
        }
        watch
    }

    /// Grows with each change of those rows.
    pub fn generation(&self) -> u64 {
        self.staleness.generation()
    }

    /// The barrier was opened with the keys of this generation.
    pub fn opened_at(&self, generation: u64) {
        self.followed.store(generation, Ordering::SeqCst);
    }

    fn is_behind(&self) -> bool {
        self.followed.load(Ordering::SeqCst) != self.staleness.generation()
    }
}

impl Kernel {
    /// Waits until this node knows of everything that other nodes have committed before this call, or that is old enough to matter to
    /// a request of this method where the operator allows that ([`crate::Consistency`]), and has the keys that they wrote it under.
    /// Does nothing where the store is this node's alone.
    pub(crate) async fn catch_up(&self, method: Method) -> Result<(), Fault> {
        if !self.store.is_shared() {
            return Ok(());
        }
        self.be_fresh(method).await?;
        self.keep_up_with_keys().await
    }

    /// Takes over the keys that others have made, as far as this node has heard of them. The jobs ask for it too: where no request
    /// comes, they could not read what is written under a new key.
    pub(crate) async fn keep_up_with_keys(&self) -> Result<(), Fault> {
        if self.seal.watch.is_behind() { self.follow_keys().await } else { Ok(()) }
    }

    async fn follow_keys(&self) -> Result<(), Fault> {
        let watch = &self.seal.watch;
        let _alone = watch.following.lock().await;
        let generation = watch.staleness.generation();
        if watch.is_behind() && !self.barrier.is_sealed() {
            self.take_over_keys().await?;
        }
        watch.followed.store(generation, Ordering::SeqCst);
        Ok(())
    }

    async fn take_over_keys(&self) -> Result<(), Fault> {
        let (keyring, taken) = loop {
            let core = self.core_txn();
            let rows = core.scoped(CORE).view();
            let keyring = rows.get_bytes(KEYRING_ROW).await?;
            let taken = match &keyring {
                None => Err(BarrierError::WrongKey),
                Some(row) => match self.barrier.reload(row) {
                    Err(BarrierError::WrongKey) => match rows.get_bytes(HANDOVER_ROW).await? {
                        None => Err(BarrierError::WrongKey),
                        Some(handover) => self.barrier.follow(&handover, row),
                    },
                    done => done,
                },
            };
            if taken.is_ok() {
                break (keyring, taken);
            }
            // Two rows of two moments do not fit together, and that is no reason to close; nor is a store that cannot say.
            match core.check().await {
                Ok(_) => break (keyring, taken),
                Err(StoreError::Conflict) => tokio::task::yield_now().await,
                Err(error) => return Err(error.into()),
            }
        };
        // Where the stored keyring lacks a key of ours, the store was put back, and what we wrote on would be lost.
        let whole = || {
            let root = self.barrier.root();
            root.is_none_or(|root| keyring.as_ref().is_some_and(|row| self.barrier.is_opened_by(&root, row)))
        };
        match taken {
            Ok(()) if whole() => {}
            Err(BarrierError::Sealed) => {}
            _ => {
                tracing::error!(
                    "sealing: another node has replaced the keys of the store, and the keys of this node do not lead to the new ones"
                );
                self.forget_keys();
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
