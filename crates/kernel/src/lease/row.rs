//! A lease as it is stored.
use crate::rows::{EXPIRY, IRREVOCABLE, LEASES, TOKEN_LEASES, expiry};
use kw_store::Txn;
use kw_types::{Fault, Time, Ttl};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// Where a lease is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LeaseState {
    /// Stored, but the credential may not be made yet. Revoked if it stays so.
    Intended,
    Active,
    /// To be revoked as soon as that is possible: by its maker, who is still at it, or by the next try.
    Ending,
    /// Revoked, but its maker was only taken to be dead: one who slept may have made the credential since, and died before he
    /// could take it back. So it is revoked once more, and then the row goes.
    Abandoned,
    /// Revoking failed so often that only an operator can help.
    Irrevocable,
}

/// A credential that is being made is left to its maker for so long. After that, the maker is taken to be dead.
const MAKING_MAX: Ttl = Ttl::from_seconds(120);

/// When a lease ends that is to end at once. No moment by the clock of whoever ends it: another node, which takes the credential
/// back, may have a clock that is behind, or have passed that moment already.
pub(crate) const AT_ONCE: Time = Time::ZERO;

/// The row `lease/<id>`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct LeaseRow {
    /// `<path of the request>/<identifier>`.
    pub id: String,
    pub path: String,
    pub mount_uuid: String,
    /// The engine's word for this kind of credential.
    pub kind: String,
    /// What the engine needs to revoke.
    pub data: Box<RawValue>,
    /// The token whose end is the lease's end: the one that asked, or the parent of the batch token that asked.
    pub token: String,
    pub issued: Time,
    pub expires: Time,
    /// What it was given at first.
    pub ttl: Ttl,
    /// No renewal goes past this.
    pub ends: Time,
    pub renewable: bool,
    pub state: LeaseState,
    /// Its maker has not said that the credential is made, and may still be at it, however long ago it began.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_unconfirmed: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_renewal: Option<Time>,
    /// How often revoking failed.
    #[serde(default)]
    pub failures: u32,
    /// Why it failed last.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub failure: String,
}

impl LeaseRow {
    /// Writes the row and its indexes; `before` is the expiry that is indexed so far.
    pub fn put(&self, txn: Txn<'_>, before: Option<Time>) -> Result<(), Fault> {
        txn.rescoped(LEASES).put(&self.id, self)?;
        let index = txn.rescoped(EXPIRY);
        if let Some(before) = before {
            index.delete(&expiry(before, 'l', &self.id));
        }
        if self.state == LeaseState::Irrevocable {
            txn.rescoped(IRREVOCABLE).put_bytes(&self.id, "");
        } else {
            index.put_bytes(&expiry(self.expires, 'l', &self.id), "");
        }
        txn.rescoped(TOKEN_LEASES).put_bytes(&format!("{}/{}", self.token, self.id), "");
        Ok(())
    }

    /// Deletes the row and its indexes.
    pub fn delete(&self, txn: Txn<'_>) {
        txn.rescoped(LEASES).delete(&self.id);
        if self.state == LeaseState::Irrevocable {
            txn.rescoped(IRREVOCABLE).delete(&self.id);
        }
        txn.rescoped(EXPIRY).delete(&expiry(self.expires, 'l', &self.id));
        txn.rescoped(TOKEN_LEASES).delete(&format!("{}/{}", self.token, self.id));
    }

    /// Whether somebody may be making the credential at this moment.
    pub fn is_being_made(&self, now: Time) -> bool {
        let unfinished = matches!(self.state, LeaseState::Intended | LeaseState::Ending);
        unfinished && self.failures == 0 && now < self.made_by()
    }

    /// Until then its maker must have confirmed it.
    pub fn made_by(&self) -> Time {
        self.issued.plus(MAKING_MAX)
    }

    /// After it was revoked: the row as it is to stay, because its maker may yet make the credential; `None` when it may go.
    pub fn abandoned(&self, now: Time) -> Option<Self> {
        let expires = match self.state {
            _ if !self.is_unconfirmed => return None,
            LeaseState::Abandoned if self.expires <= now => return None,
            LeaseState::Abandoned => self.expires,
            _ => now.plus(MAKING_MAX),
        };
        Some(Self { state: LeaseState::Abandoned, failures: 0, expires, ..self.clone() })
    }
}

/// Reads a lease; `None` if there is none, or if it is a login's.
pub(crate) async fn get(view: kw_store::View<'_>, id: &str) -> Result<Option<LeaseRow>, Fault> {
    let leases = view.rescoped(LEASES);
    match leases.get_bytes(id).await? {
        Some(plain) if !plain.is_empty() => serde_json::from_slice(&plain)
            .map(Some)
            .map_err(|e| Fault::internal(format_args!("lease row: {:?}", e.classify()))),
        _ => Ok(None),
    }
}
