//! Users of the broker, each with a lease.
use super::api::{Api, Refusal};
use super::connection::Connection;
use super::roles::{self, Role};
use super::lease_config;
use kw_engine::{Cx, Fault, FaultKind, Lease, Leased, Request, Response, RngExt, Secret, Terms, Txn, View};
use serde::{Deserialize, Serialize};

/// 214 bits.
const PASSWORD_LEN: usize = 36;

/// Makes a user with the permissions of a role.
#[derive(Request)]
pub(super) struct Issue {
    /// The name of the role.
    #[capture]
    name: String,
}

/// A user of the broker. Only its name is stored with the lease.
#[derive(Serialize, Deserialize)]
pub(super) struct User {
    username: String,
    #[serde(skip)]
    password: Secret<String>,
    #[serde(skip)]
    role: Role,
}

/// The new user's name and password.
#[derive(Serialize, Response)]
pub(super) struct Credentials {
    #[field(kind = "Text")]
    username: String,
    #[field(kind = "Text")]
    password: Secret<String>,
}

pub(super) async fn issue(cx: &Cx<'_>, txn: Txn<'_>, asked: Issue) -> Result<Leased<User>, Fault> {
    let role = roles::load(txn.view(), &asked.name).await?;
    let role = role.ok_or_else(|| Fault::bad_request(format!("unknown role: {}", asked.name)))?;
    let connection = Connection::load(txn.view()).await?.ok_or_else(not_configured)?;
    let username = connection.username_for(cx, &asked.name).map_err(Fault::bad_request)?;
    if username == connection.username {
        // Making it would overwrite the administrator, and revoking it would delete him.
        return Err(Fault::bad_request("username_template gives the administrator's own name: use uuid or random in it"));
    }
    let times = lease_config::load(txn.view()).await?;
    let terms = Terms { ttl: times.ttl, max_ttl: times.max_ttl, renewable: true };
    Ok(cx.issue(User { username, password: Secret::new(cx.rng().base62(PASSWORD_LEN)), role }, terms))
}

impl Lease for User {
    const KIND: &'static str = "creds";
    type Secret = Credentials;

    async fn create(&self, _: &Cx<'_>, view: View<'_>) -> Result<Credentials, Fault> {
        let api = Api::new(&Connection::load(view).await?.ok_or_else(not_configured)?)?;
        if let Err(refusal) = self.make(&api).await {
            // The kernel will revoke too. Doing it at once leaves no half-made user behind where the broker can be reached.
            let undone = api.delete_user(&self.username).await;
            let fault = Fault::new(FaultKind::Internal, "failed to create a new user with the generated credentials");
            return Err(fault.because(match undone {
                Ok(()) => refusal.to_string(),
                Err(undo) => format!("{refusal}; deleting what there was of it: {undo}"),
            }));
        }
        Ok(Credentials { username: self.username.clone(), password: self.password.clone() })
    }

    /// The broker knows no end of a user, so there is nothing to tell it.
    async fn renew(&self, _: &Cx<'_>, txn: Txn<'_>, asked: Terms) -> Result<Terms, Fault> {
        let times = lease_config::load(txn.view()).await?;
        let (ttl, max_ttl) = (asked.ttl.capped(times.max_ttl), asked.max_ttl.capped(times.max_ttl));
        Ok(Terms { ttl, max_ttl, renewable: true })
    }

    async fn revoke(&self, _: &Cx<'_>, txn: Txn<'_>) -> Result<(), Fault> {
        // Without a connection no user was ever made: it is never deleted, only replaced.
        let Some(connection) = Connection::load(txn.view()).await? else { return Ok(()) };
        let deleted = Api::new(&connection)?.delete_user(&self.username).await;
        deleted.map_err(|e| Fault::new(FaultKind::Internal, "could not delete the user").because(e))
    }
}

impl User {
    async fn make(&self, api: &Api) -> Result<(), Refusal> {
        let name = &self.username;
        api.put_user(name, &self.password, &self.role.tags).await?;
        for (vhost, permission) in &self.role.vhosts {
            api.put_permission(vhost, name, permission).await?;
        }
        for (vhost, exchanges) in &self.role.vhost_topics {
            for (exchange, permission) in exchanges {
                api.put_topic_permission(vhost, name, exchange, permission).await?;
            }
        }
        Ok(())
    }
}

fn not_configured() -> Fault {
    Fault::bad_request("the broker is not configured: write config/connection first")
}
