//! A secret id's rows. The secret id itself is nowhere: its row is named by a keyed hash of it.
use super::role::Role;
use kw_engine::{Cidrs, Cx, Fault, Memo, Response, Secret, Time, Ttl, Txn, View};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The terms of a secret id, as stored.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SecretId {
    pub accessor: String,
    /// Logins that are left; zero: any number.
    pub num_uses: u64,
    pub ttl: Ttl,
    pub created: Time,
    pub updated: Time,
    /// [`Time::ZERO`]: never.
    pub expires: Time,
    pub metadata: BTreeMap<String, String>,
    pub cidr_list: Cidrs,
    pub token_bound_cidrs: Cidrs,
}

impl SecretId {
    fn is_good_at(&self, now: Time) -> bool {
        self.expires == Time::ZERO || now < self.expires
    }
}

/// The terms of a secret id, as shown.
#[derive(Debug, Serialize, Response)]
pub struct SecretIdView {
    #[field(kind = "Text")]
    secret_id_accessor: String,
    /// Logins that are left; 0: any number.
    #[field(kind = "Integer")]
    secret_id_num_uses: u64,
    /// Seconds from its making to its end; 0: for ever.
    #[field(kind = "Integer")]
    secret_id_ttl: Ttl,
    #[field(kind = "Time")]
    creation_time: String,
    #[field(kind = "Time")]
    last_updated_time: String,
    /// `0001-01-01T00:00:00Z`: never.
    #[field(kind = "Time")]
    expiration_time: String,
    /// What tokens of this secret id carry.
    #[field(kind = "Map")]
    metadata: BTreeMap<String, String>,
    #[field(kind = "List")]
    cidr_list: Cidrs,
    #[field(kind = "List")]
    token_bound_cidrs: Cidrs,
}

impl From<SecretId> for SecretIdView {
    fn from(s: SecretId) -> Self {
        Self {
            secret_id_accessor: s.accessor,
            secret_id_num_uses: s.num_uses,
            secret_id_ttl: s.ttl,
            creation_time: s.created.rfc3339(),
            last_updated_time: s.updated.rfc3339(),
            expiration_time: s.expires.rfc3339(),
            metadata: s.metadata,
            cidr_list: s.cidr_list,
            token_bound_cidrs: s.token_bound_cidrs,
        }
    }
}

/// Where the rows of one secret id are.
#[derive(Clone, Debug)]
pub struct Place {
    key: String,
    mac: String,
}

impl Place {
    pub fn of(cx: &Cx<'_>, role: &Role, secret_id: &Secret<String>) -> Result<Self, Fault> {
        let mac = cx.mac_hex("secret-id", secret_id.expose().as_bytes())?;
        Ok(Self { key: role.key.as_str().to_owned(), mac })
    }

    /// The place of the secret id with this accessor, if it is one of this role: another role's is not found.
    pub async fn by_accessor(view: View<'_>, role: &Role, accessor: &str) -> Result<Option<Self>, Fault> {
        let key = role.key.to_string();
        let Some(mac) = view.get_bytes(&accessor_row(&key, accessor)).await? else { return Ok(None) };
        let mac = std::str::from_utf8(&mac).map_err(|_| Fault::internal("an accessor row holds no hash"))?.to_owned();
        Ok(Some(Self { key, mac }))
    }

    /// Reads the terms. What has expired is not there, whether or not it has been swept.
    pub async fn read(&self, cx: &Cx<'_>, view: View<'_>) -> Result<Option<SecretId>, Fault> {
        let found: Option<SecretId> = view.get(&self.row()).await?;
        Ok(found.filter(|s| s.is_good_at(cx.now())))
    }

    /// The same for a login.
    pub async fn of_login(
        &self,
        memo: &Memo<SecretId>,
        cx: &Cx<'_>,
        view: View<'_>,
    ) -> Result<Option<Arc<SecretId>>, Fault> {
        let found = view.shared(memo, &self.row()).await?;
        Ok(found.filter(|s| s.is_good_at(cx.now())))
    }

    /// Whether there is a row, be it of an expired secret id.
    pub async fn is_taken(&self, view: View<'_>) -> Result<bool, Fault> {
        view.exists(&self.row()).await
    }

    /// Writes all rows of a new secret id.
    pub fn create(&self, txn: Txn<'_>, secret_id: &SecretId) -> Result<(), Fault> {
        txn.put_bytes(&accessor_row(&self.key, &secret_id.accessor), self.mac.clone());
        if secret_id.expires != Time::ZERO {
            txn.put_bytes(&self.expiry_row(secret_id), Vec::new());
        }
        self.update(txn, secret_id)
    }

    /// Writes changed terms. The accessor and the time of expiry never change.
    pub fn update(&self, txn: Txn<'_>, secret_id: &SecretId) -> Result<(), Fault> {
        txn.put(&self.row(), secret_id)
    }

    /// Deletes all rows.
    pub fn delete(&self, txn: Txn<'_>, secret_id: &SecretId) {
        txn.delete(&self.row());
        txn.delete(&accessor_row(&self.key, &secret_id.accessor));
        if secret_id.expires != Time::ZERO {
            txn.delete(&self.expiry_row(secret_id));
        }
    }

    fn row(&self) -> String {
        secret_row(&self.key, &self.mac)
    }

    fn expiry_row(&self, secret_id: &SecretId) -> String {
        format!("exp/{:019}/{}/{}/{}", secret_id.expires.nanos(), self.key, self.mac, secret_id.accessor)
    }
}

pub fn secret_row(key: &str, mac: &str) -> String {
    ["sid/", key, "/", mac].concat()
}

pub fn accessor_row(key: &str, accessor: &str) -> String {
    ["acc/", key, "/", accessor].concat()
}

/// A count of uses as a caller gives it. Errors: 400 for a negative one.
pub fn uses(field: &'static str, count: i64) -> Result<u64, Fault> {
    u64::try_from(count).map_err(|_| Fault::bad_request(format!("{field} cannot be negative")))
}
