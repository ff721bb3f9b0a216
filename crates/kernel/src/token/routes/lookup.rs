//! `auth/token/lookup`, `lookup-self`, `lookup-accessor`.
use crate::kernel::Kernel;
use crate::sys::{Call, SysRoutes};
use crate::token::{Session, TokenEntry, Tokens};
use kw_engine::{Body, Cidrs, JsonText, Outcome, Reply};
use kw_schema::{Field, Request, Response};
use kw_types::{Fault, FaultKind, Secret, Time, Ttl};
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

/// A token, as shown. It stays so until its row, an identity or a policy changes.
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

/// What of a shown token is of the moment, or is not kept.
#[derive(Serialize, Response)]
struct Passing {
    /// The token itself; empty for a caller who knows only the accessor.
    #[field(kind = "Text")]
    id: Secret<String>,
    /// Seconds left; 0: for ever.
    #[field(kind = "Integer")]
    ttl: Ttl,
}

/// Both as one.
struct Shown {
    text: JsonText,
}

impl Outcome for Shown {
    fn fields(out: &mut Vec<Field>) {
        TokenView::fields(out);
        Passing::fields(out);
    }

    fn into_reply(self) -> Result<Reply, Fault> {
        Ok(Reply::new(Body::Data(self.text)))
    }
}

async fn lookup(call: &Call<'_>, ask: Lookup) -> Result<Shown, Fault> {
    let asked = ask.token.filter(|t| !t.expose().is_empty());
    match asked {
        Some(text) => {
            let session = find(call, &text).await?;
            let session = session.ok_or_else(|| Fault::new(FaultKind::Denied, "bad token"))?;
            of_session(call.kernel, &session, text).await
        }
        None => lookup_self(call, LookupSelf {}).await,
    }
}

async fn lookup_self(call: &Call<'_>, _: LookupSelf) -> Result<Shown, Fault> {
    let text = Secret::new(call.presented_token().to_owned());
    of_session(call.kernel, call.session()?, text).await
}

async fn lookup_accessor(call: &Call<'_>, ask: LookupAccessor) -> Result<Shown, Fault> {
    let entry = by_accessor(call.kernel, &ask.accessor).await?;
    let entry = entry.ok_or_else(|| Fault::bad_request("1 error occurred:\n\t* invalid accessor\n\n"))?;
    let view = view(&entry, identity_policies(call.kernel, &entry).await?)?;
    shown(call.kernel, &entry, view.get(), Secret::default())
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

/// A session that is in use keeps the text of its view.
async fn of_session(kernel: &Kernel, session: &Session, id: Secret<String>) -> Result<Shown, Fault> {
    let entry = &session.entry;
    let made;
    let view = match (session.view.get(), session.known_rights()) {
        (Some(kept), _) => kept.as_ref(),
        (None, Some(rights)) => {
            let view = view(entry, rights.identity_policies.clone())?;
            session.view.get_or_init(|| view.get().into())
        }
        (None, None) => {
            made = view(entry, identity_policies(kernel, entry).await?)?;
            made.get()
        }
    };
    shown(kernel, entry, view, id)
}

fn shown(kernel: &Kernel, entry: &TokenEntry, view: &str, id: Secret<String>) -> Result<Shown, Fault> {
    let passing = Passing { id, ttl: entry.ttl_left(kernel.now()) };
    JsonText::joined(view, &passing).map(|text| Shown { text })
}

fn view(entry: &TokenEntry, identity_policies: Vec<String>) -> Result<JsonText, Fault> {
    let uses = i64::try_from(entry.num_uses).unwrap_or(i64::MAX);
    JsonText::of(&TokenView {
        accessor: entry.accessor.clone(),
        creation_time: entry.created.seconds(),
        creation_ttl: entry.creation_ttl,
        display_name: entry.display_name.clone(),
        entity_id: entry.entity_id.clone(),
        expire_time: entry.expires.map(Time::rfc3339),
        explicit_max_ttl: entry.explicit_max_ttl,
        issue_time: entry.created.rfc3339(),
        meta: entry.meta.clone(),
        num_uses: if entry.is_spent { -1 } else { uses },
        orphan: entry.parent.is_none(),
        path: entry.path.clone(),
        policies: entry.policies.clone(),
        identity_policies,
        renewable: entry.renewable,
        kind: entry.kind.word(),
        role: entry.role.clone(),
        period: Some(entry.period).filter(|p| !p.is_zero()),
        bound_cidrs: Some(entry.bound_cidrs.clone()).filter(|c| !c.0.is_empty()),
        last_renewal: entry.last_renewal.map(Time::rfc3339),
        last_renewal_time: entry.last_renewal.map(Time::seconds),
    })
}
