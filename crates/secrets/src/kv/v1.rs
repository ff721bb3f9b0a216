//! Version 1: a secret is what was last written.
use super::model::secret_row;
use super::row::Row;
use crate::document::Document;
use kw_engine::{Body, Coerce, Cx, Fault, JsonText, Raw, Reply, Request, Ttl, Txn, View};
use serde::Deserialize;
use serde_json::value::RawValue;

/// Reads a secret.
#[derive(Request)]
pub(super) struct Read {
    /// The path of the secret, below the mount.
    #[capture]
    path: String,
}

/// Deletes a secret for ever.
#[derive(Request)]
pub(super) struct Delete {
    /// The path of the secret, below the mount.
    #[capture]
    path: String,
}

pub(super) async fn read(cx: &Cx<'_>, view: View<'_>, request: Read) -> Result<Option<Reply>, Fault> {
    let Some(bytes) = view.get_bytes(&secret_row(&request.path)).await? else { return Ok(None) };
    let Row::Plain { ttl, data, .. } = Row::parse(&bytes)? else {
        return Err(Fault::internal("the mount has version 1, but this secret has versions"));
    };
    let data = JsonText::stored(data.to_owned());
    // Clients take this as a hint when to read again.
    Ok(Some(Reply { lease_duration: ttl.or(cx.default_ttl()), ..Reply::new(Body::Data(data)) }))
}

pub(super) async fn write(cx: &Cx<'_>, txn: Txn<'_>, document: Document) -> Result<(), Fault> {
    let (path, body) = document.checked()?;
    let row = Row::Plain { created: cx.now(), ttl: hinted_ttl(&body), data: body.get() };
    txn.put_bytes(&secret_row(&path), row.to_bytes());
    Ok(())
}

pub(super) async fn delete(_: &Cx<'_>, txn: Txn<'_>, request: Delete) -> Result<(), Fault> {
    txn.delete(&secret_row(&request.path));
    Ok(())
}

/// The time to live that a member `ttl`, or else `lease`, of the data gives; zero if there is none or it makes no sense.
fn hinted_ttl(data: &RawValue) -> Ttl {
    #[derive(Deserialize)]
    struct Hints<'a> {
        #[serde(borrow)]
        ttl: Option<&'a RawValue>,
        #[serde(borrow)]
        lease: Option<&'a RawValue>,
    }
    let hints = serde_json::from_str::<Hints<'_>>(data.get()).ok();
    let hint = hints.and_then(|h| h.ttl.or(h.lease));
    hint.and_then(|raw| Ttl::coerce(&Raw::Json(raw)).ok()).unwrap_or_default()
}
