//! Response wrapping: the answer is kept behind a token that is good for one look.
//!
//! The answer itself is the document `response` among the rows that belong to the wrapping token alone: there, old clients read
//! it like any other document of their own. What is told without unwrapping is in a row of the kernel.
use crate::answer::{Envelope, WrapAnswer, shown};
use crate::kernel::Kernel;
use crate::rows::{TOKENS, WRAPPED};
use crate::token::{NewToken, TokenEntry, create, revoke_entry};
use kw_store::Txn;
use kw_types::{Fault, FaultKind, Secret, Ttl};
use serde::{Deserialize, Serialize};

/// The row `wrap/<ident of the wrapping token>`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct WrappedRow {
    pub creation_path: String,
    pub creation_time: kw_types::Time,
    pub ttl: Ttl,
    #[serde(default)]
    pub wrapped_accessor: String,
}

/// An answer as it would have been sent: JSON, as a text.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Kept {
    pub response: Secret<String>,
}

/// The name of the document.
const RESPONSE: &str = "response";

/// Keeps an answer, and gives what the caller gets instead.
pub(crate) async fn wrap(
    kernel: &Kernel,
    envelope: &Envelope,
    request_id: &str,
    path: &str,
    ttl: Ttl,
) -> Result<WrapAnswer, Fault> {
    let response = String::from_utf8(envelope.to_json(request_id).into_vec())
        .map_err(|_| Fault::internal("an answer is not text"))?;
    let kept = Kept { response: Secret::new(response) };
    let accessor = envelope.auth.as_ref().map_or(&envelope.accessor, |auth| &auth.accessor);
    let row = WrappedRow {
        creation_path: path.to_owned(),
        creation_time: kernel.now(),
        ttl,
        wrapped_accessor: accessor.clone(),
    };
    kernel.transact(async |txn| keep(kernel, txn, &row, &kept).await).await
}

/// Takes an answer out of one wrapping token and keeps it behind a new one, as long as it was asked for at first. The old token
/// is dead.
///
/// Errors: 400 when the token is not, or no longer, a wrapping token.
pub(crate) async fn rewrap(kernel: &Kernel, ident: &str) -> Result<WrapAnswer, Fault> {
    kernel
        .transact(async |txn| {
            let (row, kept) = take(kernel, txn, ident).await?;
            keep(kernel, txn, &WrappedRow { creation_time: kernel.now(), ..row }, &kept).await
        })
        .await
}

/// Takes an answer out of its wrapping token, which is dead afterwards: of many who try at once, one succeeds.
///
/// Errors: 400 when the token is not, or no longer, a wrapping token.
pub(crate) async fn unwrap(kernel: &Kernel, ident: &str) -> Result<Kept, Fault> {
    Ok(kernel.transact(async |txn| take(kernel, txn, ident).await).await?.1)
}

/// The answer behind the wrapping token that asks: its one use is spent for this, and it goes when the answer is recorded.
pub(crate) async fn unwrap_own(kernel: &Kernel, entry: &TokenEntry) -> Result<Kept, Fault> {
    if !entry.is_spent {
        return unwrap(kernel, &entry.ident).await;
    }
    let drawer = drawer(kernel, &entry.ident).await?;
    kernel.view(&drawer).get::<Kept>(RESPONSE).await?.ok_or_else(invalid)
}

/// What may be told of a wrapping token; `None` when it is none.
pub(crate) async fn facts(kernel: &Kernel, text: &str) -> Result<Option<(WrappedRow, String)>, Fault> {
    let Some(session) = kernel.tokens.find(kernel, text, kernel.now()).await?.filter(|s| !s.entry.is_spent) else {
        return Ok(None);
    };
    let row = kernel.view(WRAPPED).get::<WrappedRow>(&session.entry.ident).await?;
    Ok(row.map(|row| (row, session.entry.ident.clone())))
}

/// The refusal of whatever is not a wrapping token, or no longer.
pub(crate) fn invalid() -> Fault {
    Fault::bad_request("wrapping token is not valid or does not exist")
}

/// The time to live that the caller asked for. Errors: 400 for what is no duration, negative or over the system's limit.
pub(crate) fn asked(kernel: &Kernel, text: Option<&str>) -> Result<Option<Ttl>, Fault> {
    let Some(text) = text.filter(|t| !t.is_empty()) else { return Ok(None) };
    let ttl = Ttl::parse(text).map_err(|why| Fault::bad_request(format!("X-Vault-Wrap-TTL {why}")))?;
    if ttl > kernel.settings.max_lease_ttl {
        return Err(Fault::bad_request("X-Vault-Wrap-TTL is over the system's max_lease_ttl"));
    }
    Ok(Some(ttl).filter(|t| !t.is_zero()))
}

async fn keep(kernel: &Kernel, txn: Txn<'_>, row: &WrappedRow, kept: &Kept) -> Result<WrapAnswer, Fault> {
    let new = NewToken {
        policies: vec![kw_policy::builtin::RESPONSE_WRAPPING.to_owned()],
        path: row.creation_path.clone(),
        num_uses: 1,
        ttl: row.ttl,
        explicit_max_ttl: row.ttl,
        ..NewToken::default()
    };
    let made = create(kernel, txn, new).await?;
    txn.rescoped(WRAPPED).put(&made.entry.ident, row)?;
    let drawer = drawer(kernel, &made.entry.ident).await?;
    txn.rescoped(&drawer).put(RESPONSE, kept)?;
    Ok(WrapAnswer {
        token: made.text.expose().clone(),
        accessor: made.entry.accessor,
        ttl: row.ttl.seconds(),
        creation_time: shown(row.creation_time),
        creation_path: row.creation_path.clone(),
        wrapped_accessor: row.wrapped_accessor.clone(),
    })
}

async fn take(kernel: &Kernel, txn: Txn<'_>, ident: &str) -> Result<(WrappedRow, Kept), Fault> {
    let entry = txn.rescoped(TOKENS).view().get::<TokenEntry>(ident).await?;
    let entry = entry.filter(|e| !e.is_spent && !e.is_expired(kernel.now())).ok_or_else(invalid)?;
    let row = txn.rescoped(WRAPPED).view().get::<WrappedRow>(ident).await?.ok_or_else(invalid)?;
    let drawer = drawer(kernel, ident).await?;
    let kept = txn.rescoped(&drawer).view().get::<Kept>(RESPONSE).await?.ok_or_else(invalid)?;
    revoke_entry(txn, &entry);
    txn.rescoped(&drawer).delete(RESPONSE);
    Ok((row, kept))
}

/// Where the rows are that belong to a token alone.
async fn drawer(kernel: &Kernel, ident: &str) -> Result<String, Fault> {
    let table = kernel.mounts.current(kernel).await?;
    let mount = table.iter().find(|m| kernel.registry.of_mount(m).is_some_and(|e| e.per_token()));
    let mount = mount
        .ok_or_else(|| Fault::new(FaultKind::Internal, "no mount keeps rows for tokens; answers cannot be wrapped"))?;
    Ok(format!("{}{ident}/", mount.rows_prefix()))
}

#[cfg(test)]
mod tests;
