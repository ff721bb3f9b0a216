//! Handing out one-time passwords.
use super::otp::{Credentials, Login, Otp};
use super::roles::{self, Role};
use super::zero_address;
use kw_engine::{Cx, Fault, Leased, Request, RngExt, Secret, Terms, Ttl, Txn};
use std::net::IpAddr;

/// Gives a password for one login at a host.
#[derive(Request)]
pub(super) struct Issue {
    /// The name of the role.
    #[capture]
    role: String,
    /// The address of the host.
    ip: String,
    /// The user to log in as; without it, the role's `default_user`.
    username: String,
}

pub(super) async fn issue(cx: &Cx<'_>, txn: Txn<'_>, asked: Issue) -> Result<Leased<Otp>, Fault> {
    if asked.ip.is_empty() {
        return Err(Fault::bad_request("missing ip"));
    }
    let view = txn.view();
    let Some(Role::Otp(role)) = roles::load(view, &asked.role).await? else {
        return Err(Fault::bad_request("the role is not found"));
    };
    let username = if asked.username.is_empty() { role.default_user.clone() } else { asked.username };
    if !role.allows(&username) {
        return Err(Fault::bad_request("the user is neither the role's default_user nor among its allowed_users"));
    }
    let address: IpAddr =
        asked.ip.trim().parse().map_err(|_| Fault::bad_request("invalid ip: it must be an IPv4 or IPv6 address"))?;
    if !role.covers(address)? && !zero_address::load(view).await?.roles.contains(&asked.role) {
        return Err(Fault::bad_request("invalid ip: it does not belong to the role"));
    }
    let ip = address.to_string();
    // What the kernel will grant, or more: the lease's revocation then comes first.
    let ttl = cx.default_ttl();
    let login = Login { ip: ip.clone(), username: username.clone(), role_name: asked.role, expires: cx.now().plus(ttl) };
    // A UUID is what the helpers on the hosts expect; it has 122 random bits.
    let key = Secret::new(cx.rng().uuid());
    let otp = Otp::store(cx, txn, &login, Credentials { key_type: "otp", key, username, ip, port: role.port })?;
    Ok(cx.issue(otp, Terms { ttl, max_ttl: Ttl::ZERO, renewable: false }))
}
