//! Making secret ids.
use super::role::Role;
use super::secret_id::{Place, SecretId, uses};
use super::sweep;
use ipnet::IpNet;
use kw_engine::{
    Cidr, Cidrs, Cx, Data, Fault, FaultKind, KeyValues, Name, Request, Response, RngExt, Secret, Time, Ttl, Txn,
    WithAccessor,
};
use serde::Serialize;
use std::net::IpAddr;

/// Makes a secret id.
#[derive(Debug, Request)]
pub struct Generate {
    /// Name of the role.
    #[capture]
    pub role_name: Name,
    #[flatten]
    pub terms: Terms,
}

/// Registers a secret id that the caller chose. Let the server choose one wherever you can: what people choose can be guessed.
#[derive(Debug, Request)]
pub struct Custom {
    /// Name of the role.
    #[capture]
    pub role_name: Name,
    /// The secret id, which the role must not have yet.
    pub secret_id: Secret<String>,
    #[flatten]
    pub terms: Terms,
}

/// What a caller may say of a secret id.
#[derive(Debug, Request)]
pub struct Terms {
    /// Texts by name that tokens of this secret id carry: an object, or JSON in a text.
    pub metadata: KeyValues,
    /// Addresses and CIDR blocks that may log in with it; within those of the role, if it has any.
    pub cidr_list: Cidrs,
    /// Addresses and CIDR blocks that may use its tokens; within those of the role, if it has any.
    pub token_bound_cidrs: Cidrs,
    /// How many logins it is good for: the role's number if not given, and never more.
    pub num_uses: Option<i64>,
    /// How long it is good for: the role's time if not given, and never longer.
    pub ttl: Option<Ttl>,
}

/// A new secret id. It is shown this once.
#[derive(Debug, Serialize, Response)]
pub struct Issued {
    #[field(kind = "Text")]
    secret_id: Secret<String>,
    /// Names the secret id without opening anything.
    #[field(kind = "Text")]
    secret_id_accessor: String,
    /// 0: any number.
    #[field(kind = "Integer")]
    secret_id_num_uses: u64,
    /// Seconds; 0: for ever.
    #[field(kind = "Integer")]
    secret_id_ttl: Ttl,
}

pub async fn generate(cx: &Cx<'_>, txn: Txn<'_>, q: Generate) -> Result<WithAccessor<Data<Issued>>, Fault> {
    issue(cx, txn, &q.role_name, Secret::new(cx.rng().uuid()), q.terms).await
}

pub async fn custom(cx: &Cx<'_>, txn: Txn<'_>, q: Custom) -> Result<WithAccessor<Data<Issued>>, Fault> {
    // A login trims it, so what has white space around it could never be used.
    let secret_id = Secret::new(q.secret_id.expose().trim().to_owned());
    if secret_id.expose().is_empty() {
        return Err(Fault::bad_request("missing secret_id"));
    }
    issue(cx, txn, &q.role_name, secret_id, q.terms).await
}

/// Whether every address of `inner` is one of `outer`. An empty `inner` says nothing of its own, and `outer` goes on to hold.
pub fn is_within(inner: &Cidrs, outer: &Cidrs) -> bool {
    let outer: Vec<IpNet> = outer.0.iter().filter_map(net).collect();
    outer.is_empty() || inner.0.iter().all(|i| net(i).is_some_and(|i| outer.iter().any(|o| o.contains(&i))))
}

async fn issue(
    cx: &Cx<'_>,
    txn: Txn<'_>,
    role: &Name,
    secret_id: Secret<String>,
    terms: Terms,
) -> Result<WithAccessor<Data<Issued>>, Fault> {
    let role = Role::need(txn.view(), role, FaultKind::NotFound).await?;
    if !role.bind_secret_id {
        return Err(Fault::bad_request("bind_secret_id is not set on the role: it takes no secret ids"));
    }
    let place = Place::of(cx, &role, &secret_id)?;
    if place.is_taken(txn.view()).await? {
        return Err(Fault::bad_request("the role has this secret_id already; destroy it first or choose another"));
    }
    let entry = entry(cx, &role, terms)?;
    sweep::sweep(cx, txn, sweep::FEW).await?;
    place.create(txn, &entry)?;
    let issued = Issued {
        secret_id,
        secret_id_accessor: entry.accessor.clone(),
        secret_id_num_uses: entry.num_uses,
        secret_id_ttl: entry.ttl,
    };
    Ok(WithAccessor(Data(issued), entry.accessor))
}

fn entry(cx: &Cx<'_>, role: &Role, terms: Terms) -> Result<SecretId, Fault> {
    let num_uses = match terms.num_uses {
        Some(count) => uses("num_uses", count)?,
        None => role.secret_id_num_uses,
    };
    // Zero means "any number" and so is more than every bound.
    if role.secret_id_num_uses > 0 && (num_uses == 0 || num_uses > role.secret_id_num_uses) {
        return Err(Fault::bad_request("num_uses cannot be higher than the role's secret_id_num_uses"));
    }
    let ttl = terms.ttl.unwrap_or(role.secret_id_ttl);
    if !role.secret_id_ttl.is_zero() && (ttl.is_zero() || ttl > role.secret_id_ttl) {
        return Err(Fault::bad_request("ttl cannot be longer than the role's secret_id_ttl"));
    }
    if !is_within(&terms.cidr_list, &role.secret_id_bound_cidrs) {
        return Err(Fault::bad_request("cidr_list must lie within the role's secret_id_bound_cidrs"));
    }
    if !is_within(&terms.token_bound_cidrs, &role.token.token_bound_cidrs) {
        return Err(Fault::bad_request("token_bound_cidrs must lie within the role's token_bound_cidrs"));
    }
    let ttl = if ttl.is_zero() { ttl } else { ttl.capped(cx.max_ttl()) };
    let now = cx.now();
    Ok(SecretId {
        accessor: cx.rng().uuid(),
        num_uses,
        ttl,
        created: now,
        updated: now,
        expires: if ttl.is_zero() { Time::ZERO } else { now.plus(ttl) },
        metadata: terms.metadata.0,
        cidr_list: terms.cidr_list,
        token_bound_cidrs: terms.token_bound_cidrs,
    })
}

fn net(cidr: &Cidr) -> Option<IpNet> {
    let text = String::from(cidr.clone());
    text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from)).ok()
}
