//! `sys/capabilities`, `-self` and `-accessor`: what a token may do on paths.
use super::routes::Flat;
use super::{Answering, Call, SysRoutes};
use crate::run::Outcome;
use crate::token::{Session, Tokens};
use kw_engine::{Reply, Request};
use kw_schema::{Coerce, Field, Kind, Raw, Words};
use kw_store::Revision;
use kw_types::{Fault, Secret};
use std::borrow::Cow;
use std::collections::BTreeMap;

pub(super) fn routes(routes: SysRoutes) -> SysRoutes {
    routes
        .at("capabilities")
        .write(of_token)
        .at("capabilities-self")
        .write(of_self)
        .at("capabilities-accessor")
        .write(of_accessor)
}

/// Tells what a token may do on paths.
#[derive(Request)]
struct OfToken {
    /// The token.
    token: Secret<String>,
    #[flatten]
    on: On,
}

/// Tells what the caller may do on paths.
#[derive(Request)]
struct OfSelf {
    #[flatten]
    on: On,
}

/// Tells what the token with an accessor may do on paths.
#[derive(Request)]
struct OfAccessor {
    /// The accessor of the token.
    accessor: String,
    #[flatten]
    on: On,
}

/// The paths that are asked for.
#[derive(Request)]
struct On {
    /// The paths, without `/v1/`.
    paths: PathList,
    /// The old name of `paths`.
    path: PathList,
}

async fn of_token(call: &Call<'_>, ask: OfToken) -> Result<Capabilities, Fault> {
    let paths = ask.on.checked()?;
    if ask.token.expose().is_empty() {
        return Err(Fault::bad_request("1 error occurred:\n\t* no token found\n\n"));
    }
    let session = call.kernel.tokens.find(call.kernel, ask.token.expose(), call.kernel.now()).await?;
    let session = session.filter(|s| !s.entry.is_spent);
    let session = session.ok_or_else(|| Fault::bad_request("1 error occurred:\n\t* invalid token\n\n"))?;
    on_paths(call, &session, paths).await
}

async fn of_self(call: &Call<'_>, ask: OfSelf) -> Result<Capabilities, Fault> {
    on_paths(call, call.session()?, ask.on.checked()?).await
}

async fn of_accessor(call: &Call<'_>, ask: OfAccessor) -> Result<Capabilities, Fault> {
    let paths = ask.on.checked()?;
    let entry = Tokens::by_accessor(call.kernel, &ask.accessor).await?.filter(|e| !e.is_spent);
    let entry = entry.ok_or_else(|| Fault::bad_request("1 error occurred:\n\t* invalid accessor\n\n"))?;
    on_paths(call, &Session::new(call.kernel, entry, Revision(0)), paths).await
}

async fn on_paths(call: &Call<'_>, session: &Session, paths: Vec<String>) -> Result<Capabilities, Fault> {
    let rights = session.rights(call.kernel).await?;
    let found = paths.into_iter().map(|path| {
        let words = rights.acl.capabilities(&path);
        (path, words)
    });
    Ok(Capabilities(found.collect()))
}

impl On {
    /// Errors: 400 when there is none, or an empty one among them.
    fn checked(self) -> Result<Vec<String>, Fault> {
        let paths = if self.paths.0.is_empty() { self.path.0 } else { self.paths.0 };
        if paths.is_empty() {
            return Err(Fault::bad_request("paths must be supplied"));
        }
        if paths.iter().any(String::is_empty) {
            return Err(Fault::bad_request("1 error occurred:\n\t* missing path\n\n"));
        }
        Ok(paths)
    }
}

/// A list of paths; one text is split at commas. Unlike other lists it keeps empty members, for they are mistakes here.
#[derive(Default)]
struct PathList(Vec<String>);

impl Coerce for PathList {
    const KIND: Kind = Kind::List;
    fn coerce(raw: &Raw<'_>) -> Result<Self, Cow<'static, str>> {
        match raw {
            Raw::Json(json) if json.get().starts_with('[') => Words::coerce(raw).map(|words| Self(words.0)),
            _ => Vec::coerce(raw).map(Self),
        }
    }
}

/// Capabilities by path; those of an only path by the name `capabilities` too.
struct Capabilities(BTreeMap<String, Vec<&'static str>>);

/// What stands at the top of every answer: a path of such a name cannot stand there too.
const TAKEN: [&str; 11] = [
    "auth",
    "capabilities",
    "data",
    "errors",
    "lease_duration",
    "lease_id",
    "mount_type",
    "renewable",
    "request_id",
    "warnings",
    "wrap_info",
];

impl Answering for Capabilities {
    fn fields(_: &mut Vec<Field>) {}

    fn into_outcome(self) -> Result<Outcome, Fault> {
        let mut members = self.0;
        let is_flat = !members.keys().any(|path| TAKEN.contains(&path.as_str()));
        if members.len() == 1
            && let Some(only) = members.values().next().cloned()
        {
            members.insert("capabilities".to_owned(), only);
        }
        let reply = Reply::data(&members)?;
        if is_flat { Flat(reply).into_outcome() } else { reply.into_outcome() }
    }
}
