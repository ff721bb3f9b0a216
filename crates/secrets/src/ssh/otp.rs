//! A one-time password: a row under its keyed hash, and a lease that deletes the row.
use kw_engine::{Cx, Fault, FaultKind, Lease, Response, Secret, Terms, Time, Txn, View};
use serde::{Deserialize, Serialize};

/// What a password is good for, as it is stored. The password itself is not: the row is found by its keyed hash.
#[derive(Serialize, Deserialize)]
pub(super) struct Login {
    pub(super) ip: String,
    pub(super) username: String,
    pub(super) role_name: String,
    /// The lease's own end. Kept here too, so that a late revocation does not make a password last longer.
    pub(super) expires: Time,
}

/// The lease of a password.
#[derive(Serialize, Deserialize)]
pub(super) struct Otp {
    /// The name of the row.
    row: String,
    #[serde(skip)]
    answer: Option<Credentials>,
}

/// A password for one login.
#[derive(Clone, Serialize, Response)]
pub(super) struct Credentials {
    /// Always `otp`.
    #[field(kind = "Text")]
    pub(super) key_type: &'static str,
    /// The password.
    #[field(kind = "Text")]
    pub(super) key: Secret<String>,
    /// The user that it is for.
    #[field(kind = "Text")]
    pub(super) username: String,
    /// The host that it is for.
    #[field(kind = "Text")]
    pub(super) ip: String,
    /// Where that host's SSH server listens.
    #[field(kind = "Integer")]
    pub(super) port: u16,
}

impl Otp {
    /// Writes the row, and plans the lease that ends it.
    pub(super) fn store(cx: &Cx<'_>, txn: Txn<'_>, login: &Login, answer: Credentials) -> Result<Self, Fault> {
        let row = row(cx, &answer.key)?;
        txn.put(&row, login)?;
        Ok(Self { row, answer: Some(answer) })
    }
}

/// Uses a password up: what it was good for, or `None` if it is not (any more).
pub(super) async fn take(cx: &Cx<'_>, txn: Txn<'_>, password: &Secret<String>) -> Result<Option<Login>, Fault> {
    let row = row(cx, password)?;
    // The read is checked at commit, so of two hosts that ask at once only one is told yes.
    let Some(login) = txn.view().get::<Login>(&row).await? else { return Ok(None) };
    txn.delete(&row);
    Ok(Some(login).filter(|login| login.expires > cx.now()))
}

impl Lease for Otp {
    const KIND: &'static str = "otp";
    type Secret = Credentials;

    /// All was done with the handler's transaction.
    async fn create(&self, _: &Cx<'_>, _: View<'_>) -> Result<Credentials, Fault> {
        self.answer.clone().ok_or_else(|| Fault::internal("a one-time password is created from its stored lease"))
    }

    async fn renew(&self, _: &Cx<'_>, _: Txn<'_>, _: Terms) -> Result<Terms, Fault> {
        Err(Fault::new(FaultKind::BadRequest, "lease is not renewable"))
    }

    async fn revoke(&self, _: &Cx<'_>, txn: Txn<'_>) -> Result<(), Fault> {
        txn.delete(&self.row);
        Ok(())
    }
}

fn row(cx: &Cx<'_>, password: &Secret<String>) -> Result<String, Fault> {
    Ok(format!("otp/{}", cx.mac_hex("otp", password.expose().as_bytes())?))
}
