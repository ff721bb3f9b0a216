//! `kv`: secrets that somebody wrote, with versions (2) or without (1).
//!
//! [`model`] says how a secret lies in its rows; one file for each group of routes does the rest.
mod astray;
mod config;
mod data;
mod merge;
mod metadata;
mod model;
mod row;
mod settings;
mod subkeys;
mod v1;
mod versions;

use crate::listing::Listing;
use kw_engine::{Cx, Engine, Fault, Keys, Mount, Routes, View};

pub fn engine() -> impl Engine {
    Kv { v1: routes_v1(), v2: routes_v2() }
}

struct Kv {
    v1: Routes,
    v2: Routes,
}

impl Engine for Kv {
    fn kind(&self) -> &'static str {
        "kv"
    }

    fn other_names(&self) -> &'static [&'static str] {
        &["kv-v1", "kv-v2", "generic"]
    }

    fn doc(&self) -> &'static str {
        include_str!("README.md")
    }

    fn routes(&self, mount: &Mount) -> &Routes {
        if mount.option("version") == Some("2") { &self.v2 } else { &self.v1 }
    }

    fn variants(&self) -> Vec<(&'static str, &Routes)> {
        vec![("v1", &self.v1), ("v2", &self.v2)]
    }

    fn check(&self, mount: &mut Mount) -> Result<(), Fault> {
        let alias = match mount.kind.as_str() {
            "kv-v1" => Some("1"),
            "kv-v2" => Some("2"),
            // What `kv` was called when it had no versions.
            "generic" => Some("1"),
            _ => None,
        };
        if let Some(version) = alias {
            mount.kind = self.kind().to_owned();
            mount.options.insert("version".to_owned(), version.to_owned());
        }
        match mount.option("version") {
            None | Some("1" | "2") => Ok(()),
            Some(_) => Err(Fault::bad_request("the option 'version' of a kv mount must be 1 or 2")),
        }
    }
}

fn routes_v1() -> Routes {
    Routes::new()
        .at("{path...}")
        .read(v1::read)
        .write(v1::write)
        .creates_if_absent(model::exists)
        .delete(v1::delete)
        .list(list)
        .scan(scan)
}

fn routes_v2() -> Routes {
    Routes::new()
        .at("data/{path...}")
        .read(data::read)
        .write(data::write)
        .creates_if_absent(model::exists)
        .patch(data::patch)
        .delete(versions::delete_newest)
        .at("metadata/{path...}")
        .read(metadata::read)
        .write(metadata::write)
        .creates_if_absent(model::exists)
        .patch(metadata::patch)
        .delete(metadata::delete)
        .list(list)
        .scan(scan)
        .at("delete/{path...}")
        .write(versions::delete)
        .at("undelete/{path...}")
        .write(versions::undelete)
        .at("destroy/{path...}")
        .write(versions::destroy)
        .at("subkeys/{path...}")
        .read(subkeys::read)
        .at("config")
        .read(config::read)
        .write(config::write)
        .at("{path...}")
        .read(astray::read)
        .write(astray::write)
        .delete(astray::delete)
        .list(astray::list)
}

async fn list(_: &Cx<'_>, view: View<'_>, listing: Listing) -> Result<Keys, Fault> {
    listing.children(view, model::SECRETS).await
}

async fn scan(_: &Cx<'_>, view: View<'_>, listing: Listing) -> Result<Keys, Fault> {
    listing.descendants(view, model::SECRETS).await
}

#[cfg(test)]
mod tests;
