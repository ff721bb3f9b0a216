//! All seals of the configuration that open by themselves.
use super::row::{Entry, SealedRoot};
use super::{MemberStatus, SHAMIR, SealError, SealMember};
use crate::derive::{RootKey, UnsealKey};
use crate::error::BarrierError;
use kw_types::{Rng, Time};

/// The seals in force, in the order of their priorities, and those that are only left to move away from. With none in force,
/// the seal is Shamir's.
#[derive(Default)]
pub struct SealSet {
    enabled: Vec<SealMember>,
    disabled: Vec<SealMember>,
}

/// The root key as the seals have encrypted it.
#[derive(Debug)]
pub struct Sealing {
    /// The content of [`super::ROOT_KEY_ROW`].
    pub row: Vec<u8>,
    /// The seals that did not take part, and why; they are to be tried again.
    pub failed: Vec<(String, SealError)>,
}

/// The word for several seals together.
const SEVERAL: &str = "multiseal";

impl SealSet {
    pub fn new(mut enabled: Vec<SealMember>, disabled: Vec<SealMember>) -> Self {
        enabled.sort_by_key(|member| member.priority);
        Self { enabled, disabled }
    }

    /// Whether the store opens without people.
    pub fn opens_by_itself(&self) -> bool {
        !self.enabled.is_empty()
    }

    /// The word for `sys/seal-status`.
    pub fn kind(&self) -> &'static str {
        match self.enabled.as_slice() {
            [] => SHAMIR,
            [one] => one.seal.kind(),
            _ => SEVERAL,
        }
    }

    /// How the seals in force are doing.
    pub fn statuses(&self) -> Vec<MemberStatus> {
        self.enabled.iter().map(SealMember::status).collect()
    }

    /// Whether a seal in force has an entry in this row, and so the store opens without a migration.
    pub fn is_in(&self, row: &[u8]) -> bool {
        let Ok(sealed) = SealedRoot::parse(row) else { return false };
        self.enabled.iter().any(|member| sealed.entry(&member.name, member.seal.kind()).is_some())
    }

    /// The root key, by the first of the seals that opens it. Seals that are not in force come last, where `or_disabled`.
    ///
    /// Errors: what each seal said.
    pub async fn open(&self, row: &[u8], or_disabled: bool, now: Time) -> Result<RootKey, SealError> {
        let sealed = SealedRoot::parse(row).map_err(|e| SealError::Service(e.to_string()))?;
        let mut said = Vec::new();
        for member in self.enabled.iter().chain(self.disabled.iter().filter(|_| or_disabled)) {
            let Some(entry) = sealed.entry(&member.name, member.seal.kind()) else { continue };
            let opened = match member.unwrap(&entry.key, now).await {
                Ok(key) => entry.open(&key).map_err(|_| SealError::WrongKey),
                Err(error) => Err(error),
            };
            match opened {
                Ok(root) => return Ok(root),
                Err(error) => said.push(format!("seal {:?}: {error}", member.name)),
            }
        }
        if said.is_empty() {
            said.push("no seal of the configuration has encrypted the stored root key".to_owned());
        }
        Err(SealError::Service(said.join("; ")))
    }

    /// Encrypts the root key by every seal in force. `former` is a row whose entries are kept for seals that fail now; give it
    /// only while the root key is the same.
    ///
    /// Errors: when no seal would open it afterwards.
    pub async fn wrap(
        &self,
        root: &RootKey,
        former: Option<&[u8]>,
        rng: &dyn Rng,
        now: Time,
    ) -> Result<Sealing, SealError> {
        let former = former.and_then(|row| SealedRoot::parse(row).ok()).unwrap_or_default();
        let (mut entries, mut failed) = (Vec::new(), Vec::new());
        for member in &self.enabled {
            match entry(member, root, rng, now).await {
                Ok(entry) => entries.push(entry),
                Err(error) => {
                    entries.extend(former.entry(&member.name, member.seal.kind()).cloned());
                    failed.push((member.name.clone(), error));
                }
            }
        }
        if entries.is_empty() {
            let said: Vec<_> = failed.iter().map(|(name, error)| format!("seal {name:?}: {error}")).collect();
            return Err(SealError::Service(said.join("; ")));
        }
        let row = SealedRoot::encode(entries).map_err(broken)?;
        Ok(Sealing { row, failed })
    }

    /// Asks every seal in force to wrap and unwrap, and to tend what it works with. Those that failed are in
    /// [`SealSet::statuses`].
    pub async fn check(&self, rng: &dyn Rng, now: Time) {
        for member in &self.enabled {
            // What they say is kept in their health.
            let _noted = member.check(rng, now).await;
        }
    }

    /// Lets every seal keep alive what it works with. Gives what went wrong.
    pub async fn tend(&self) -> Vec<(String, SealError)> {
        let mut failed = Vec::new();
        for member in self.enabled.iter().chain(&self.disabled) {
            if let Err(error) = member.seal.tend().await {
                failed.push((member.name.clone(), error));
            }
        }
        failed
    }

    /// Whether the row should be written anew: a working seal has no entry or one under another key than it uses now, or a
    /// seal that is no longer in force has one. Goes by what the seals last said.
    pub fn wants_rewrap(&self, row: &[u8]) -> bool {
        let Ok(sealed) = SealedRoot::parse(row) else { return false };
        let works = |member: &SealMember| {
            let health = member.status().health;
            health.failing.is_none() && !health.key_id.is_empty()
        };
        let stale = |member: &&SealMember| match sealed.entry(&member.name, member.seal.kind()) {
            None => true,
            Some(entry) => entry.key.key_id != member.status().health.key_id,
        };
        let in_force = |entry: &Entry| {
            self.enabled.iter().any(|member| member.name == entry.seal && member.seal.kind() == entry.kind)
        };
        let some_work = self.enabled.iter().any(works);
        self.enabled.iter().filter(|member| works(member)).any(|member| stale(&member))
            || (some_work && !sealed.entries.iter().all(in_force))
    }

    /// The seals in force that have no entry in the row.
    pub fn missing_in(&self, row: &[u8]) -> Vec<String> {
        let sealed = SealedRoot::parse(row).unwrap_or_default();
        let missing = |member: &&SealMember| sealed.entry(&member.name, member.seal.kind()).is_none();
        self.enabled.iter().filter(missing).map(|member| member.name.clone()).collect()
    }
}

async fn entry(member: &SealMember, root: &RootKey, rng: &dyn Rng, now: Time) -> Result<Entry, SealError> {
    let key = UnsealKey::generate(rng);
    let wrapped = member.wrap(&key, now).await?;
    Entry::new((&member.name, member.seal.kind()), &key, wrapped, root, rng).map_err(broken)
}

fn broken(error: BarrierError) -> SealError {
    SealError::Service(error.to_string())
}
