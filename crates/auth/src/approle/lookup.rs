//! Looking secret ids up and destroying them, by themselves or by their accessors.
use super::role::Role;
use super::secret_id::{Place, SecretIdView, accessor_row};
use crate::page::ListPage;
use kw_engine::{
    Cx, Data, Fault, FaultKind, Field, Keys, Name, Outcome, Reply, Request, Response, Secret, Status, Txn, View,
};
use serde::Serialize;

/// Shows the terms of a secret id.
#[derive(Debug, Request)]
pub struct LookupSecretId {
    #[flatten]
    of: BySecretId,
}

/// Destroys a secret id. It is no error if the role has none such.
#[derive(Debug, Request)]
pub struct DestroySecretId {
    #[flatten]
    of: BySecretId,
}

/// Shows the terms of a secret id, found by its accessor. The accessor of another role's secret id is not found.
#[derive(Debug, Request)]
pub struct LookupAccessor {
    #[flatten]
    of: ByAccessor,
}

/// Destroys a secret id, found by its accessor. The accessor of another role's secret id is not found.
#[derive(Debug, Request)]
pub struct DestroyAccessor {
    #[flatten]
    of: ByAccessor,
}

/// Lists the accessors of a role's secret ids.
#[derive(Debug, Request)]
pub struct ListAccessors {
    /// Name of the role.
    #[capture]
    role_name: Name,
    #[flatten]
    page: ListPage,
}

/// Names a secret id of a role.
#[derive(Debug, Request)]
struct BySecretId {
    /// Name of the role.
    #[capture]
    role_name: Name,
    /// The secret id.
    secret_id: Secret<String>,
}

/// Names a secret id of a role by its accessor.
#[derive(Debug, Request)]
struct ByAccessor {
    /// Name of the role.
    #[capture]
    role_name: Name,
    /// The accessor.
    secret_id_accessor: String,
}

/// What a look-up found. Vault has three answers, and clients know them.
pub enum Lookup {
    Found(SecretIdView),
    /// 204: there is no such secret id.
    NoSecretId,
    /// 404 with a text in `data`: there is no such accessor.
    NoAccessor,
}

impl Outcome for Lookup {
    fn fields(out: &mut Vec<Field>) {
        SecretIdView::fields(out);
    }

    fn into_reply(self) -> Result<Reply, Fault> {
        match self {
            Self::Found(view) => Data(view).into_reply(),
            Self::NoSecretId => ().into_reply(),
            Self::NoAccessor => Status(404, Data(Missing { error: NO_ACCESSOR })).into_reply(),
        }
    }
}

const NO_ACCESSOR: &str = "this role has no secret id with this secret_id_accessor";

#[derive(Serialize, Response)]
struct Missing {
    error: &'static str,
}

pub async fn by_secret_id(cx: &Cx<'_>, txn: Txn<'_>, q: LookupSecretId) -> Result<Lookup, Fault> {
    let place = named(cx, txn.view(), &q.of).await?;
    Ok(place.read(cx, txn.view()).await?.map_or(Lookup::NoSecretId, |found| Lookup::Found(found.into())))
}

pub async fn by_accessor(cx: &Cx<'_>, txn: Txn<'_>, q: LookupAccessor) -> Result<Lookup, Fault> {
    let Some(place) = accessed(txn.view(), &q.of).await? else { return Ok(Lookup::NoAccessor) };
    Ok(place.read(cx, txn.view()).await?.map_or(Lookup::NoAccessor, |found| Lookup::Found(found.into())))
}

pub async fn destroy_by_secret_id(cx: &Cx<'_>, txn: Txn<'_>, q: DestroySecretId) -> Result<(), Fault> {
    let place = named(cx, txn.view(), &q.of).await?;
    if let Some(found) = place.read(cx, txn.view()).await? {
        place.delete(txn, &found);
    }
    Ok(())
}

pub async fn destroy_by_accessor(cx: &Cx<'_>, txn: Txn<'_>, q: DestroyAccessor) -> Result<(), Fault> {
    let missing = || Fault::bad_request(NO_ACCESSOR);
    let place = accessed(txn.view(), &q.of).await?.ok_or_else(missing)?;
    let found = place.read(cx, txn.view()).await?.ok_or_else(missing)?;
    place.delete(txn, &found);
    Ok(())
}

pub async fn list(_: &Cx<'_>, view: View<'_>, q: ListAccessors) -> Result<Keys, Fault> {
    let role = Role::need(view, &q.role_name, FaultKind::BadRequest).await?;
    Ok(view.names(&accessor_row(role.key.as_str(), ""), q.page.page()).await?.into())
}

async fn named(cx: &Cx<'_>, view: View<'_>, q: &BySecretId) -> Result<Place, Fault> {
    if q.secret_id.expose().is_empty() {
        return Err(Fault::bad_request("missing secret_id"));
    }
    let role = Role::need(view, &q.role_name, FaultKind::BadRequest).await?;
    Place::of(cx, &role, &q.secret_id)
}

async fn accessed(view: View<'_>, q: &ByAccessor) -> Result<Option<Place>, Fault> {
    if q.secret_id_accessor.is_empty() {
        return Err(Fault::bad_request("missing secret_id_accessor"));
    }
    let role = Role::need(view, &q.role_name, FaultKind::BadRequest).await?;
    Place::by_accessor(view, &role, &q.secret_id_accessor).await
}
