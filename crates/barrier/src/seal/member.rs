//! A seal of the configuration, and how it has been doing.
use super::{Seal, SealError, WrappedKey};
use crate::derive::UnsealKey;
use kw_types::{Rng, Time};
use parking_lot::Mutex;
use std::sync::Arc;

/// A seal that opens by itself, with its name and its place among others.
pub struct SealMember {
    pub(super) name: String,
    /// The lowest is tried first.
    pub(super) priority: u32,
    pub(super) seal: Arc<dyn Seal>,
    health: Mutex<Health>,
}

/// How a seal answered when it was last asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// When it was asked; `None` before.
    pub asked: Option<Time>,
    /// Since when it has not worked, and why not.
    pub failing: Option<(Time, String)>,
    /// The key that it wraps with.
    pub key_id: String,
}

/// What `sys/seal-backend-status` shows of a seal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberStatus {
    pub name: String,
    pub kind: &'static str,
    pub priority: u32,
    pub health: Health,
}

impl SealMember {
    pub fn new(name: impl Into<String>, priority: u32, seal: Arc<dyn Seal>) -> Self {
        Self { name: name.into(), priority, seal, health: Mutex::default() }
    }

    pub(super) fn status(&self) -> MemberStatus {
        let health = self.health.lock().clone();
        MemberStatus { name: self.name.clone(), kind: self.seal.kind(), priority: self.priority, health }
    }

    pub(super) async fn wrap(&self, key: &UnsealKey, now: Time) -> Result<WrappedKey, SealError> {
        let wrapped = self.seal.wrap(key).await;
        self.note(&wrapped, now);
        if let Ok(wrapped) = &wrapped {
            self.health.lock().key_id.clone_from(&wrapped.key_id);
        }
        wrapped
    }

    pub(super) async fn unwrap(&self, wrapped: &WrappedKey, now: Time) -> Result<UnsealKey, SealError> {
        let key = self.seal.unwrap(wrapped).await;
        self.note(&key, now);
        key
    }

    /// Wraps and unwraps a random key, which shows that the seal would open the store.
    pub(super) async fn check(&self, rng: &dyn Rng, now: Time) -> Result<(), SealError> {
        let key = UnsealKey::generate(rng);
        let wrapped = self.wrap(&key, now).await?;
        if self.unwrap(&wrapped, now).await?.matches(&key) {
            return Ok(());
        }
        let wrong = Err(SealError::Service("what it decrypts is not what it encrypted".to_owned()));
        self.note(&wrong, now);
        wrong
    }

    fn note<T>(&self, outcome: &Result<T, SealError>, now: Time) {
        let mut health = self.health.lock();
        health.asked = Some(now);
        match outcome {
            Ok(_) => health.failing = None,
            Err(error) => {
                let since = health.failing.as_ref().map_or(now, |(since, _)| *since);
                health.failing = Some((since, error.to_string()));
            }
        }
    }
}
