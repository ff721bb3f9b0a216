//! `cubbyhole`: a store of one's own for every token, which goes with the token.
//!
//! The kernel gives each token its own rows ([`Engine::per_token`]); nothing here could reach another's.
use crate::document::Document;
use crate::listing::Listing;
use kw_engine::{Body, Cx, Engine, Fault, Keys, Mount, Reply, Request, Routes, Txn, View};
use serde_json::value::RawValue;

pub fn engine() -> impl Engine {
    let routes = Routes::new()
        .at("{path...}")
        .read(read)
        .write(write)
        .creates_if_absent(exists)
        .delete(delete)
        .list(list)
        .scan(scan);
    Cubbyhole { routes }
}

struct Cubbyhole {
    routes: Routes,
}

impl Engine for Cubbyhole {
    fn kind(&self) -> &'static str {
        "cubbyhole"
    }

    fn doc(&self) -> &'static str {
        include_str!("README.md")
    }

    fn routes(&self, _: &Mount) -> &Routes {
        &self.routes
    }

    fn variants(&self) -> Vec<(&'static str, &Routes)> {
        vec![("", &self.routes)]
    }

    fn per_token(&self) -> bool {
        true
    }
}

/// Reads what the token has stored at a path, or deletes it.
#[derive(Request)]
struct At {
    /// The path, within the token's own store.
    #[capture]
    path: String,
}

async fn read(cx: &Cx<'_>, view: View<'_>, at: At) -> Result<Option<Reply>, Fault> {
    let path = own_path(cx, &at.path)?;
    let Some(document) = view.get::<Box<RawValue>>(path).await? else { return Ok(None) };
    Ok(Some(Reply::new(Body::Data(document.into()))))
}

async fn write(cx: &Cx<'_>, txn: Txn<'_>, document: Document) -> Result<(), Fault> {
    must_last(cx)?;
    let (path, body) = document.checked()?;
    txn.put(&path, &body)
}

async fn exists(_: &Cx<'_>, view: View<'_>, at: At) -> Result<bool, Fault> {
    view.exists(&at.path).await
}

async fn delete(cx: &Cx<'_>, txn: Txn<'_>, at: At) -> Result<(), Fault> {
    txn.delete(own_path(cx, &at.path)?);
    Ok(())
}

async fn list(cx: &Cx<'_>, view: View<'_>, listing: Listing) -> Result<Keys, Fault> {
    must_last(cx)?;
    listing.children(view, "").await
}

async fn scan(cx: &Cx<'_>, view: View<'_>, listing: Listing) -> Result<Keys, Fault> {
    must_last(cx)?;
    listing.descendants(view, "").await
}

fn own_path<'p>(cx: &Cx<'_>, path: &'p str) -> Result<&'p str, Fault> {
    must_last(cx)?;
    if path.is_empty() { Err(Fault::bad_request("missing path")) } else { Ok(path) }
}

/// A batch token is nowhere stored, so nothing would ever clean up behind it; it is known by having no accessor.
fn must_last(cx: &Cx<'_>) -> Result<(), Fault> {
    match cx.caller() {
        Some(caller) if !caller.accessor.is_empty() => Ok(()),
        _ => Err(Fault::bad_request("cubbyhole operations are only supported by 'service' type tokens")),
    }
}

#[cfg(test)]
mod tests;
