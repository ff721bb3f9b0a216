//! Roles that may be used for any host, whatever their networks.
use super::roles;
use kw_engine::{Cx, Data, Fault, Nothing, Request, Response, Txn, View};
use serde::{Deserialize, Serialize};

const ROW: &str = "config/zeroaddress";

/// The roles, as stored and shown.
#[derive(Clone, Debug, Default, Serialize, Deserialize, Response)]
pub(super) struct ZeroAddress {
    /// Names of roles.
    #[field(kind = "List")]
    pub(super) roles: Vec<String>,
}

/// Sets the roles that may be used for any host. The whole list is replaced.
#[derive(Request)]
pub(super) struct Write {
    /// Names of roles, which must exist.
    #[field(required)]
    roles: Vec<String>,
}

pub(super) async fn read(_: &Cx<'_>, view: View<'_>, _: Nothing) -> Result<Option<Data<ZeroAddress>>, Fault> {
    Ok(view.get(ROW).await?.map(Data))
}

pub(super) async fn write(_: &Cx<'_>, txn: Txn<'_>, asked: Write) -> Result<(), Fault> {
    if asked.roles.is_empty() {
        return Err(Fault::bad_request("missing roles"));
    }
    for name in &asked.roles {
        if roles::load(txn.view(), name).await?.is_none() {
            return Err(Fault::bad_request("one of the roles does not exist"));
        }
    }
    txn.put(ROW, &ZeroAddress { roles: asked.roles })
}

pub(super) async fn delete(_: &Cx<'_>, txn: Txn<'_>, _: Nothing) -> Result<(), Fault> {
    txn.delete(ROW);
    Ok(())
}

/// The stored roles; none where there is no such row.
pub(super) async fn load(view: View<'_>) -> Result<ZeroAddress, Fault> {
    Ok(view.get(ROW).await?.unwrap_or_default())
}

/// Takes a role out, if it is in.
pub(super) async fn forget(txn: Txn<'_>, role: &str) -> Result<(), Fault> {
    let mut stored = load(txn.view()).await?;
    let before = stored.roles.len();
    stored.roles.retain(|name| name != role);
    if stored.roles.len() == before { Ok(()) } else { txn.put(ROW, &stored) }
}
