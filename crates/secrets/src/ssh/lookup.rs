//! Which roles are for a host.
use super::roles::{self, Role};
use super::zero_address;
use kw_engine::{Cx, Data, Fault, Request, Response, Txn};
use serde::Serialize;
use std::net::IpAddr;

/// Names the roles that may be used for a host.
#[derive(Request)]
pub(super) struct Lookup {
    /// The address of the host.
    #[field(required)]
    ip: String,
}

/// The roles for a host.
#[derive(Serialize, Response)]
pub(super) struct Roles {
    /// Names of roles; null when there is none.
    #[field(kind = "List")]
    roles: Option<Vec<String>>,
}

pub(super) async fn lookup(_: &Cx<'_>, txn: Txn<'_>, asked: Lookup) -> Result<Data<Roles>, Fault> {
    let address: IpAddr =
        asked.ip.trim().parse().map_err(|_| Fault::bad_request("invalid ip: it must be an IPv4 or IPv6 address"))?;
    let view = txn.view();
    let anywhere = zero_address::load(view).await?.roles;
    let mut found = Vec::new();
    for name in roles::names(view).await? {
        let Some(Role::Otp(role)) = roles::load(view, &name).await? else { continue };
        if anywhere.contains(&name) || role.covers(address)? {
            found.push(name);
        }
    }
    Ok(Data(Roles { roles: Some(found).filter(|f| !f.is_empty()) }))
}
