//! `auth/token/lookup`, `lookup-self`, `lookup-accessor`.
use crate::answer::shown;
use crate::kernel::Kernel;
use crate::sys::{Call, SysRoutes};
use crate::token::{Session, TokenEntry, Tokens};
use kw_engine::{Cidrs, Data};
use kw_schema::{Request, Response};
use kw_types::{Fault, FaultKind, Secret, Ttl};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;

pub(super) fn routes(routes: SysRoutes) -> SysRoutes {
    routes
        .at("lookup")
        .read(lookup)
        .write(lookup)
        .at("lookup-self")
        .read(lookup_self)
        .write(lookup_self)
        .at("lookup-accessor")
        .write(lookup_accessor)
}

/// Shows a token.
#[derive(Request)]
struct Lookup {
    /// The token; without it, the one that asks.
    token: Option<Secret<String>>,
}

/// Shows the token that asks.
#[derive(Request)]
struct LookupSelf {}

/// Shows the token of an accessor.
#[derive(Request)]
struct LookupAccessor {
    /// The accessor.
    accessor: String,
}

/// A token, as shown.
#[derive(Serialize, Response)]
struct TokenView {
    accessor: String,
    /// Seconds since 1970.
    #[field(kind = "Integer")]
    creation_time: i64,
    /// The time to live that it was made with, in seconds.
    #[field(kind = "Integer")]
    creation_ttl: Ttl,
    #[field(kind = "Text")]
    display_name: String,
    #[field(kind = "Text")]
    entity_id: String,
    /// Null: never.
    #[field(kind = "Time")]
    expire_time: Option<String>,
    /// In seconds; 0: none.
    #[field(kind = "Integer")]
    explicit_max_ttl: Ttl,
    /// The token itself; empty for a caller who knows only the accessor.
    #[field(kind = "Text")]
    id: Secret<String>,
    #[field(kind = "Time")]
    issue_time: String,
    meta: Option<BTreeMap<String, String>>,
    /// Uses left; 0: any number; -1: this was the last.
    #[field(kind = "Integer")]
    num_uses: i64,
    #[field(kind = "Bool")]
    orphan: bool,
    /// The path that it was made at.
    #[field(kind = "Text")]
    path: String,
    #[field(kind = "List")]
    policies: Vec<String>,
    /// Policies that come from the entity and its groups.
    #[field(kind = "List")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    identity_policies: Vec<String>,
    #[field(kind = "Bool")]
    renewable: bool,
    /// Seconds left; 0: for ever.
    #[field(kind = "Integer")]
    ttl: Ttl,
    /// `service` or `batch`.
    #[field(name = "type", kind = "Text")]
    #[serde(rename = "type")]
    kind: &'static str,
    /// The role that it was made by.
    #[field(kind = "Text")]
    #[serde(skip_serializing_if = "String::is_empty")]
    role: String,
    /// Seconds that each renewal gives, if it is periodic.
    #[field(kind = "Integer")]
    #[serde(skip_serializing_if = "Option::is_none")]
    period: Option<Ttl>,
    /// Addresses that may use it, if it is bound to some.
    #[field(kind = "List")]
    #[serde(skip_serializing_if = "Option::is_none")]
    bound_cidrs: Option<Cidrs>,
    #[field(kind = "Time")]
    #[serde(skip_serializing_if = "Option::is_none")]
    last_renewal: Option<String>,
    /// Seconds since 1970.
    #[field(kind = "Integer")]
    #[serde(skip_serializing_if = "Option::is_none")]
    last_renewal_time: Option<i64>,
}

async fn lookup(call: &Call<'_>, ask: Lookup) -> Result<Data<TokenView>, Fault> {
    let asked = ask.token.filter(|t| !t.expose().is_empty());
    match asked {
        Some(text) => {
            let session = find(call, &text).await?;
            let session = session.ok_or_else(|| Fault::new(FaultKind::Denied, "bad token"))?;
            view(call.kernel, &session.entry, text).await.map(Data)
        }
        None => lookup_self(call, LookupSelf {}).await,
    }
}

async fn lookup_self(call: &Call<'_>, _: LookupSelf) -> Result<Data<TokenView>, Fault> {
    let text = Secret::new(call.presented_token().to_owned());
    view(call.kernel, &call.session()?.entry, text).await.map(Data)
}

async fn lookup_accessor(call: &Call<'_>, ask: LookupAccessor) -> Result<Data<TokenView>, Fault> {
    let entry = by_accessor(call.kernel, &ask.accessor).await?;
    let entry = entry.ok_or_else(|| Fault::bad_request("1 error occurred:\n\t* invalid accessor\n\n"))?;
    view(call.kernel, &entry, Secret::default()).await.map(Data)
}

/// The token of this text, if it can be used. The one that asks is taken as it is now, even if this is its last use.
pub(super) async fn find(call: &Call<'_>, text: &Secret<String>) -> Result<Option<Arc<Session>>, Fault> {
    if text.matches(call.presented_token()) {
        return call.session().cloned().map(Some);
    }
    let session = call.kernel.tokens.find(call.kernel, text.expose(), call.kernel.now()).await?;
    Ok(session.filter(|s| !s.entry.is_spent))
}

/// Errors: 400 when no accessor is given.
pub(super) async fn by_accessor(kernel: &Kernel, accessor: &str) -> Result<Option<TokenEntry>, Fault> {
    if accessor.is_empty() {
        return Err(Fault::bad_request("1 error occurred:\n\t* missing accessor\n\n"));
    }
    Tokens::by_accessor(kernel, accessor).await
}

/// The policies that a token has from its entity.
pub(super) async fn identity_policies(kernel: &Kernel, entry: &TokenEntry) -> Result<Vec<String>, Fault> {
    if entry.entity_id.is_empty() {
        return Ok(Vec::new());
    }
    let facts = kernel.identities.facts(kernel, &entry.entity_id).await?;
    Ok(facts.map(|f| f.policies()).unwrap_or_default())
}

async fn view(kernel: &Kernel, entry: &TokenEntry, id: Secret<String>) -> Result<TokenView, Fault> {
    let uses = i64::try_from(entry.num_uses).unwrap_or(i64::MAX);
    Ok(TokenView {
        accessor: entry.accessor.clone(),
        creation_time: entry.created.seconds(),
        creation_ttl: entry.creation_ttl,
        display_name: entry.display_name.clone(),
        entity_id: entry.entity_id.clone(),
        expire_time: entry.expires.map(shown),
        explicit_max_ttl: entry.explicit_max_ttl,
        id,
        issue_time: shown(entry.created),
        meta: entry.meta.clone(),
        num_uses: if entry.is_spent { -1 } else { uses },
        orphan: entry.parent.is_none(),
        path: entry.path.clone(),
        policies: entry.policies.clone(),
        identity_policies: identity_policies(kernel, entry).await?,
        renewable: entry.renewable,
        ttl: entry.ttl_left(kernel.now()),
        kind: entry.kind.word(),
        role: entry.role.clone(),
        period: Some(entry.period).filter(|p| !p.is_zero()),
        bound_cidrs: Some(entry.bound_cidrs.clone()).filter(|c| !c.0.is_empty()),
        last_renewal: entry.last_renewal.map(shown),
        last_renewal_time: entry.last_renewal.map(kw_types::Time::seconds),
    })
}
