//! `auth/token/renew`, `renew-self`, `renew-accessor`.
use super::lookup::{by_accessor, find, identity_policies};
use crate::sys::{Authed, Call, SysRoutes};
use crate::token::{TokenEntry, TokenType, auth_answer, renew};
use kw_schema::Request;
use kw_types::{Fault, Secret, Ttl};

pub(super) fn routes(routes: SysRoutes) -> SysRoutes {
    routes.at("renew").write(renew_token).at("renew-self").write(renew_self).at("renew-accessor").write(renew_accessor)
}

/// Gives a token more time.
#[derive(Request)]
struct Renew {
    /// The token.
    token: Option<Secret<String>>,
    /// How long it shall live from now; without it, as long as it was given last.
    increment: Ttl,
}

/// Gives the token that asks more time.
#[derive(Request)]
struct RenewSelf {
    /// How long it shall live from now; without it, as long as it was given last.
    increment: Ttl,
}

/// Gives the token of an accessor more time.
#[derive(Request)]
struct RenewAccessor {
    /// The accessor.
    accessor: String,
    /// How long it shall live from now; without it, as long as it was given last.
    increment: Ttl,
}

async fn renew_token(call: &Call<'_>, ask: Renew) -> Result<Authed, Fault> {
    let text = ask.token.filter(|t| !t.expose().is_empty());
    let text = text.ok_or_else(|| Fault::bad_request("missing token ID"))?;
    let session = find(call, &text).await?.ok_or_else(|| Fault::bad_request("token not found"))?;
    prolong(call, &session.entry, text.expose(), ask.increment).await
}

async fn renew_self(call: &Call<'_>, ask: RenewSelf) -> Result<Authed, Fault> {
    prolong(call, &call.session()?.entry, call.presented_token(), ask.increment).await
}

async fn renew_accessor(call: &Call<'_>, ask: RenewAccessor) -> Result<Authed, Fault> {
    let entry = by_accessor(call.kernel, &ask.accessor).await?;
    let entry = entry.ok_or_else(|| Fault::bad_request("1 error occurred:\n\t* invalid accessor\n\n"))?;
    prolong(call, &entry, "", ask.increment).await
}

async fn prolong(call: &Call<'_>, entry: &TokenEntry, text: &str, increment: Ttl) -> Result<Authed, Fault> {
    if entry.kind == TokenType::Batch {
        return Err(Fault::bad_request("batch tokens cannot be renewed"));
    }
    let kernel = call.kernel;
    let entry = kernel.transact(async |txn| renew(kernel, txn, &entry.ident, increment).await).await?;
    let identity_policies = identity_policies(kernel, &entry).await?;
    let mut warnings = Vec::new();
    if entry.ttl < increment {
        warnings.push(format!(
            "TTL of {:?} exceeded the effective max_ttl of {:?}; TTL value is capped accordingly",
            increment.go_text(),
            entry.ttl.go_text()
        ));
    }
    Ok(Authed(auth_answer(text, &entry, &identity_policies), warnings))
}
