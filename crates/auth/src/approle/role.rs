//! Roles: what they are, and how they are read and written.
use super::{secret_id, sweep};
use crate::old_names;
use crate::page::ListPage;
use kw_engine::{
    Cidrs, Cx, Data, Fault, FaultKind, Ident, Keys, Memo, Name, Request, Response, RngExt, TokenParams, TokenParamsUpdate,
    Ttl, Txn, View,
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A role, as stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Role {
    pub name: Name,
    pub role_id: String,
    /// Names the role's secret ids in the store. A role made anew under an old name has another, so no old secret id opens it.
    pub key: Ident,
    pub bind_secret_id: bool,
    pub secret_id_bound_cidrs: Cidrs,
    /// Zero: any number.
    pub secret_id_num_uses: u64,
    /// Zero: for ever.
    pub secret_id_ttl: Ttl,
    pub local_secret_ids: bool,
    pub token: TokenParams,
    #[serde(default)]
    shown: OldNames,
}

/// Which fields to show under their old names too.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct OldNames {
    policies: bool,
    period: bool,
    bound_cidr_list: bool,
}

/// What a caller may say of a role; what is not said stays as it is.
#[derive(Debug, Default, Request)]
pub struct RoleUpdate {
    /// Whether a login must present a secret id. Without it, the role must bind the caller's address.
    pub bind_secret_id: Option<bool>,
    /// Addresses and CIDR blocks that may log in.
    pub secret_id_bound_cidrs: Option<Cidrs>,
    /// Old name of `secret_id_bound_cidrs`.
    pub bound_cidr_list: Option<Cidrs>,
    /// How many logins a secret id is good for; 0: any number.
    pub secret_id_num_uses: Option<i64>,
    /// How long a secret id is good for; 0: for ever.
    pub secret_id_ttl: Option<Ttl>,
    /// Keep secret ids to this cluster. Can be said only when the role is made.
    pub local_secret_ids: Option<bool>,
    /// The identifier that logins name the role by; a random one if a new role is given none.
    pub role_id: Option<String>,
    /// Old name of `token_policies`.
    pub policies: Option<Vec<String>>,
    /// Old name of `token_period`.
    pub period: Option<Ttl>,
    #[flatten]
    pub token: TokenParamsUpdate,
}

/// Makes a role, or changes what is given of one.
#[derive(Debug, Request)]
pub struct RoleWrite {
    /// Name of the role.
    #[capture]
    pub role_name: Name,
    #[flatten]
    pub update: RoleUpdate,
}

/// Names a role.
#[derive(Debug, Request)]
pub struct RoleName {
    /// Name of the role.
    #[capture]
    pub role_name: Name,
}

/// Shows a role.
#[derive(Debug, Request)]
pub struct ReadRole {
    #[flatten]
    of: RoleName,
}

/// Deletes a role and its secret ids. Tokens that it gave live on until they would have to be renewed.
#[derive(Debug, Request)]
pub struct DeleteRole {
    #[flatten]
    of: RoleName,
}

/// Lists the roles.
#[derive(Debug, Request)]
pub struct ListRoles {
    #[flatten]
    page: ListPage,
}

/// A role, as shown.
#[derive(Debug, Serialize, Response)]
pub struct RoleView {
    #[serde(flatten)]
    #[flatten]
    token: TokenParams,
    #[field(kind = "Bool")]
    bind_secret_id: bool,
    #[field(kind = "Bool")]
    local_secret_ids: bool,
    /// Null where there is no bound.
    #[field(kind = "List")]
    secret_id_bound_cidrs: Option<Cidrs>,
    #[field(kind = "Integer")]
    secret_id_num_uses: u64,
    /// Seconds.
    #[field(kind = "Integer")]
    secret_id_ttl: Ttl,
    /// As `token_policies`, if it was set under this old name.
    #[field(kind = "List")]
    #[serde(skip_serializing_if = "Option::is_none")]
    policies: Option<Vec<String>>,
    /// As `token_period`, if it was set under this old name.
    #[field(kind = "Integer")]
    #[serde(skip_serializing_if = "Option::is_none")]
    period: Option<Ttl>,
    /// As `secret_id_bound_cidrs`, if it was set under this old name.
    #[field(kind = "List")]
    #[serde(skip_serializing_if = "Option::is_none")]
    bound_cidr_list: Option<Cidrs>,
}

/// The longest role id, in bytes.
pub const ROLE_ID_LEN_MAX: usize = 512;

impl Role {
    fn new(cx: &Cx<'_>, name: Name) -> Self {
        Self {
            name,
            role_id: cx.rng().uuid(),
            key: Ident::new(cx.now(), cx.rng()),
            bind_secret_id: true,
            secret_id_bound_cidrs: Cidrs::default(),
            secret_id_num_uses: 0,
            secret_id_ttl: Ttl::ZERO,
            local_secret_ids: false,
            token: TokenParams::default(),
            shown: OldNames::default(),
        }
    }

    /// The role of this role id for a login: the one read that it needs to find it.
    pub async fn of_login(memo: &Memo<Self>, view: View<'_>, role_id: &str) -> Result<Option<Arc<Self>>, Fault> {
        if role_id.len() > ROLE_ID_LEN_MAX {
            return Ok(None);
        }
        view.shared(memo, &role_row(role_id)).await
    }

    async fn by_role_id(view: View<'_>, role_id: &str) -> Result<Option<Self>, Fault> {
        if role_id.len() > ROLE_ID_LEN_MAX {
            return Ok(None);
        }
        view.get(&role_row(role_id)).await
    }

    pub async fn by_name(view: View<'_>, name: &Name) -> Result<Option<Self>, Fault> {
        let Some(role_id) = view.get_bytes(&name_row(name)).await? else { return Ok(None) };
        let role_id = std::str::from_utf8(&role_id).map_err(|_| Fault::internal("a name row holds no role id"))?;
        Self::by_role_id(view, role_id).await
    }

    /// The same, for what must have a role. Errors: a fault of this kind.
    pub async fn need(view: View<'_>, name: &Name, kind: FaultKind) -> Result<Self, Fault> {
        Self::by_name(view, name).await?.ok_or_else(|| Fault::new(kind, "this role does not exist; create it first"))
    }

    /// Checks the update, takes it over and writes the role. Errors: 400.
    pub async fn change(mut self, cx: &Cx<'_>, txn: Txn<'_>, mut update: RoleUpdate) -> Result<(), Fault> {
        old_names::take(&mut update.token.token_policies, update.policies.take(), &mut self.shown.policies);
        old_names::take(&mut update.token.token_period, update.period.take(), &mut self.shown.period);
        let bounds = &mut update.secret_id_bound_cidrs;
        old_names::take(bounds, update.bound_cidr_list.take(), &mut self.shown.bound_cidr_list);

        self.bind_secret_id = update.bind_secret_id.unwrap_or(self.bind_secret_id);
        self.secret_id_ttl = update.secret_id_ttl.unwrap_or(self.secret_id_ttl);
        self.local_secret_ids = update.local_secret_ids.unwrap_or(self.local_secret_ids);
        if let Some(bounds) = update.secret_id_bound_cidrs {
            self.secret_id_bound_cidrs = bounds;
        }
        if let Some(uses) = update.secret_id_num_uses {
            self.secret_id_num_uses = secret_id::uses("secret_id_num_uses", uses)?;
        }
        self.token.apply(update.token)?;
        self.check(cx)?;
        let old_id = update.role_id.map(|new| std::mem::replace(&mut self.role_id, new));
        self.save(txn, old_id).await
    }

    fn check(&self, cx: &Cx<'_>) -> Result<(), Fault> {
        if self.token.token_period > cx.max_ttl() {
            return Err(Fault::bad_request("'token_period' is longer than the longest lease that the mount allows"));
        }
        if !self.bind_secret_id && self.secret_id_bound_cidrs.0.is_empty() && self.token.token_bound_cidrs.0.is_empty()
        {
            return Err(Fault::bad_request(
                "at least one constraint should be enabled on the role: bind_secret_id, secret_id_bound_cidrs or token_bound_cidrs",
            ));
        }
        Ok(())
    }

    async fn save(&self, txn: Txn<'_>, old_id: Option<String>) -> Result<(), Fault> {
        if self.role_id.is_empty() || self.role_id.len() > ROLE_ID_LEN_MAX {
            return Err(Fault::bad_request("'role_id' must have 1 to 512 bytes"));
        }
        if let Some(old_id) = old_id.filter(|old| *old != self.role_id) {
            if txn.view().exists(&role_row(&self.role_id)).await? {
                return Err(Fault::bad_request("role_id already in use"));
            }
            txn.delete(&role_row(&old_id));
        }
        txn.put_bytes(&name_row(&self.name), self.role_id.clone());
        txn.put(&role_row(&self.role_id), self)
    }

    /// The role as shown.
    pub fn view(self) -> RoleView {
        let Self { token, shown, bind_secret_id, secret_id_num_uses, secret_id_ttl, local_secret_ids, .. } = self;
        let bounds = Some(self.secret_id_bound_cidrs).filter(|b| !b.0.is_empty());
        RoleView {
            policies: shown.policies.then(|| token.token_policies.clone()),
            period: shown.period.then_some(token.token_period),
            bound_cidr_list: bounds.clone().filter(|_| shown.bound_cidr_list),
            token,
            bind_secret_id,
            local_secret_ids,
            secret_id_bound_cidrs: bounds,
            secret_id_num_uses,
            secret_id_ttl,
        }
    }
}

pub async fn exists(_: &Cx<'_>, view: View<'_>, q: RoleName) -> Result<bool, Fault> {
    view.exists(&name_row(&q.role_name)).await
}

pub async fn read(_: &Cx<'_>, view: View<'_>, q: ReadRole) -> Result<Option<Data<RoleView>>, Fault> {
    Ok(Role::by_name(view, &q.of.role_name).await?.map(|role| Data(role.view())))
}

pub async fn write(cx: &Cx<'_>, txn: Txn<'_>, q: RoleWrite) -> Result<(), Fault> {
    let role = match Role::by_name(txn.view(), &q.role_name).await? {
        Some(_) if q.update.local_secret_ids.is_some() => {
            return Err(Fault::bad_request("local_secret_ids can only be modified during role creation"));
        }
        Some(role) => role,
        None => Role::new(cx, q.role_name),
    };
    role.change(cx, txn, q.update).await
}

/// Secret ids go with their role: all at once if they are few, the rest by and by; none of them opens anything any more.
pub async fn delete(cx: &Cx<'_>, txn: Txn<'_>, q: DeleteRole) -> Result<(), Fault> {
    let Some(role) = Role::by_name(txn.view(), &q.of.role_name).await? else { return Ok(()) };
    txn.delete(&name_row(&role.name));
    txn.delete(&role_row(&role.role_id));
    sweep::abandon(txn, &role.key);
    sweep::sweep(cx, txn, sweep::MANY).await
}

pub async fn list(_: &Cx<'_>, view: View<'_>, q: ListRoles) -> Result<Keys, Fault> {
    Ok(view.names("name/", q.page.page()).await?.into())
}

fn role_row(role_id: &str) -> String {
    ["role/", role_id].concat()
}

fn name_row(name: &Name) -> String {
    format!("name/{name}")
}
