//! How a commit of which nothing was heard is decided.
//!
//! Every commit of this process compares that a certain key is not there. When the outcome of one is not known, that key is
//! written: from then on the lost transaction either has taken place, or never will, and whoever reads learns which. Other
//! commits that were on their way are refused by the same key, so they certainly wrote nothing, and are sent again with
//! the next one.
use crate::commit::TXN;
use crate::dialer::{Dialer, revision};
use crate::messages::{TxnRequest, TxnResponse};
use crate::txn::put;
use bytes::Bytes;
use kw_store::{Revision, StoreError};
use kw_types::Rng;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::Mutex;

/// The fences of this process, of which at most the last one is not there yet.
pub(crate) struct Fence {
    /// With the number of this process in it.
    prefix: String,
    generation: AtomicU64,
    /// When the last one was written. Held while one is.
    raised: Mutex<Revision>,
}

impl Fence {
    pub fn new(dialer: &Dialer, rng: &dyn Rng) -> Self {
        let mut process = [0; 16];
        rng.fill(&mut process);
        let prefix = format!("{}{}/", String::from_utf8_lossy(&dialer.layout.fences()), hex::encode(process));
        Self { prefix, generation: AtomicU64::new(1), raised: Mutex::default() }
    }

    /// The number of the fence for the next commit.
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    pub fn key(&self, generation: u64) -> Bytes {
        format!("{}{generation}", self.prefix).into()
    }

    /// Writes the fence of this number, if it is not written yet. Returns a revision by which all commits that compared with
    /// it are decided.
    pub async fn raise(&self, dialer: &Dialer, generation: u64) -> Result<Revision, StoreError> {
        let mut raised = self.raised.lock().await;
        if self.generation() == generation {
            let success = vec![put(self.key(generation), Bytes::new())];
            let answer: TxnResponse = dialer.ask(TXN, TxnRequest { success, ..TxnRequest::default() }).await?;
            *raised = revision(answer.header);
            self.generation.store(generation + 1, Ordering::Release);
        }
        Ok(*raised)
    }
}
