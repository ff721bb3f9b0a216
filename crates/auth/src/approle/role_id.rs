//! The identifier that a login names its role by.
use super::role::{Role, RoleName, RoleUpdate};
use kw_engine::{Cx, Data, Fault, FaultKind, Name, Request, Response, Txn, View};
use serde::Serialize;

/// Shows the identifier of a role.
#[derive(Debug, Request)]
pub struct ReadRoleId {
    #[flatten]
    of: RoleName,
}

/// Sets the identifier of a role. Secret ids stay good.
#[derive(Debug, Request)]
pub struct SetRoleId {
    /// Name of the role.
    #[capture]
    pub role_name: Name,
    /// The new identifier, which no other role of the mount may have.
    pub role_id: String,
}

/// The identifier of a role.
#[derive(Debug, Serialize, Response)]
pub struct RoleId {
    #[field(kind = "Text")]
    pub role_id: String,
}

pub async fn read(_: &Cx<'_>, view: View<'_>, q: ReadRoleId) -> Result<Option<Data<RoleId>>, Fault> {
    Ok(Role::by_name(view, &q.of.role_name).await?.map(|role| Data(RoleId { role_id: role.role_id })))
}

pub async fn write(cx: &Cx<'_>, txn: Txn<'_>, q: SetRoleId) -> Result<(), Fault> {
    let role = Role::need(txn.view(), &q.role_name, FaultKind::NotFound).await?;
    if q.role_id.is_empty() {
        return Err(Fault::bad_request("missing role_id"));
    }
    role.change(cx, txn, RoleUpdate { role_id: Some(q.role_id), ..RoleUpdate::default() }).await
}
