//! Roles: on which hosts, and as whom, one may log in.
use super::zero_address;
use kw_engine::{Cidrs, Coerce, Cx, Data, Fault, Keys, Nothing, Page, Raw, Request, Response, Txn, View};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::IpAddr;

const FOLDER: &str = "roles/";

/// The port of SSH (RFC 4251's registration).
const PORT: u16 = 22;

/// A role, as stored; its type is part of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "key_type", rename_all = "lowercase")]
pub(super) enum Role {
    Otp(OtpRole),
}

/// A role for one-time passwords, as stored and shown. Lists are kept as they were written, with commas between.
#[derive(Clone, Debug, Serialize, Deserialize, Response)]
pub(super) struct OtpRole {
    /// The user that is taken when the caller names none.
    #[field(kind = "Text")]
    pub(super) default_user: String,
    /// The networks of the hosts.
    #[field(kind = "Text")]
    cidr_list: String,
    /// Networks among them that are left out.
    #[field(kind = "Text")]
    exclude_cidr_list: String,
    /// Other users that a caller may name; `*` for any.
    #[field(kind = "Text")]
    allowed_users: String,
    /// Where the hosts' SSH servers listen. Told to the caller, and not used here.
    #[field(kind = "Integer")]
    pub(super) port: u16,
}

/// A role as it is shown.
#[derive(Serialize, Response)]
pub(super) struct Shown {
    /// Always `otp`.
    #[field(kind = "Text")]
    key_type: &'static str,
    #[serde(flatten)]
    #[flatten]
    role: OtpRole,
}

/// What a listing tells of a role.
#[derive(Serialize)]
struct Brief {
    key_type: &'static str,
}

/// Reads or deletes a role.
#[derive(Request)]
pub(super) struct Named {
    /// The name of the role.
    #[capture]
    role: String,
}

/// Writes a role. The whole role is replaced.
#[derive(Request)]
pub(super) struct Write {
    /// The name of the role.
    #[capture]
    role: String,
    /// `otp`: one-time passwords.
    #[field(required)]
    key_type: String,
    /// The user that is taken when the caller names none.
    default_user: String,
    /// CIDR blocks of the hosts, with commas between. Without it, the role is for no host, unless it is in `config/zeroaddress`.
    cidr_list: String,
    /// CIDR blocks that are left out of `cidr_list`.
    exclude_cidr_list: String,
    /// Users besides `default_user` that a caller may name, with commas between; `*` for any.
    allowed_users: String,
    /// Where the hosts' SSH servers listen; 0: 22.
    #[field(default = "22")]
    port: u32,
    /// Not used with one-time passwords, since nobody logs in to the host to set them up.
    admin_user: String,
}

pub(super) async fn list(_: &Cx<'_>, view: View<'_>, _: Nothing) -> Result<Keys, Fault> {
    let keys = names(view).await?;
    let mut info = BTreeMap::new();
    for name in &keys {
        if let Some(Role::Otp(_)) = load(view, name).await? {
            info.insert(name.as_str(), Brief { key_type: "otp" });
        }
    }
    let key_info = serde_json::value::to_raw_value(&info).map_err(Fault::internal)?;
    Ok(Keys { keys, key_info: Some(key_info) })
}

pub(super) async fn read(_: &Cx<'_>, view: View<'_>, asked: Named) -> Result<Option<Data<Shown>>, Fault> {
    Ok(load(view, &asked.role).await?.map(|Role::Otp(role)| Data(Shown { key_type: "otp", role })))
}

pub(super) async fn write(_: &Cx<'_>, txn: Txn<'_>, asked: Write) -> Result<(), Fault> {
    let name = asked.role.clone();
    let role = match asked.key_type.to_lowercase().as_str() {
        "" => return Err(Fault::bad_request("missing key type")),
        "otp" => Role::Otp(otp_role(asked)?),
        "ca" => return Err(Fault::bad_request("key type 'ca' is not available yet: use 'otp'")),
        "dynamic" => return Err(Fault::bad_request("dynamic key type roles are no longer supported")),
        _ => return Err(Fault::bad_request("invalid key type")),
    };
    txn.put(&row(&name), &role)
}

/// Also takes the role out of `config/zeroaddress`, so that a later role of the same name does not inherit that right.
pub(super) async fn delete(_: &Cx<'_>, txn: Txn<'_>, asked: Named) -> Result<(), Fault> {
    zero_address::forget(txn, &asked.role).await?;
    txn.delete(&row(&asked.role));
    Ok(())
}

/// A role by its name.
pub(super) async fn load(view: View<'_>, name: &str) -> Result<Option<Role>, Fault> {
    view.get(&row(name)).await
}

/// The names of all roles, in order.
pub(super) async fn names(view: View<'_>) -> Result<Vec<String>, Fault> {
    view.names(FOLDER, Page::default()).await
}

impl OtpRole {
    /// Whether the role's networks hold this address.
    pub(super) fn covers(&self, address: IpAddr) -> Result<bool, Fault> {
        let (within, without) = (cidrs(&self.cidr_list)?, cidrs(&self.exclude_cidr_list)?);
        let holds = |nets: &Cidrs| nets.0.iter().any(|net| net.contains(address));
        Ok(holds(&within) && !holds(&without))
    }

    /// Whether a caller may log in as this user.
    pub(super) fn allows(&self, username: &str) -> bool {
        username == self.default_user
            || self.allowed_users.split(',').any(|u| matches!(u.trim(), "*") || u.trim() == username)
    }
}

fn otp_role(asked: Write) -> Result<OtpRole, Fault> {
    let Write { default_user, cidr_list, exclude_cidr_list, allowed_users, port, admin_user, .. } = asked;
    if !admin_user.is_empty() {
        return Err(Fault::bad_request("admin user not required for OTP type"));
    }
    if default_user.is_empty() {
        return Err(Fault::bad_request("missing default user"));
    }
    for (field, list) in [("cidr_list", &cidr_list), ("exclude_cidr_list", &exclude_cidr_list)] {
        parse_cidrs(list).map_err(|why| Fault::bad_request(format!("failed to validate {field}: it {why}")))?;
    }
    let port = u16::try_from(port).map_err(|_| Fault::bad_request("port must be a number from 1 to 65535"))?;
    let port = if port == 0 { PORT } else { port };
    Ok(OtpRole { default_user, cidr_list, exclude_cidr_list, allowed_users, port })
}

fn parse_cidrs(list: &str) -> Result<Cidrs, Cow<'static, str>> {
    Cidrs::coerce(&Raw::Text(Cow::Borrowed(list)))
}

fn cidrs(list: &str) -> Result<Cidrs, Fault> {
    parse_cidrs(list).map_err(|why| Fault::internal(format_args!("a stored list of networks {why}")))
}

fn row(name: &str) -> String {
    format!("{FOLDER}{name}")
}
