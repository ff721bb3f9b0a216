//! Users: what they are, and how they are read and written.
use super::password::Hash;
use crate::old_names;
use crate::page::ListPage;
use kw_engine::{
    Cidrs, Cx, Data, Fault, Keys, Name, Request, Response, Secret, TokenParams, TokenParamsUpdate, Ttl, Txn, View,
};
use serde::{Deserialize, Serialize};

/// A user, as stored under `user/<name>`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct User {
    pub hash: Hash,
    pub token: TokenParams,
    #[serde(default)]
    shown: OldNames,
}

/// Which fields to show under their old names too.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct OldNames {
    policies: bool,
    ttl: bool,
    max_ttl: bool,
    bound_cidrs: bool,
}

/// Makes a user, or changes what is given of one.
#[derive(Debug, Request)]
pub struct UserWrite {
    /// Name of the user; the case of its letters does not count.
    #[capture]
    pub username: Name,
    #[flatten]
    pub password: NewPassword,
    /// Old name of `token_policies`.
    pub policies: Option<Vec<String>>,
    /// Old name of `token_ttl`.
    pub ttl: Option<Ttl>,
    /// Old name of `token_max_ttl`.
    pub max_ttl: Option<Ttl>,
    /// Old name of `token_bound_cidrs`.
    pub bound_cidrs: Option<Cidrs>,
    #[flatten]
    pub token: TokenParamsUpdate,
}

/// A password, in one of two ways.
#[derive(Debug, Default, Request)]
pub struct NewPassword {
    /// The password.
    pub password: Option<Secret<String>>,
    /// The password's bcrypt hash instead, with a cost of 5 to 12, as `htpasswd -B` makes it.
    pub password_hash: Option<Secret<String>>,
}

/// Sets the password of a user.
#[derive(Debug, Request)]
pub struct SetPassword {
    /// Name of the user.
    #[capture]
    pub username: Name,
    #[flatten]
    pub password: NewPassword,
}

/// Sets the policies of a user's tokens.
#[derive(Debug, Request)]
pub struct SetPolicies {
    /// Name of the user.
    #[capture]
    pub username: Name,
    /// The policies.
    pub token_policies: Option<Vec<String>>,
    /// Old name of `token_policies`.
    pub policies: Option<Vec<String>>,
}

/// Shows a user.
#[derive(Debug, Request)]
pub struct ReadUser {
    /// Name of the user.
    #[capture]
    pub username: Name,
}

/// Deletes a user. Tokens of the user live on until they would have to be renewed.
#[derive(Debug, Request)]
pub struct DeleteUser {
    /// Name of the user.
    #[capture]
    pub username: Name,
}

/// Lists the users.
#[derive(Debug, Request)]
pub struct ListUsers {
    #[flatten]
    page: ListPage,
}

/// A user, as shown: never with anything of the password.
#[derive(Debug, Serialize, Response)]
pub struct UserView {
    #[serde(flatten)]
    #[flatten]
    token: TokenParams,
    /// As `token_policies`, if it was set under this old name.
    #[field(kind = "List")]
    #[serde(skip_serializing_if = "Option::is_none")]
    policies: Option<Vec<String>>,
    /// As `token_ttl`, if it was set under this old name.
    #[field(kind = "Integer")]
    #[serde(skip_serializing_if = "Option::is_none")]
    ttl: Option<Ttl>,
    /// As `token_max_ttl`, if it was set under this old name.
    #[field(kind = "Integer")]
    #[serde(skip_serializing_if = "Option::is_none")]
    max_ttl: Option<Ttl>,
    /// As `token_bound_cidrs`, if it was set under this old name.
    #[field(kind = "List")]
    #[serde(skip_serializing_if = "Option::is_none")]
    bound_cidrs: Option<Cidrs>,
}

impl User {
    pub async fn find(view: View<'_>, name: &Name) -> Result<Option<Self>, Fault> {
        view.get(&row(name)).await
    }

    pub fn save(&self, txn: Txn<'_>, name: &Name) -> Result<(), Fault> {
        txn.put(&row(name), self)
    }

    fn view(self) -> UserView {
        let Self { token, shown, .. } = self;
        UserView {
            policies: shown.policies.then(|| token.token_policies.clone()),
            ttl: shown.ttl.then_some(token.token_ttl),
            max_ttl: shown.max_ttl.then_some(token.token_max_ttl),
            bound_cidrs: shown.bound_cidrs.then(|| token.token_bound_cidrs.clone()),
            token,
        }
    }
}

impl NewPassword {
    fn is_given(&self) -> bool {
        self.password.is_some() || self.password_hash.is_some()
    }

    /// Errors: 400 unless exactly one of the two is given and not empty.
    async fn hash(&self, cx: &Cx<'_>) -> Result<Hash, Fault> {
        let given = |secret: &Option<Secret<String>>| secret.clone().filter(|s| !s.expose().is_empty());
        match (given(&self.password), given(&self.password_hash)) {
            (Some(password), None) => Hash::make(cx, &password).await,
            (None, Some(hash)) => Hash::import(&hash),
            (None, None) => Err(Fault::bad_request("must provide either password or password_hash")),
            (Some(_), Some(_)) => Err(Fault::bad_request("only one of password or password_hash may be provided")),
        }
    }
}

pub async fn exists(_: &Cx<'_>, view: View<'_>, q: ReadUser) -> Result<bool, Fault> {
    view.exists(&row(&q.username)).await
}

pub async fn read(_: &Cx<'_>, view: View<'_>, q: ReadUser) -> Result<Option<Data<UserView>>, Fault> {
    Ok(User::find(view, &q.username).await?.map(|user| Data(user.view())))
}

pub async fn write(cx: &Cx<'_>, txn: Txn<'_>, mut q: UserWrite) -> Result<(), Fault> {
    let old = User::find(txn.view(), &q.username).await?;
    let (mut token, mut shown) = old.as_ref().map(|u| (u.token.clone(), u.shown.clone())).unwrap_or_default();
    old_names::take(&mut q.token.token_policies, q.policies, &mut shown.policies);
    old_names::take(&mut q.token.token_ttl, q.ttl, &mut shown.ttl);
    old_names::take(&mut q.token.token_max_ttl, q.max_ttl, &mut shown.max_ttl);
    old_names::take(&mut q.token.token_bound_cidrs, q.bound_cidrs, &mut shown.bound_cidrs);
    // The cheap checks come first: a refused request should not cost a hash.
    token.apply(q.token)?;
    let hash = match old {
        Some(old) if !q.password.is_given() => old.hash,
        _ => q.password.hash(cx).await?,
    };
    User { hash, token, shown }.save(txn, &q.username)
}

pub async fn delete(_: &Cx<'_>, txn: Txn<'_>, q: DeleteUser) -> Result<(), Fault> {
    txn.delete(&row(&q.username));
    Ok(())
}

pub async fn list(_: &Cx<'_>, view: View<'_>, q: ListUsers) -> Result<Keys, Fault> {
    Ok(view.names("user/", q.page.page()).await?.into())
}

pub async fn set_password(cx: &Cx<'_>, txn: Txn<'_>, q: SetPassword) -> Result<(), Fault> {
    let user = need(txn, &q.username).await?;
    User { hash: q.password.hash(cx).await?, ..user }.save(txn, &q.username)
}

pub async fn set_policies(_: &Cx<'_>, txn: Txn<'_>, q: SetPolicies) -> Result<(), Fault> {
    let mut user = need(txn, &q.username).await?;
    let mut token = TokenParamsUpdate { token_policies: q.token_policies, ..TokenParamsUpdate::default() };
    old_names::take(&mut token.token_policies, q.policies, &mut user.shown.policies);
    user.token.apply(token)?;
    user.save(txn, &q.username)
}

async fn need(txn: Txn<'_>, name: &Name) -> Result<User, Fault> {
    let found = User::find(txn.view(), name).await?;
    found.ok_or_else(|| Fault::bad_request("username does not exist"))
}

fn row(name: &Name) -> String {
    format!("user/{name}")
}
