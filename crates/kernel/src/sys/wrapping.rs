//! `sys/wrapping/`: keeping any JSON behind a token, and getting out what is behind one.
use super::routes::Wrapped;
use super::{Call, SysRoutes};
use crate::answer::shown;
use crate::kernel::Kernel;
use crate::wrapping;
use kw_engine::{Body, Data, RawObject, Reply};
use kw_schema::{Request, Response};
use kw_types::{Fault, FaultKind, Secret, Ttl};
use serde::Serialize;

pub(super) fn routes(routes: SysRoutes) -> SysRoutes {
    routes
        .at("wrapping/wrap")
        .write(wrap)
        .at("wrapping/unwrap")
        .write(unwrap)
        .refuses_first(must_wrap)
        .read(unwrap)
        .refuses_first(must_wrap)
        .at("wrapping/rewrap")
        .write(rewrap)
        .refuses_first(must_wrap)
        .at("wrapping/lookup")
        .read(lookup)
        .open()
        .write(lookup)
        .open()
}

/// Wraps the body of the request. Needs the header `X-Vault-Wrap-TTL`.
#[derive(Request)]
struct Wrap {
    /// Any JSON object.
    #[body]
    body: RawObject,
}

/// Gives what a wrapping token stands for, once.
#[derive(Request)]
struct Unwrap {
    /// The wrapping token; without it, the token that asks.
    token: Option<Secret<String>>,
}

/// Tells what is known of a wrapping token without using it up.
#[derive(Request)]
struct Lookup {
    /// The wrapping token; without it, the token that asks.
    token: Option<Secret<String>>,
}

#[derive(Serialize, Response)]
struct LookupAnswer {
    /// The path whose answer is wrapped.
    #[field(kind = "Text")]
    creation_path: String,
    #[field(kind = "Time")]
    creation_time: String,
    /// Seconds that the wrapping token was made to live.
    #[field(kind = "Integer")]
    creation_ttl: Ttl,
}

async fn wrap(call: &Call<'_>, ask: Wrap) -> Result<Reply, Fault> {
    if call.resolved.wrap_ttl.is_none() {
        return Err(Fault::bad_request("endpoint requires response wrapping to be used"));
    }
    // The pipeline wraps what is answered here, as it does everywhere.
    Ok(Reply::new(Body::Data(ask.body.0.into())))
}

async fn unwrap(call: &Call<'_>, ask: Unwrap) -> Result<Reply, Fault> {
    let text = named(ask.token, call.presented_token())?;
    let kept = if text.matches(call.presented_token()) {
        wrapping::unwrap_own(call.kernel, &call.session()?.entry).await?
    } else {
        let (_, ident) = wrapping::facts(call.kernel, text.expose()).await?.ok_or_else(wrapping::invalid)?;
        wrapping::unwrap(call.kernel, &ident).await?
    };
    let bytes = kept.response.expose().clone().into_bytes();
    Ok(Reply::new(Body::Bare { content_type: "application/json", bytes }))
}

async fn rewrap(call: &Call<'_>, ask: Unwrap) -> Result<Wrapped, Fault> {
    let text = named(ask.token, call.presented_token())?;
    let (_, ident) = wrapping::facts(call.kernel, text.expose()).await?.ok_or_else(wrapping::invalid)?;
    wrapping::rewrap(call.kernel, &ident).await.map(Wrapped)
}

async fn lookup(call: &Call<'_>, ask: Lookup) -> Result<Data<LookupAnswer>, Fault> {
    let text = named(ask.token, call.presented_token())?;
    let (row, _) = wrapping::facts(call.kernel, text.expose()).await?.ok_or_else(wrapping::invalid)?;
    Ok(Data(LookupAnswer {
        creation_path: row.creation_path,
        creation_time: shown(row.creation_time),
        creation_ttl: row.ttl,
    }))
}

/// Whoever asks: what is not a wrapping token cannot be unwrapped. Told before the token that asks is judged, since a used-up
/// wrapping token that asks for itself shall hear this rather than that it may not.
async fn must_wrap(kernel: &Kernel, presented: &str, ask: Unwrap) -> Result<(), Fault> {
    let text = named(ask.token, presented)?;
    wrapping::facts(kernel, text.expose()).await?.map(drop).ok_or_else(wrapping::invalid)
}

fn named(asked: Option<Secret<String>>, presented: &str) -> Result<Secret<String>, Fault> {
    let text = asked.filter(|t| !t.expose().is_empty()).unwrap_or_else(|| Secret::new(presented.to_owned()));
    if text.expose().is_empty() {
        return Err(Fault::new(FaultKind::Denied, "error validating wrapping token: token is empty"));
    }
    Ok(text)
}
