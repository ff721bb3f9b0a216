//! `auth/token/revoke`, `revoke-self`, `revoke-orphan`, `revoke-accessor`.
use super::lookup::{by_accessor, find};
use crate::sys::{Call, SysRoutes};
use crate::token::{TokenEntry, TokenType, Tokens, batch, revoke, revoke_orphan};
use kw_engine::Warned;
use kw_schema::Request;
use kw_types::{Fault, Secret};

pub(super) fn routes(routes: SysRoutes) -> SysRoutes {
    routes
        .at("revoke")
        .write(revoke_token)
        .at("revoke-self")
        .write(revoke_self)
        .at("revoke-orphan")
        .write(keep_children)
        .sudo()
        .at("revoke-accessor")
        .write(revoke_accessor)
}

/// Revokes a token, with all its children and what they were given.
#[derive(Request)]
struct Revoke {
    /// The token.
    token: Option<Secret<String>>,
}

/// Revokes the token that asks, with all its children and what they were given.
#[derive(Request)]
struct RevokeSelf {}

/// Revokes a token, but not its children: they become orphans.
#[derive(Request)]
struct RevokeOrphan {
    /// The token.
    token: Option<Secret<String>>,
}

/// Revokes the token of an accessor, with all its children and what they were given.
#[derive(Request)]
struct RevokeAccessor {
    /// The accessor.
    accessor: String,
}

async fn revoke_token(call: &Call<'_>, ask: Revoke) -> Result<(), Fault> {
    let text = given(ask.token)?;
    if let Some(session) = find(call, &text).await? {
        return end(call, &session.entry).await;
    }
    match Tokens::stored(call.kernel, text.expose()).await? {
        Some(entry) => end(call, &entry).await,
        // Its time is up by this node's clock, but maybe not by another one's.
        None if batch::is_ours(call.kernel, text.expose())? => Err(cannot_be_revoked()),
        // A token that is gone already is what the caller wanted.
        None => Ok(()),
    }
}

async fn revoke_self(call: &Call<'_>, _: RevokeSelf) -> Result<(), Fault> {
    end(call, &call.session()?.entry).await
}

async fn keep_children(call: &Call<'_>, ask: RevokeOrphan) -> Result<(), Fault> {
    let session = find(call, &given(ask.token)?).await?;
    let session = session.ok_or_else(|| Fault::bad_request("token to revoke not found"))?;
    check(&session.entry)?;
    revoke_orphan(call.kernel, &session.entry.ident).await.map(drop)
}

async fn revoke_accessor(call: &Call<'_>, ask: RevokeAccessor) -> Result<Warned<()>, Fault> {
    let found = match by_accessor(call.kernel, &ask.accessor).await? {
        None => Tokens::stored_by_accessor(call.kernel, &ask.accessor).await?,
        found => found,
    };
    match found {
        Some(entry) => end(call, &entry).await.map(|()| Warned((), Vec::new())),
        None => Ok(Warned((), vec!["No token found with this accessor".to_owned()])),
    }
}

fn given(token: Option<Secret<String>>) -> Result<Secret<String>, Fault> {
    token.filter(|t| !t.expose().is_empty()).ok_or_else(|| Fault::bad_request("missing token ID"))
}

async fn end(call: &Call<'_>, entry: &TokenEntry) -> Result<(), Fault> {
    check(entry)?;
    revoke(call.kernel, &entry.ident).await.map(drop)
}

fn check(entry: &TokenEntry) -> Result<(), Fault> {
    if entry.kind == TokenType::Batch {
        return Err(cannot_be_revoked());
    }
    Ok(())
}

fn cannot_be_revoked() -> Fault {
    Fault::bad_request("batch tokens cannot be revoked")
}
